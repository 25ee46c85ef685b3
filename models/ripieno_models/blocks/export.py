"""Writes a run of a family of blocks as a bundle, and refuses unless the graphs say what torch
says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.errors import BundleError, RipienoError
from ripieno.grammar.grid import VOCABULARY, VOICES
from ripieno.inference import note_sampler
from ripieno.settings import DIRECTIONS
from tomlkit.items import Table
from torch import Tensor, nn

from ripieno_models import note_tables
from ripieno_models.blocks import card, small
from ripieno_models.blocks.dataset import whole
from ripieno_models.blocks.learner import CURVES
from ripieno_models.blocks.runs import load
from ripieno_models.bundle_files import (
    ORDER,
    About,
    Layout,
    decorate,
    put,
    table,
    tensor,
    voices,
)
from ripieno_models.corpora import Corpus
from ripieno_models.families.blocks import BlockKind, Blocks
from ripieno_models.families.gan import Gan
from ripieno_models.families.vq_vae import KEYS, VqVae
from ripieno_models.gates import LARGEST_DIFFERENCE
from ripieno_models.onnx_files import exported
from ripieno_models.onnx_step import session_of
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, SAMPLES, figures_of, read

OPSET = 18
ENCODER, DECODER, PRIOR = "encoder.onnx", "decoder.onnx", "prior.onnx"
REFERENCE = "reference.npz"
CHECKED = 8
"""Validation blocks on which graphs are held against torch."""
Arrays = NDArray[Any]


class Encoder(nn.Module):
    """What a block is made of, for the exporter."""

    def __init__(self, model: Blocks) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """[1, size] for `tokens` [1, T, 4]."""
        return self.model.encode(tokens)


class Decoder(nn.Module):
    """What is told of a block, for the exporter; a latent is first moved by `turns`."""

    def __init__(self, model: Blocks) -> None:
        super().__init__()
        self.model = model
        if model.kind == "latent":
            self.register_buffer("ways", directions(model))
            self.ways: Tensor

    def forward(self, drawn: Tensor, turns: Tensor | None = None) -> Tensor:
        """[1, T, 4, 48] or [1, T, 88] for `drawn` [1, size], `turns` [1, 4]."""
        told: Tensor = self.model.decode(drawn if turns is None else drawn + turns @ self.ways)
        return told


class Follows(nn.Module):
    """Which entry follows, for the exporter."""

    def __init__(self, model: VqVae) -> None:
        super().__init__()
        self.prior = model.prior

    def forward(self, code: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [1, K] and memory [1, M] for `code` [1] and memory [1, M]."""
        return self.prior.step(code, memory)


@torch.no_grad()
def directions(model: Blocks) -> Tensor:
    """[4, Z]: the ways in a latent space that move the decoder's first layer most, the strongest
    first (Shen & Zhou: Closed-Form Factorization of Latent Semantics, 2021)."""
    ways = torch.linalg.svd(model.entrance.weight, full_matrices=False).Vh[:DIRECTIONS]
    signs = ways.gather(1, ways.abs().argmax(1, keepdim=True)).sign()
    found = torch.zeros(DIRECTIONS, model.size)
    found[: len(ways)] = ways * signs
    return found


def bundle(folder: Path, corpus: Corpus, zoo: Path) -> Path:
    """Write the run in `folder` to `zoo`/NAME. Raises RipienoError where a check fails.

    Everything is checked before anything in the zoo is touched.
    """
    model, _, kind = load(folder)
    told = figures_of(folder)
    blocks = whole(corpus.of(Split.VALID), model.steps, batch=1)
    if not blocks:
        raise RipienoError("there is no validation piece to check with", where=corpus.name)
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        write_graphs(model, kind, made)
        heard = [block.heard for block in blocks[:CHECKED]]
        metrics = {**told, "largest_logit_difference": gate(model, kind, made, heard)}
        precision = "fp32"
        pair = made / ENCODER, made / DECODER
        if model.kind == "latent" and kind.hears and small.is_large(pair):
            metrics["int8_loss_percent"] = 100 * small.made_small(*pair, blocks)
            precision = "int8"
        note_tables.write(corpus.of(Split.TRAIN), made / note_sampler.FILE)
        write_reference(model, heard[0], made / REFERENCE)
        words = card.text(kind, read(folder, RECORD), metrics, read(folder, SAMPLES))
        decorate(folder, made, CURVES, words)
        return put(folder, about(model, kind), layout(model, kind, precision), metrics, made, zoo)


@torch.inference_mode()
def write_reference(model: Blocks, heard: Tensor, path: Path) -> None:
    """Write what torch makes of the block `heard` [1, T, 4], to check the bundle without torch: its
    `tokens`, what it is `made_of`, and the `logits`, or the roll, of that."""
    made_of = model.encode(heard)
    logits = model.decode(made_of)
    told = {"tokens": heard[0], "made_of": made_of[0], "logits": logits[0]}
    arrays: dict[str, Any] = {name: value.numpy() for name, value in told.items()}
    np.savez_compressed(path, **arrays)


def write_graphs(model: Blocks, kind: BlockKind, made: Path) -> None:
    """Write the graphs of `model` into the folder `made`."""
    drawn, out = model.kind, "roll" if model.output == "roll" else "logits"
    latent = torch.zeros(1, model.size)
    example = (latent, torch.ones(1, DIRECTIONS))
    inputs = [drawn, "turns"]
    if model.kind == "codes":
        example, inputs = (latent.long(),), [drawn]  # type: ignore[assignment]
    how: dict[str, Any] = {"opset_version": OPSET}
    exported(Decoder(model), example, made / DECODER, input_names=inputs, output_names=[out], **how)
    if kind.hears:
        tokens = (torch.zeros(1, model.steps, len(VOICES), dtype=torch.long),)
        names = {"input_names": ["tokens"], "output_names": [drawn]}
        exported(Encoder(model), tokens, made / ENCODER, **names, **how)
    if isinstance(model, VqVae):
        asked = (torch.zeros(1, dtype=torch.long), torch.zeros(1, model.prior.memory))
        names = {"input_names": ["code", "memory"], "output_names": ["logits", "memory_out"]}
        exported(Follows(model), asked, made / PRIOR, **names, **how)


@torch.inference_mode()
def gate(model: Blocks, kind: BlockKind, made: Path, heard: Sequence[Tensor]) -> float:
    """The largest difference of what graphs and torch say of some blocks, each [1, T, 4].

    Raises BundleError where it is too large, or where codes differ.
    """
    found: list[float] = []
    decode, name = Decoder(model), made / DECODER
    for number, tokens in enumerate(heard):
        drawn = model.encode(tokens)
        if kind.hears:
            told = run(made / ENCODER, tokens)[0]
            found.append(apart(told, drawn))
        else:
            drawn = torch.randn(1, model.size, generator=torch.Generator().manual_seed(number))
        if model.kind == "latent":
            turns = torch.full((1, DIRECTIONS), 0.5 * number)
            found.append(apart(run(name, drawn, turns)[0], decode(drawn, turns)))
        else:
            found.append(apart(run(name, drawn)[0], decode(drawn)))
        if isinstance(model, VqVae):
            found.append(replayed(model, made / PRIOR, drawn))
    if not max(found) <= LARGEST_DIFFERENCE:
        raise BundleError(
            f"the graphs differ from torch by {max(found):.2g} in {len(heard)} blocks",
            where=kind.name,
            allowed=f"at most {LARGEST_DIFFERENCE:g}",
        )
    return max(found)


def replayed(model: VqVae, path: Path, codes: Tensor) -> float:
    """The largest difference between the prior told code by code and all at once."""
    session = session_of(path)
    memory = np.zeros((1, model.prior.memory), np.float32)
    found = []
    for code in [model.entries, *codes[0].tolist()][:-1]:
        fed = {"code": np.array([code], np.int64), "memory": memory}
        logits, memory = session.run(["logits", "memory_out"], fed)
        found.append(torch.from_numpy(np.asarray(logits)))
    return float((torch.cat(found) - model.prior(codes)[0]).abs().max())


def run(path: Path, *given: Tensor) -> list[Arrays]:
    """The outputs of the graph at `path`."""
    session = session_of(path)
    names = [each.name for each in session.get_inputs()]
    fed = {name: value.numpy() for name, value in zip(names, given, strict=True)}
    return [np.asarray(each) for each in session.run(None, fed)]


def apart(told: Arrays, right: Tensor) -> float:
    return float((torch.from_numpy(told) - right).abs().max())


def about(model: Blocks, kind: BlockKind) -> About:
    """What the manifest tells of the model beside its graphs."""
    return About(
        kind.name,
        kind.title,
        "blocks",
        blocks(model),
        voices(),
        "each told in CARD.md",
        given="none",
        heard="it knows nothing of what a player does beside it",
    )


def blocks(model: Blocks) -> Table:
    """The manifest's table of what a block is."""
    told: dict[str, Any] = {
        "kind": model.kind,
        "output": model.output,
        "steps": model.steps,
        "size": model.size,
        "order": list(ORDER),
    }
    if isinstance(model, VqVae):
        told |= {"entries": model.entries, "together": len(VOICES), "memory": model.prior.memory}
    else:
        told["directions"] = DIRECTIONS
    return table(
        told,
        kind="what a block is made of",
        steps="sixteenths of a block",
        size="numbers of the latent, or codes of a block",
        order="in which the voices decide",
    )


def layout(model: Blocks, kind: BlockKind, precision: str = "fp32") -> Layout:
    """What the manifest tells of the graphs, all of one precision."""
    files = [("decoder", DECODER)]
    files += [("encoder", ENCODER)] if kind.hears else []
    files += [("prior", PRIOR)] if isinstance(model, VqVae) else []
    ending = ".onnx" if precision == "fp32" else f".{precision}.onnx"
    there = [(role, precision, file.replace(".onnx", ending)) for role, file in files]
    drawn = tensor(model.kind, "float32" if model.kind == "latent" else "int64", [1, model.size])
    turns = [tensor("turns", "float32", [1, DIRECTIONS])] if model.kind == "latent" else []
    told = tensor("logits", "float32", [1, model.steps, len(VOICES), VOCABULARY])
    if isinstance(model, Gan):
        told = tensor("roll", "float32", [1, model.steps, KEYS])
    return Layout(tuple(there), {"input": [drawn, *turns], "output": [told]}, {"kind": "block"})
