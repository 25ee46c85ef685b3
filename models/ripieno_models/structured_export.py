"""The graph of `remi-structured`, written node by node with its cache, and held against torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from ripieno_models import decoder_export
from ripieno_models.bundle_files import Checked, Layout
from ripieno_models.decoder_export import FP32, INT8
from ripieno_models.decoder_graphs import COUNTS, Shape, save
from ripieno_models.families.remi_structured import Layer, Structured
from ripieno_models.framed_graphs import MICROSOFT, Graph, cache_names
from ripieno_models.onnx_decoder import Tokens
from ripieno_models.onnx_files import quantise


def write_graphs(model: Structured, made: Path, valid: Sequence[Tokens]) -> tuple[Layout, Checked]:
    """Write the graph in 8 bits to `made`, held against torch. Raises BundleError."""
    shape = shape_of(model)
    write(model, shape, made / FP32)
    quantise(made / FP32, made / INT8, ("MatMul",), per_channel=True)
    checked = decoder_export.gate(model, made, valid)
    (made / FP32).unlink()
    tensors = decoder_export.tensors(shape)
    return Layout((("step", "int8", INT8),), tensors, decoder_export.rewind(shape)), checked


def shape_of(model: Structured) -> Shape:
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
    )


def write(model: Structured, shape: Shape, path: Path) -> None:
    """Write tokens int64 [1, S] → logits float32 [1, S, V] in fp32, with a cache."""
    graph = Graph()
    table = graph.weight(model.embedding.weight * math.sqrt(shape.width))
    embedded = graph.node("Gather", table, "tokens", axis=0)
    x = graph.node(
        "Add", embedded, graph.node("Gather", graph.weight(model.places), "position_ids", axis=0)
    )
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, Layer)
        packed = linear(graph, norm(graph, x, layer.attention_norm), layer.qkv)
        x = graph.node("Add", x, linear(graph, attention(graph, packed, number, shape), layer.out))
        inner = graph.node("Relu", linear(graph, norm(graph, x, layer.mlp_norm), layer.up))
        x = graph.node("Add", x, linear(graph, inner, layer.down))
    normed = norm(graph, x, model.norm)
    if model.options.ordered:
        logits = linear(graph, normed, model.head)
        order = graph.node("Gather", graph.weight(model.order), "tokens", axis=0)
        graph.node("Add", logits, order, outputs=("logits",))
    else:
        linear(graph, normed, model.head, ("logits",))
    save(graph, shape, path, branches=True)


def norm(graph: Graph, x: str, layer: nn.LayerNorm) -> str:
    return graph.node(
        "LayerNormalization", x, graph.weight(layer.weight), graph.weight(layer.bias),
        axis=-1, epsilon=layer.eps,
    )  # fmt: skip


def linear(graph: Graph, x: str, layer: nn.Linear, outputs: tuple[str, ...] = ()) -> str:
    bias: Tensor = layer.bias
    product = graph.linear(x, layer.weight)
    return graph.node("Add", product, graph.weight(bias), outputs=outputs)


def attention(graph: Graph, packed: str, layer: int, shape: Shape) -> str:
    """[1, S, width]: attention to all positions that a row may see; the caches grow in place."""
    past = [f"past_{name}" for name in cache_names(shape.layers)[2 * layer : 2 * layer + 2]]
    present = [name.replace("past", "present") for name in past]
    return graph.node(
        "GroupQueryAttention",
        packed, "", "", *past, *COUNTS, "", "", "", "attention_bias",
        outputs=(f"mixed_{layer}", *present),
        domain=MICROSOFT,
        num_heads=shape.heads,
        kv_num_heads=shape.heads,
        do_rotary=0,
    )  # fmt: skip
