"""The transformer of `cached_bundles` on standard operators alone, with the same weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from ripieno.grammar.grid import FEATURES, VOCABULARY

from tests.engine.bundles import sha256
from tests.engine.cached_bundles import (
    MICROSOFT,
    CachedRecipe,
    backbone,
    value,
    write_cached_bundle,
    write_cached_manifest,
)

OPSET = 24


def write_portable_bundle(folder: Path, recipe: CachedRecipe) -> Path:
    """A bundle with a `step` graph and the `portable` one that says the same."""
    write_cached_bundle(folder, recipe)
    onnx.save(portable(recipe), os.fspath(folder / "portable.onnx"))
    files = {("step", "fp32"): "model.onnx", ("portable", "fp32"): "portable.onnx"}
    write_cached_manifest(folder, recipe, files, {"portable.onnx": OPSET})
    return folder


def without_operator(folder: Path) -> None:
    """Make the `step` graph need an operator that no ONNX Runtime has."""
    graph = onnx.load(folder / "model.onnx")
    before = sha256(folder / "model.onnx")
    for node in graph.graph.node:
        if node.op_type == "GroupQueryAttention":
            node.op_type = "GroupQueryAttentionOfTomorrow"
    onnx.save(graph, folder / "model.onnx")
    path = folder / "manifest.toml"
    path.write_text(path.read_text().replace(before, sha256(folder / "model.onnx")))


def portable(recipe: CachedRecipe) -> onnx.ModelProto:
    """`cached_bundles.backbone` with its own operators replaced by standard ones."""
    model = backbone(recipe)
    graph, width = model.graph, recipe.kv_heads * recipe.head_size
    nodes = [*_positions(), *_hidden()]
    for node in graph.node:
        if node.op_type == "GroupQueryAttention":
            nodes += _attention(node, recipe)
        elif node.op_type == "SimplifiedLayerNormalization":
            inputs, (output,) = list(node.input), node.output
            nodes.append(_node("RMSNormalization", inputs, output, axis=-1, epsilon=1e-5))
        else:
            nodes.append(node)
    cache = (1, "filled", width)
    names = [f"{n}_{part}" for n in range(recipe.layers) for part in ("key", "value")]
    constants = {
        "scalar": np.array([], np.int64), "zero": np.array(0), "one": np.array(1),
        "row": np.array([-1, 1]), "nothing": np.array(0, np.float32),
        "much": np.array(np.finfo(np.float32).min), "front": np.array([0]),
        "parts": np.array([recipe.width, width, width]),
    }  # fmt: skip
    made = helper.make_graph(
        nodes,
        "portable",
        [
            value("features", TensorProto.INT64, 1, "S", len(FEATURES)),
            value("seqlens_k", TensorProto.INT32, 1),
            value("total_length", TensorProto.INT32, 1),
            *(value(f"past_{name}", TensorProto.FLOAT, *cache) for name in names),
        ],
        [
            value("logits", TensorProto.FLOAT, 1, "S", VOCABULARY),
            *(value(f"present_{name}", TensorProto.FLOAT, *cache) for name in names),
        ],
        [*graph.initializer, *(onnx.numpy_helper.from_array(a, n) for n, a in constants.items())],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=11)


def _node(kind: str, inputs: list[str], output: str, **how: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **how)


def _positions() -> list[onnx.NodeProto]:
    """`begin` [1] and `slots` [1, S]: where this run's rows stand."""
    return [
        _node("Cast", ["total_length"], "total", to=TensorProto.INT64),
        _node("Shape", ["features"], "count", start=1, end=2),
        _node("Sub", ["total", "count"], "begin"),
        _node("Reshape", ["begin", "scalar"], "initial"),
        _node("Reshape", ["total", "scalar"], "final"),
        _node("Range", ["initial", "final", "one"], "span"),
        _node("Unsqueeze", ["span", "front"], "slots"),
        _node("Gather", ["cos", "slots"], "cosines", axis=0),
        _node("Gather", ["sin", "slots"], "sines", axis=0),
    ]


def _hidden() -> list[onnx.NodeProto]:
    """`unseen` [S, filled]: what a row may not see."""
    return [
        _node("Shape", ["past_0_key"], "filled_", start=1, end=2),
        _node("Reshape", ["filled_", "scalar"], "filled"),
        _node("Range", ["zero", "filled", "one"], "columns"),
        _node("Reshape", ["slots", "row"], "here"),
        _node("LessOrEqual", ["columns", "here"], "seen"),
        _node("Where", ["seen", "nothing", "much"], "unseen"),
    ]


def _attention(node: onnx.NodeProto, recipe: CachedRecipe) -> list[onnx.NodeProto]:
    assert node.domain == MICROSOFT
    packed, (out, *present) = node.input[0], node.output
    query, key, new, turned, grown = (f"{out}_{name}" for name in ("q", "k", "v", "tq", "tk"))
    turns = ["cosines", "sines"]
    return [
        helper.make_node("Split", [packed, "parts"], [query, key, new], axis=-1),
        _node("RotaryEmbedding", [query, *turns], turned, num_heads=recipe.heads),
        _node("RotaryEmbedding", [key, *turns], grown, num_heads=recipe.kv_heads),
        _node("TensorScatter", [node.input[3], grown, "begin"], present[0], axis=1),
        _node("TensorScatter", [node.input[4], new, "begin"], present[1], axis=1),
        _node(
            "Attention",
            [turned, *present, "unseen"],
            out,
            q_num_heads=recipe.heads,
            kv_num_heads=recipe.kv_heads,
        ),
    ]
