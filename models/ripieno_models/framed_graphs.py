"""The two graphs of `chorale-transformer`: `frame`, with a cache of keys and values, and `voice`.

`frame` is written node by node, so that attention is one operator of ONNX Runtime
(com.microsoft.GroupQueryAttention: queries, keys and values packed, positions turned inside, keys
and values written in place into static memory) and each norm comes fused with the sum before it.
`voice` keeps nothing and is left to torch's exporter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import FEATURES, FIRST_PITCH, VOCABULARY, VOICES, WIDEST_INTERVAL
from torch import Tensor

from ripieno_models.families.chorale_transformer import (
    EPSILON,
    FRAME,
    PAIRS,
    PITCHES,
    Backbone,
    ChoraleTransformer,
    Options,
    angles,
)
from ripieno_models.onnx_files import exported

OPSET = 18
MICROSOFT = "com.microsoft"
CHUNK, BATCH = "chunk", "batch"
K = len(VOICES)


def cache_names(layers: int) -> list[str]:
    """The caches of all layers: a key and a value each."""
    return [f"{layer}_{kind}" for layer in range(layers) for kind in ("key", "value")]


def cache_shape(options: Options) -> list[int]:
    """[1, heads, positions, numbers per head]: the memory of one layer's keys, or values."""
    return [1, options.heads, options.context, options.width // options.heads]


class Graph:
    """Nodes and weights, one after the other; each node's output is named after itself."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, value: Tensor | NDArray[np.generic] | list[int] | int) -> str:
        """A constant: floats in 32 bits, whole numbers in 64. Returns its name."""
        if isinstance(value, Tensor):
            value = value.detach().float().numpy()
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, *inputs: str, outputs: tuple[str, ...] = (), **how: Any) -> str:
        """Add a node. Returns the name of its first output."""
        name = f"n{len(self.nodes)}_{kind}"
        found = outputs or (name,)
        made = helper.make_node(kind, inputs, found, name=name, **how)
        self.nodes.append(made)
        return found[0]

    def linear(self, x: str, weight: Tensor) -> str:
        """[..., out] from [..., in], with `weight` [out, in]."""
        return self.node("MatMul", x, self.weight(weight.T.contiguous()))

    def skip_norm(self, x: str, added: str, weight: Tensor) -> tuple[str, str]:
        """(the norm of the sum, the sum)."""
        name = f"n{len(self.nodes)}_sum"
        normed = self.node(
            "SkipSimplifiedLayerNormalization",
            x,
            added,
            self.weight(weight),
            outputs=(f"{name}_normed", "", "", name),
            domain=MICROSOFT,
            epsilon=EPSILON,
        )
        return normed, name


def write_frame(model: ChoraleTransformer, options: Options, path: Path) -> None:
    """Write the backbone: features [1, S, 24] and how far the caches are filled, to hidden."""
    backbone, graph = model.frame, Graph()
    x = embedded(graph, backbone)
    weights = dict(backbone.named_parameters())
    turn = angles(options.context, options.width // options.heads)
    cos, sin = graph.weight(turn.cos()), graph.weight(turn.sin())
    normed = norm(graph, x, weights["layers.0.before.weight"])
    for layer in range(options.layers):
        own = {
            name.removeprefix(f"layers.{layer}."): weight
            for name, weight in weights.items()
            if name.startswith(f"layers.{layer}.")
        }
        following = weights.get(f"layers.{layer + 1}.before.weight", weights["norm.weight"])
        mixed = attention(graph, graph.linear(normed, own["qkv.weight"]), layer, options, cos, sin)
        normed, x = graph.skip_norm(
            x, graph.linear(mixed, own["out.weight"]), own["mlp.norm.weight"]
        )
        inner = gated(graph, graph.linear(normed, own["mlp.gate_up.weight"]))
        normed, x = graph.skip_norm(x, graph.linear(inner, own["mlp.out.weight"]), following)
    pitches = graph.node("Cast", columns(graph, range(PITCHES, PITCHES + K)), to=TensorProto.FLOAT)
    graph.node("Concat", normed, pitches, outputs=("hidden",), axis=-1)
    save(graph, options, path)


def columns(graph: Graph, which: range | tuple[int, ...] | list[int]) -> str:
    """[1, S, n]: some of the features."""
    return graph.node("Gather", "features", graph.weight(np.array(list(which))), axis=2)


def embedded(graph: Graph, backbone: Backbone) -> str:
    """[1, S, width]: the features of a sixteenth and the intervals between its voices."""
    low, high = (columns(graph, [PITCHES + pair[side] for pair in PAIRS]) for side in (0, 1))
    size = graph.node("Clip", graph.node("Sub", high, low),
                      graph.weight(-WIDEST_INTERVAL), graph.weight(WIDEST_INTERVAL))  # fmt: skip
    size = graph.node("Add", size, graph.weight(WIDEST_INTERVAL + 1))
    lowest = graph.weight(FIRST_PITCH)
    sounds = [graph.node("GreaterOrEqual", side, lowest) for side in (low, high)]
    both = graph.node("Cast", graph.node("And", *sounds), to=TensorProto.INT64)
    chord = graph.node("Mul", size, both)
    classes = graph.node("Concat", columns(graph, FRAME), chord, axis=2)
    rows = graph.node("Add", classes, graph.weight(backbone.table.offsets.numpy()))
    seen = graph.node("Gather", graph.weight(backbone.table.weight), rows, axis=0)
    flat = graph.node("Reshape", seen, graph.weight(np.array([1, -1, backbone.enter.in_features])))
    entered = graph.linear(flat, backbone.enter.weight)
    return graph.node("Add", entered, graph.weight(backbone.enter.bias))


def norm(graph: Graph, x: str, weight: Tensor) -> str:
    """The root-mean-square norm of the first layer's input, which no sum precedes."""
    zero = graph.node("Mul", x, graph.weight(np.zeros(1, np.float32)))
    return graph.skip_norm(x, zero, weight)[0]


def attention(graph: Graph, packed: str, layer: int, options: Options, cos: str, sin: str) -> str:
    """[1, S, width]: attention to all positions so far, whose caches grow in place."""
    past = [f"past_{name}" for name in cache_names(options.layers)[2 * layer : 2 * layer + 2]]
    present = [name.replace("past", "present") for name in past]
    return graph.node(
        "GroupQueryAttention",
        packed, "", "", *past, "seqlens_k", "total_length", cos, sin,
        outputs=(f"mixed_{layer}", *present),
        domain=MICROSOFT,
        num_heads=options.heads,
        kv_num_heads=options.heads,
        do_rotary=1,
        rotary_interleaved=0,
    )  # fmt: skip


def gated(graph: Graph, packed: str) -> str:
    """SwiGLU: [1, S, inner] from gate and value side by side."""
    parts = (f"{packed}_gate", f"{packed}_up")
    graph.node("Split", packed, outputs=parts, axis=-1, num_outputs=2)
    silu = graph.node("Mul", parts[0], graph.node("Sigmoid", parts[0]))
    return graph.node("Mul", silu, parts[1])


def save(graph: Graph, options: Options, path: Path) -> None:
    """Write the frame graph with its inputs and outputs, checked."""
    width = options.width + K
    caches, shape = cache_names(options.layers), cache_shape(options)
    tell = helper.make_tensor_value_info
    inputs = [
        tell("features", TensorProto.INT64, [1, CHUNK, len(FEATURES)]),
        tell("seqlens_k", TensorProto.INT32, [1]),
        tell("total_length", TensorProto.INT32, [1]),
        *(tell(f"past_{name}", TensorProto.FLOAT, shape) for name in caches),
    ]
    outputs = [
        tell("hidden", TensorProto.FLOAT, [1, CHUNK, width]),
        *(tell(f"present_{name}", TensorProto.FLOAT, shape) for name in caches),
    ]
    made = helper.make_graph(graph.nodes, "frame", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_voice(model: ChoraleTransformer, options: Options, path: Path) -> None:
    """Write the network of a decision: features [B, 24] and hidden [B, D] to logits [B, 48]."""
    example = (
        torch.ones(2, len(FEATURES), dtype=torch.long),
        torch.ones(2, options.width + K),
    )
    batch = torch.export.Dim(BATCH, min=1, max=1024)
    exported(
        model.voice,
        example,
        path,
        input_names=["features", "hidden"],
        output_names=["logits"],
        opset_version=OPSET,
        dynamic_shapes=({0: batch}, {0: batch}),
    )
    (logits,) = onnx.load(path).graph.output
    sizes = [size.dim_value for size in logits.type.tensor_type.shape.dim]
    assert sizes == [0, VOCABULARY], f"the exporter fixed the batch: {sizes}"
