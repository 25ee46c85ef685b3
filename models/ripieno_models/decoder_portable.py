"""The same decoder on standard operators of ONNX alone (opset 24), where ONNX Runtime was built
without its own.

Keys and values lie one position after the other, [1, positions, heads × size], so that the memory's
beginning is itself a smaller memory: the runtime attends to all that it is given, and is given no
more than is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import Tensor

from ripieno_models.decoder_graphs import COUNTS, Shape
from ripieno_models.families.decoder import EPSILON
from ripieno_models.framed_graphs import CHUNK, Graph, cache_names, gated

OPSET = 24
FILLED = "filled"
"""How much of the memory is given to a run."""
_UNSEEN = float(np.finfo(np.float32).min)


def write(weights: Mapping[str, Tensor], shape: Shape, path: Path) -> None:
    """Write tokens int64 [1, S] → logits float32 [1, S, V] in fp32, with a cache."""
    graph = Graph()
    x = graph.node("Gather", graph.weight(weights["embedding.weight"]), "tokens", axis=0)
    places = positions(graph)
    hidden = unseen(graph, places)
    cos, sin = (graph.node("Gather", graph.weight(turn), places, axis=0) for turn in shape.turns())
    for layer in range(shape.layers):
        own = f"layers.{layer}."
        normed = rms(graph, x, weights[own + "attention_norm.weight"])
        packed = graph.linear(normed, weights[own + "qkv.weight"])
        mixed = attention(graph, packed, layer, shape, (cos, sin), hidden)
        x = graph.node("Add", x, graph.linear(mixed, weights[own + "out.weight"]))
        normed = rms(graph, x, weights[own + "mlp_norm.weight"])
        inner = gated(graph, graph.linear(normed, weights[own + "gate_up.weight"]))
        x = graph.node("Add", x, graph.linear(inner, weights[own + "down.weight"]))
    head = graph.weight(weights["embedding.weight"].T.contiguous())
    graph.node("MatMul", rms(graph, x, weights["norm.weight"]), head, outputs=("logits",))
    save(graph, shape, path)


def rms(graph: Graph, x: str, weight: Tensor) -> str:
    """The root-mean-square norm of x."""
    return graph.node("RMSNormalization", x, graph.weight(weight), axis=-1, epsilon=EPSILON)


def positions(graph: Graph) -> str:
    """[1, S]: the positions of this run's rows. Also makes `begin` [1], the first of them."""
    total = graph.node("Cast", "total_length", to=TensorProto.INT64)
    count = graph.node("Shape", "tokens", start=1, end=2)
    graph.node("Sub", total, count, outputs=("begin",))
    scalar = graph.weight(np.array([], np.int64))
    first = graph.node("Reshape", "begin", scalar)
    last = graph.node("Reshape", total, scalar)
    each = graph.node("Range", first, last, graph.weight(np.array(1, np.int64)))
    return graph.node("Unsqueeze", each, graph.weight(np.array([0], np.int64)))


def unseen(graph: Graph, places: str) -> str:
    """[S, filled]: 0 where a row may look, as little as a float can be where it may not."""
    scalar = graph.weight(np.array([], np.int64))
    filled = graph.node("Reshape", graph.node("Shape", "past_0_key", start=1, end=2), scalar)
    zero, one = graph.weight(np.array(0, np.int64)), graph.weight(np.array(1, np.int64))
    columns = graph.node("Range", zero, filled, one)
    rows = graph.node("Reshape", places, graph.weight(np.array([-1, 1], np.int64)))
    seen = graph.node("LessOrEqual", columns, rows)
    nothing, much = (graph.weight(np.array(v, np.float32)) for v in (0.0, _UNSEEN))
    return graph.node("Where", seen, nothing, much)


def attention(
    graph: Graph, packed: str, layer: int, shape: Shape, turns: tuple[str, str], hidden: str
) -> str:
    """[1, S, width]: attention to all positions so far, whose caches grow in place."""
    kv = shape.kv_heads * shape.size
    parts = tuple(f"{packed}_{part}" for part in ("query", "key", "value"))
    sizes = graph.weight(np.array([shape.width, kv, kv], np.int64))
    graph.node("Split", packed, sizes, outputs=parts, axis=-1)
    query, key = (
        graph.node("RotaryEmbedding", part, *turns, num_heads=heads)
        for part, heads in zip(parts, (shape.heads, shape.kv_heads), strict=False)
    )
    past = cache_names(shape.layers)[2 * layer : 2 * layer + 2]
    grown = [
        graph.node(
            "TensorScatter", f"past_{name}", new, "begin", outputs=(f"present_{name}",), axis=1
        )
        for name, new in zip(past, (key, parts[2]), strict=True)
    ]
    return graph.node(
        "Attention", query, *grown, hidden,
        q_num_heads=shape.heads, kv_num_heads=shape.kv_heads,
    )  # fmt: skip


def save(graph: Graph, shape: Shape, path: Path) -> None:
    """Write the graph with its inputs and outputs, checked."""
    tell = helper.make_tensor_value_info
    cache: list[str | int | None] = [1, FILLED, shape.kv_heads * shape.size]
    caches = cache_names(shape.layers)
    inputs = [
        tell("tokens", TensorProto.INT64, [1, CHUNK]),
        *(tell(name, TensorProto.INT32, [1]) for name in COUNTS),
        *(tell(f"past_{name}", TensorProto.FLOAT, cache) for name in caches),
    ]
    outputs = [
        tell("logits", TensorProto.FLOAT, [1, CHUNK, shape.vocabulary]),
        *(tell(f"present_{name}", TensorProto.FLOAT, cache) for name in caches),
    ]
    made = helper.make_graph(graph.nodes, "decoder", inputs, outputs, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=11)
    onnx.checker.check_model(model)
    onnx.save(model, path)
