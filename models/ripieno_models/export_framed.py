"""The bundle of `chorale-transformer`: its graphs, and the gate that they must pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.grid import FEATURES, VOCABULARY, VOICES

from ripieno_models.bundle_files import Checked, Layout, tensor
from ripieno_models.dataset import Batch
from ripieno_models.families.chorale_transformer import DECIDED, ChoraleTransformer, Options
from ripieno_models.framed_graphs import (
    BATCH,
    CHUNK,
    cache_names,
    cache_shape,
    write_frame,
    write_voice,
)
from ripieno_models.gates import onnx_nll, refuse_difference, refuse_loss, replayed
from ripieno_models.likelihood import likelihood
from ripieno_models.onnx_files import quantise
from ripieno_models.onnx_framed import CHUNKS, OnnxFramed
from ripieno_models.onnx_step import Floats

ROLES = ("frame", "voice")
FP32 = {role: f"{role}.onnx" for role in ROLES}
INT8 = {role: f"{role}.int8.onnx" for role in ROLES}
REWOUND = (40, 3, 17)
"""Sixteenths to which the gate rewinds, and from which it goes on."""


def write_graphs(model: ChoraleTransformer, options: Options, made: Path) -> None:
    """Write both graphs in fp32 and int8 (dynamic: weights in int8, sums in int32) to `made`."""
    write_frame(model, options, made / FP32["frame"])
    write_voice(model, options, made / FP32["voice"])
    for role in ROLES:
        quantise(made / FP32[role], made / INT8[role], ("MatMul", "Gemm"), per_channel=True)


def opened(made: Path, files: dict[str, str]) -> OnnxFramed:
    """The graphs in `made` of one precision."""
    return OnnxFramed(made / files["frame"], made / files["voice"])


def gate(model: ChoraleTransformer, made: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graphs in `made` against torch on real pieces (one a batch): step by step, in
    chunks, and after rewinding. Raises BundleError."""
    seen = replayed(valid)
    with torch.inference_mode():
        right = model(seen[None])[0][0].numpy()
        nll_fp32 = likelihood(model, valid).nll
    graph, features = opened(made, FP32), seen.numpy()
    ways = [graph.replay(features, (1,)), graph.replay(features, CHUNKS)]
    ways.append(rewound(graph, features))
    difference = max(float(np.abs(way - right).max()) for way in ways)
    refuse_difference(difference, len(seen), FP32["frame"])
    checked = Checked(difference, nll_fp32, onnx_nll(opened(made, INT8), valid))
    refuse_loss(checked, INT8["frame"])
    return checked


def leave_out_fp32(made: Path) -> None:
    """Remove from `made` what was only there to be held against."""
    for name in FP32.values():
        (made / name).unlink()


def rewound(graph: OnnxFramed, features: NDArray[np.int64]) -> Floats:
    """As `replay`, but everything after some places is heard twice, the first time wrongly."""
    rows = features[features[:, DECIDED] == 0]
    graph.reset()
    told = graph.feed(rows, CHUNKS)
    for place in REWOUND:
        if place < len(rows):
            graph.rewind(place)
            graph.feed(rows[place:][::-1], CHUNKS)
            graph.rewind(place)
            told[place:] = graph.feed(rows[place:], CHUNKS)
    return graph.decide(features, np.repeat(told, len(features) // len(rows), axis=0))


def layout(options: Options) -> Layout:
    """What the manifest tells of the two graphs and their cache.

    Those in 8 bits are all that ships: the others are four times as large, slower, and no better
    than the gate's half a percent.
    """
    shape = cache_shape(options)
    width = options.width + len(VOICES)
    return Layout(
        graphs=tuple((role, "int8", INT8[role]) for role in ROLES),
        tensors={
            "input": [
                tensor("features", "int64", [1, CHUNK, len(FEATURES)]),
                tensor("seqlens_k", "int32", [1]),
                tensor("total_length", "int32", [1]),
            ],
            "hidden": [tensor("hidden", "float32", [1, CHUNK, width])],
            "output": [tensor("logits", "float32", [BATCH, VOCABULARY])],
            "cache": [
                {
                    "past": f"past_{name}",
                    "present": f"present_{name}",
                    "dtype": "float32",
                    "shape": shape,
                }
                for name in cache_names(options.layers)
            ],
        },
        rewind={
            "kind": "length",
            "per": "frame",
            "context": options.context,
            "chunk": CHUNKS[0],
        },
    )
