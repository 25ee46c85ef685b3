"""The graph of a decoder-only Transformer for ONNX Runtime: one file hears steps, chunks and trees.

Written node by node, so that attention is one operator (com.microsoft.GroupQueryAttention: packed
queries, keys and values, positions turned inside, keys and values written in place into static
memory) and each norm comes fused with the sum before it. Two further inputs, `position_ids` and
`attention_bias`, let rows of one run stand beside each other instead of after each other: many
candidates for what comes next cost one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from ripieno.errors import BundleError
from torch import Tensor

from ripieno_models.families.decoder import Decoder
from ripieno_models.framed_graphs import CHUNK, MICROSOFT, Graph, cache_names, gated, norm

OPSET = 18
HEAD_STEP = 16
"""The operator takes heads whose size is a multiple of this."""
COUNTS = ("seqlens_k", "total_length")
"""Positions taken after the run, less one; and how many are taken, or, where there is a bias, how
many that is wide: all of the memory."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder. `context`: positions of its caches; `base`: of its rotary angles."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    context: int
    base: float = 10_000.0

    @property
    def size(self) -> int:
        """Numbers per head."""
        return self.width // self.heads

    @property
    def cache(self) -> list[int]:
        """[1, heads, positions, numbers per head]: the memory of one layer's keys, or values."""
        return [1, self.kv_heads, self.context, self.size]

    @property
    def parameters(self) -> int:
        """Numbers that are trained; the embedding, which also makes the logits, counts once."""
        packed = (self.heads + 2 * self.kv_heads) * self.size
        layer = self.width * (packed + self.width + 3 * self.inner + 2)
        return self.vocabulary * self.width + self.layers * layer + self.width

    def turns(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Cosines and sines [context, size / 2] of all positions."""
        half = self.size // 2
        speeds = self.base ** (-np.arange(half) / half)
        angles = np.arange(self.context)[:, None] * speeds
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def shape_of(model: Decoder) -> Shape:
    """The sizes of `model`."""
    told = model.options
    return Shape(
        vocabulary=model.embedding.num_embeddings,
        width=told.width,
        layers=told.layers,
        heads=told.heads,
        kv_heads=told.heads,
        inner=told.inner,
        context=told.context,
        base=told.rope_base,
    )


def weights_of(model: Decoder, shape: Shape) -> dict[str, Tensor]:
    """The weights by name, which must be all that a graph takes. Raises BundleError."""
    weights = {name: weight.detach().float() for name, weight in model.state_dict().items()}
    wanted = names(shape)
    if set(weights) != set(wanted):
        odd = sorted(set(weights) ^ set(wanted))
        raise BundleError(
            f"the model has other weights than a decoder's graph takes: {', '.join(odd[:4])}",
            where=type(model).__name__,
            allowed=", ".join(wanted[:7]) + " … norm.weight",
        )
    return weights


def names(shape: Shape) -> list[str]:
    """All weights of a decoder, as its torch module names them."""
    own = ("attention_norm", "qkv", "out", "mlp_norm", "gate_up", "down")
    layers = [f"layers.{n}.{part}.weight" for n in range(shape.layers) for part in own]
    return ["embedding.weight", *layers, "norm.weight"]


def random_weights(shape: Shape, seed: int = 1) -> dict[str, Tensor]:
    """Weights drawn at random, of a size that keeps activations near one: for tests and benches."""
    source = torch.Generator().manual_seed(seed)
    packed = (shape.heads + 2 * shape.kv_heads) * shape.size
    sizes = {
        "embedding": (shape.vocabulary, shape.width),
        "qkv": (packed, shape.width),
        "out": (shape.width, shape.width),
        "gate_up": (2 * shape.inner, shape.width),
        "down": (shape.width, shape.inner),
    }
    made: dict[str, Tensor] = {}
    for name in names(shape):
        kind = name.split(".")[-2]
        if kind in sizes:
            out, into = sizes[kind]
            made[name] = torch.randn(out, into, generator=source) * into**-0.5
        else:
            made[name] = 1 + 0.1 * torch.randn(shape.width, generator=source)
    return made


def write(weights: Mapping[str, Tensor], shape: Shape, path: Path, branches: bool = True) -> None:
    """Write tokens int64 [1, S] → logits float32 [1, S, V] in fp32, with a cache.

    Without `branches` the graph lacks `position_ids` and `attention_bias`: its rows follow each
    other. Raises BundleError where the operator does not take the heads' size.
    """
    if shape.size % HEAD_STEP:
        raise BundleError(
            f"a head of {shape.size} numbers cannot be exported",
            where=path.name,
            allowed=f"width / heads of multiples of {HEAD_STEP}",
        )
    graph = Graph()
    x = graph.node("Gather", graph.weight(weights["embedding.weight"]), "tokens", axis=0)
    cos, sin = (graph.weight(turn) for turn in shape.turns())
    normed = norm(graph, x, weights["layers.0.attention_norm.weight"])
    for layer in range(shape.layers):
        own = f"layers.{layer}."
        following = f"layers.{layer + 1}.attention_norm.weight"
        packed = graph.linear(normed, weights[own + "qkv.weight"])
        mixed = attention(graph, packed, layer, shape, (cos, sin), branches)
        added = graph.linear(mixed, weights[own + "out.weight"])
        normed, x = graph.skip_norm(x, added, weights[own + "mlp_norm.weight"])
        inner = gated(graph, graph.linear(normed, weights[own + "gate_up.weight"]))
        added = graph.linear(inner, weights[own + "down.weight"])
        last = weights["norm.weight"]
        normed, x = graph.skip_norm(x, added, weights.get(following, last))
    graph.node(
        "MatMul", normed, graph.weight(weights["embedding.weight"].T.contiguous()),
        outputs=("logits",),
    )  # fmt: skip
    save(graph, shape, path, branches)


def attention(
    graph: Graph, packed: str, layer: int, shape: Shape, turns: tuple[str, str], branches: bool
) -> str:
    """[1, S, width]: attention to all positions that a row may see; the caches grow in place."""
    past = [f"past_{name}" for name in cache_names(shape.layers)[2 * layer : 2 * layer + 2]]
    present = [name.replace("past", "present") for name in past]
    more = ("position_ids", "attention_bias") if branches else ()
    return graph.node(
        "GroupQueryAttention",
        packed, "", "", *past, *COUNTS, *turns, *more,
        outputs=(f"mixed_{layer}", *present),
        domain=MICROSOFT,
        num_heads=shape.heads,
        kv_num_heads=shape.kv_heads,
        do_rotary=1,
        rotary_interleaved=0,
    )  # fmt: skip


def save(graph: Graph, shape: Shape, path: Path, branches: bool) -> None:
    """Write the graph with its inputs and outputs, checked."""
    tell = helper.make_tensor_value_info
    caches = cache_names(shape.layers)
    inputs = [
        tell("tokens", TensorProto.INT64, [1, CHUNK]),
        *(tell(name, TensorProto.INT32, [1]) for name in COUNTS),
        *(tell(f"past_{name}", TensorProto.FLOAT, shape.cache) for name in caches),
    ]
    if branches:
        inputs.append(tell("position_ids", TensorProto.INT64, [1, CHUNK]))
        inputs.append(tell("attention_bias", TensorProto.FLOAT, [1, 1, CHUNK, shape.context]))
    outputs = [
        tell("logits", TensorProto.FLOAT, [1, CHUNK, shape.vocabulary]),
        *(tell(f"present_{name}", TensorProto.FLOAT, shape.cache) for name in caches),
    ]
    made = helper.make_graph(graph.nodes, "decoder", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)
