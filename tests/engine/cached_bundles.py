"""Small real bundles with a cache: a transformer in ONNX with seeded weights, and its manifest.

Two layers of pre-norm attention (GroupQueryAttention, rotary in the operator, a shared buffer for
past and present) and gated feed-forward; per decision, or per sixteenth with a small voice graph.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import FEATURES, HOLD, REST, VOCABULARY

from tests.engine.bundles import Recipe, sha256, write_bundle

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class CachedRecipe:
    """How a test's transformer is made. `per` is 'decision' or 'frame'; with `branches` its rows
    may stand beside each other."""

    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 16
    inner: int = 128
    context: int = 256
    chunk: int = 64
    seed: int = 1
    spread: float = 2.0
    hold_bias: float = 2.0
    rest_bias: float = -1.0
    int8: bool = False
    per: str = "decision"
    branches: bool = False

    @property
    def width(self) -> int:
        return self.heads * self.head_size


def write_cached_bundle(folder: Path, recipe: CachedRecipe = CachedRecipe()) -> Path:
    """Write a whole bundle into `folder`: graphs and `manifest.toml`."""
    write_bundle(folder, Recipe(hidden=8))  # for its card and for most of its manifest
    role, files = "step", {}
    if recipe.per == "frame":
        role, files = "frame", {("voice", "fp32"): "voice.onnx"}
        onnx.save(voice_graph(recipe), os.fspath(folder / "voice.onnx"))
    onnx.save(backbone(recipe), os.fspath(folder / "model.onnx"))
    files[role, "fp32"] = "model.onnx"
    if recipe.int8:
        quantise(folder / "model.onnx", folder / "model.int8.onnx")
        files[role, "int8"] = "model.int8.onnx"
    write_cached_manifest(folder, recipe, files)
    return folder


def quantise(source: Path, target: Path) -> None:
    """Dynamic int8 of a graph with contributed operators."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        os.fspath(source),
        os.fspath(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul"],
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )


def write_cached_manifest(
    folder: Path,
    recipe: CachedRecipe,
    files: dict[tuple[str, str], str],
    opsets: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Turn the manifest in `folder` into that of this model; `opsets`: of files that have another
    than 18."""
    path = folder / "manifest.toml"
    head, rest = path.read_text().split("[[graph]]", 1)
    tail = rest[rest.index("[training]") :]
    lines = [
        f'[[graph]]\nrole = "{role}"\nprecision = "{precision}"\nfile = "{file}"\n'
        f'sha256 = "{sha256(folder / file)}"\nopset = {opsets.get(file, 18)}'
        for (role, precision), file in files.items()
    ]
    for name, dtype, shape in (
        ("features", "int64", f'[1, "chunk", {len(FEATURES)}]'),
        ("seqlens_k", "int32", "[1]"),
        ("total_length", "int32", "[1]"),
    ):
        lines.append(f'[[input]]\nname = "{name}"\ndtype = "{dtype}"\nshape = {shape}')
    first = '"batch"' if recipe.per == "frame" else '1, "chunk"'
    lines.append(f'[[output]]\nname = "logits"\ndtype = "float32"\nshape = [{first}, {VOCABULARY}]')
    if recipe.per == "frame":
        lines.append(
            f'[[hidden]]\nname = "hidden"\ndtype = "float32"\nshape = [1, "chunk", {recipe.width}]'
        )
    sizes = f"[1, {recipe.kv_heads}, {recipe.context}, {recipe.head_size}]"
    for layer in range(recipe.layers):
        for part in ("key", "value"):
            lines.append(
                f'[[cache]]\npast = "past_{layer}_{part}"\npresent = "present_{layer}_{part}"\n'
                f'dtype = "float32"\nshape = {sizes}'
            )
    lines.append(
        f'[rewind]\nkind = "length"\nper = "{recipe.per}"\ncontext = {recipe.context}\n'
        f"chunk = {recipe.chunk}"
    )
    path.write_text(head + "\n".join(lines) + "\n" + tail)


class Net:
    """Nodes and weights on their way to becoming a graph."""

    def __init__(self, recipe: CachedRecipe, seed: int) -> None:
        self.recipe = recipe
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, NDArray[Any]] = {}

    def node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def random(self, name: str, *shape: int, scale: float = 1.0) -> str:
        size = scale / shape[0] ** 0.5 if len(shape) > 1 else scale
        self.weights[name] = self.rng.normal(0.0, size, shape).astype(np.float32)
        return name

    def embedded(self, rank: int) -> str:
        """features [..., 24] → x [..., width]: the sum of one row for each feature."""
        sizes = [feature.size for feature in FEATURES]
        offsets = np.cumsum([0, *sizes[:-1]]).astype(np.int64)
        self.weights["offsets"] = offsets.reshape((1,) * (rank - 1) + (-1,))
        self.weights["summed"] = np.array([rank - 1], np.int64)
        self.weights["table"] = self.rng.normal(0, 0.5, (sum(sizes), self.recipe.width)).astype(
            np.float32
        )
        self.node("Add", ["features", "offsets"], ["places"])
        self.node("Gather", ["table", "places"], ["each"], axis=0)
        self.node("ReduceSum", ["each", "summed"], ["embedded"], keepdims=0)
        return "embedded"

    def normed(self, x: str, name: str) -> str:
        self.weights[f"{name}_w"] = np.ones(self.recipe.width, np.float32)
        self.node("SimplifiedLayerNormalization", [x, f"{name}_w"], [name], axis=-1, epsilon=1e-5)
        return name

    def layer(self, x: str, number: int) -> str:
        """x [1, S, width] → the same, after attention and feed-forward."""
        p, made = f"l{number}_", self.recipe
        width, inner = made.width, made.inner
        packed = (made.heads + 2 * made.kv_heads) * made.head_size
        self.random(p + "qkv_w", width, packed, scale=1.5)
        self.node("MatMul", [self.normed(x, p + "n1"), p + "qkv_w"], [p + "qkv"])
        past = [f"past_{number}_key", f"past_{number}_value"]
        present = [f"present_{number}_key", f"present_{number}_value"]
        more = ["position_ids", "attention_bias"] if made.branches else []
        self.node(
            "GroupQueryAttention",
            [p + "qkv", "", "", *past, "seqlens_k", "total_length", "cos", "sin", *more],
            [p + "a", *present],
            domain=MICROSOFT,
            num_heads=made.heads,
            kv_num_heads=made.kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
        )
        self.node("MatMul", [p + "a", self.random(p + "o_w", width, width)], [p + "o"])
        self.node("Add", [x, p + "o"], [p + "x1"])
        n2 = self.normed(p + "x1", p + "n2")
        self.node("MatMul", [n2, self.random(p + "gate", width, inner)], [p + "g"])
        self.node("MatMul", [n2, self.random(p + "up", width, inner)], [p + "u"])
        self.node("Sigmoid", [p + "g"], [p + "s"])
        self.node("Mul", [p + "g", p + "s"], [p + "gs"])
        self.node("Mul", [p + "gs", p + "u"], [p + "gu"])
        self.node("MatMul", [p + "gu", self.random(p + "down", inner, width)], [p + "d"])
        self.node("Add", [p + "x1", p + "d"], [p + "x2"])
        return p + "x2"

    def head(self, x: str, recipe: CachedRecipe) -> None:
        """x [..., width] → logits [..., 48]."""
        self.random("head", recipe.width, VOCABULARY, scale=recipe.spread)
        self.weights["bias"] = np.zeros(VOCABULARY, np.float32)
        self.weights["bias"][[HOLD, REST]] = recipe.hold_bias, recipe.rest_bias
        self.node("MatMul", [x, "head"], ["plain"])
        self.node("Add", ["plain", "bias"], ["logits"])

    def model(self, inputs: list[Any], outputs: list[Any]) -> onnx.ModelProto:
        constants = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def value(name: str, kind: int, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def backbone(recipe: CachedRecipe) -> onnx.ModelProto:
    """features → layers → logits, or hidden where decisions are made by another graph."""
    net = Net(recipe, recipe.seed)
    half = recipe.head_size // 2
    angles = np.outer(np.arange(recipe.context), 10000.0 ** (-np.arange(half) / half))
    net.weights["cos"] = np.cos(angles).astype(np.float32)
    net.weights["sin"] = np.sin(angles).astype(np.float32)
    x = net.embedded(rank=3)
    for number in range(recipe.layers):
        x = net.layer(x, number)
    if recipe.per == "frame":
        net.weights["last_w"] = np.ones(recipe.width, np.float32)
        net.node("SimplifiedLayerNormalization", [x, "last_w"], ["hidden"], axis=-1, epsilon=1e-5)
        output = value("hidden", TensorProto.FLOAT, 1, "S", recipe.width)
    else:
        net.head(net.normed(x, "last"), recipe)
        output = value("logits", TensorProto.FLOAT, 1, "S", VOCABULARY)
    cache = (1, recipe.kv_heads, recipe.context, recipe.head_size)
    further = [
        value("position_ids", TensorProto.INT64, 1, "S"),
        value("attention_bias", TensorProto.FLOAT, 1, 1, "S", recipe.context),
    ]
    names = [f"{n}_{part}" for n in range(recipe.layers) for part in ("key", "value")]
    return net.model(
        [
            value("features", TensorProto.INT64, 1, "S", len(FEATURES)),
            value("seqlens_k", TensorProto.INT32, 1),
            value("total_length", TensorProto.INT32, 1),
            *(value(f"past_{name}", TensorProto.FLOAT, *cache) for name in names),
            *(further if recipe.branches else []),
        ],
        [output, *(value(f"present_{name}", TensorProto.FLOAT, *cache) for name in names)],
    )


def voice_graph(recipe: CachedRecipe) -> onnx.ModelProto:
    """features [B, 24], hidden [B, width] → logits [B, 48]."""
    net = Net(recipe, recipe.seed + 1)
    net.node("Add", [net.embedded(rank=2), "hidden"], ["both"])
    net.node("Tanh", ["both"], ["bent"])
    net.head("bent", recipe)
    return net.model(
        [
            value("features", TensorProto.INT64, "B", len(FEATURES)),
            value("hidden", TensorProto.FLOAT, "B", recipe.width),
        ],
        [value("logits", TensorProto.FLOAT, "B", VOCABULARY)],
    )
