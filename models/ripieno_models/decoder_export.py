"""The bundle of a decoder-only Transformer: its graphs, and the gate that they must pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ripieno.errors import BundleError

from ripieno_models import decoder_graphs, decoder_portable, waiting
from ripieno_models.bundle_files import Checked, tensor
from ripieno_models.decoder_graphs import Shape, shape_of, weights_of
from ripieno_models.families.decoder import Decoder
from ripieno_models.families.remi_structured import Structured
from ripieno_models.framed_graphs import CHUNK, cache_names
from ripieno_models.gates import LARGEST_LOSS, refuse_difference
from ripieno_models.onnx_decoder import OnnxDecoder, Tokens
from ripieno_models.onnx_files import quantise, quantise_blocks
from ripieno_models.onnx_framed import CHUNKS
from ripieno_models.onnx_step import Floats

FP32, INT8, Q8 = "model.onnx", "model.int8.onnx", "model.q8.onnx"
PORTABLE = {"fp32": "portable.onnx", "int8": "portable.int8.onnx"}
PRECISIONS = ("int8", "fp32")
"""What is written unless more is asked for: int8 hears steps, chunks and candidates well."""
REPLAYED = 256
"""Tokens that graphs are held against torch on."""
REWOUND = (40, 3, 17)
SIBLINGS = 20
"""Candidates of the gate's tree; the next as many again stand behind the first of them."""

GraphFile = tuple[str, str, str]
"""(role, precision, file)"""


def write_graphs(
    model: Decoder, made: Path, precisions: Sequence[str] = PRECISIONS, portable: bool = False
) -> list[GraphFile]:
    """Write the graphs of `model` to `made`: what the manifest tells of them.

    precisions: of int8 (weights in 8 bits, sums in int32), q8 (weights in 8 bits by blocks: faster
    for single steps on some machines; its chunks are those of int8) and fp32. portable: also on
    standard operators alone. Raises BundleError.
    """
    shape = shape_of(model)
    weights = weights_of(model, shape)
    decoder_graphs.write(weights, shape, made / FP32)
    files: list[GraphFile] = []
    if "int8" in precisions or "q8" in precisions:
        quantise(made / FP32, made / INT8, ("MatMul",), per_channel=True)
        files.append(("step", "int8", INT8))
    if "q8" in precisions:
        quantise_blocks(made / FP32, made / Q8)
        files += [("step", "q8", Q8), ("chunk", "q8", INT8)]
    if "fp32" in precisions:
        files.append(("step", "fp32", FP32))
    if portable:
        decoder_portable.write(weights, shape, made / PORTABLE["fp32"])
        quantise(made / PORTABLE["fp32"], made / PORTABLE["int8"], ("MatMul",), per_channel=True)
        files += [("portable", each, PORTABLE[each]) for each in precisions if each in PORTABLE]
    return files


def drop_unlisted(made: Path, files: Sequence[GraphFile]) -> None:
    """Remove the graphs in `made` that only the gate needed."""
    kept = {file for _, _, file in files}
    for name in (FP32, INT8, Q8, *PORTABLE.values()):
        if name not in kept:
            (made / name).unlink(missing_ok=True)


def tensors(shape: Shape) -> dict[str, list[dict[str, object]]]:
    """What the manifest tells of a graph's inputs, outputs and caches."""
    return {
        "input": [
            tensor("tokens", "int64", [1, CHUNK]),
            tensor("seqlens_k", "int32", [1]),
            tensor("total_length", "int32", [1]),
        ],
        "output": [tensor("logits", "float32", [1, CHUNK, shape.vocabulary])],
        "cache": [
            {
                "past": f"past_{name}",
                "present": f"present_{name}",
                "dtype": "float32",
                "shape": shape.cache,
            }
            for name in cache_names(shape.layers)
        ],
    }


def rewind(shape: Shape) -> dict[str, object]:
    """What the manifest tells of going back."""
    return {
        "kind": "length",
        "per": "decision",
        "context": shape.context,
        "chunk": min(CHUNKS[0], shape.context),
    }


def gate(model: Decoder | Structured, made: Path, valid: Sequence[Tokens]) -> Checked:
    """Hold the graphs in `made`, fp32 among them, against torch on real pieces of tokens: step by
    step, in chunks, after rewinding, as a tree; then see what 8 bits cost. Raises BundleError."""
    model.eval()
    context = model.options.context
    seen = next((piece for piece in valid if len(piece) >= REPLAYED), max(valid, key=len))
    seen = seen[: min(REPLAYED, context - 2 * SIBLINGS)]
    right, largest = _torch(model, seen), 0.0
    for name in (FP32, PORTABLE["fp32"]):
        if not (made / name).exists():
            continue
        graph = OnnxDecoder(made / name, context)
        ways = [graph.replay(seen, (1,)), graph.replay(seen), rewound(graph, seen)]
        difference = max(float(np.abs(way - right).max()) for way in ways)
        if graph.branches:
            difference = max(difference, tree_difference(model, graph, seen))
        refuse_difference(difference, len(seen), name)
        largest = max(largest, difference)
    pieces = [piece[:context] for piece in valid]
    nll_fp32 = nll(OnnxDecoder(made / FP32, context), pieces)
    nlls = {
        name: nll(OnnxDecoder(made / name, context), pieces)
        for name in (Q8, PORTABLE["int8"], INT8)
        if (made / name).exists()
    }
    for name, found in nlls.items():
        _refuse_loss(nll_fp32, found, name)
    return Checked(largest, nll_fp32, nlls.get(INT8, nll_fp32))


def nll(graph: OnnxDecoder, pieces: Sequence[Tokens]) -> float:
    """Nats per token over `pieces`, each at most the context long, its first token not counted."""
    total, count = 0.0, 0
    for piece in waiting.each(pieces, "Checking the graph"):
        logits = torch.from_numpy(graph.replay(piece[:-1]))
        follows = torch.from_numpy(piece[1:])
        total += float(torch.nn.functional.cross_entropy(logits, follows, reduction="sum"))
        count += len(follows)
    return total / count


def rewound(graph: OnnxDecoder, tokens: Tokens) -> Floats:
    """As `replay`, but everything after some places is heard twice, the first time wrongly."""
    told = graph.replay(tokens)
    for place in REWOUND:
        if place < len(tokens):
            graph.length = place
            graph.feed(tokens[place:][::-1])
            graph.length = place
            told[place:] = graph.feed(tokens[place:])
    return told


def tree_difference(model: Decoder | Structured, graph: OnnxDecoder, tokens: Tokens) -> float:
    """How far the logits of a tree are from torch's, told each path by itself: many candidates
    after `tokens`, then as many again after the first of them."""
    count = min(SIBLINGS, model.embedding.num_embeddings)
    ids = np.arange(count, dtype=np.int64)
    graph.replay(tokens)
    both = np.concatenate((ids, ids))
    told = graph.grow(both, [None] * count + [0] * count)
    paths = [[token] for token in ids] + [[ids[0], token] for token in ids]
    right = [_torch(model, np.append(tokens, path))[-1] for path in paths]
    return float(np.abs(told - np.stack(right)).max())


def _torch(model: Decoder | Structured, tokens: Tokens) -> Floats:
    with torch.inference_mode():
        logits: Floats = model(torch.from_numpy(tokens)[None])[0][0].numpy()
    return logits


def _refuse_loss(nll_fp32: float, found: float, where: str) -> None:
    loss = found / nll_fp32 - 1
    if not loss <= LARGEST_LOSS:  # on a few pieces 8 bits may come out better, by chance
        raise BundleError(
            f"in 8 bits the model is {loss:+.2%} off, {found:.4f} instead of {nll_fp32:.4f} nats "
            "per token",
            where=where,
            allowed=f"at most {LARGEST_LOSS:.1%}",
        )
