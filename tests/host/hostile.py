"""Bundles that mean no good: real graphs that do what they must not, sooner or later."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import FEATURES, VOCABULARY

from tests.engine.bundles import Recipe, sha256, write_bundle

COUNT = len(FEATURES)
HEAVY, TIMES = 1500, 4000
"""The side of the matrices that keep a graph busy, and how often they are multiplied."""


@dataclass
class Net:
    """A graph that counts its runs in the state `h`, and behaves until it has run `late` times."""

    late: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, kind: str, inputs: list[str], outputs: list[str], **rest: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, outputs, **rest))

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def model(self, **rest: Any) -> onnx.ModelProto:
        def value(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, kind, shape)

        state = [value("h_out", TensorProto.FLOAT, 2, 1, 8)]
        state.append(value("c_out", TensorProto.FLOAT, 2, 1, 8))
        graph = helper.make_graph(
            self.nodes,
            "step",
            [
                value("features", TensorProto.INT64, 1, COUNT),
                value("h", TensorProto.FLOAT, 2, 1, 8),
                value("c", TensorProto.FLOAT, 2, 1, 8),
            ],
            [value("logits", TensorProto.FLOAT, 1, VOCABULARY), *state],
            self.weights,
        )
        opsets = rest.pop("opsets", [helper.make_opsetid("", 18)])
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, **rest)


def counting(late: int) -> Net:
    """`plain` [1, 48] from the features, `count` [1] and `now`: whether it has come so far."""
    net, rng = Net(late), np.random.default_rng(1)
    net.constant("w", rng.normal(0, 0.2, (COUNT, VOCABULARY)))
    net.constant("one", 1.0)
    net.node("Cast", ["features"], ["floats"], to=TensorProto.FLOAT)
    net.node("Tanh", ["floats"], ["small"])
    net.node("MatMul", ["small", "w"], ["plain"])
    net.node("Add", ["h", "one"], ["h_out"])
    net.node("Identity", ["c"], ["c_out"])
    net.node("ReduceMax", ["h"], ["most"], keepdims=0)
    net.constant("late", float(late))
    net.node("Greater", ["most", "late"], ["now"])
    return net


def branching(late: int, bad: Callable[[Net], None]) -> onnx.ModelProto:
    """Behaves until run `late`, then makes `logits` as `bad` does from `plain` and `most`."""
    net, branch, calm = counting(late), Net(), Net()
    bad(branch)
    calm.node("Identity", ["plain"], ["good"])
    out = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, VOCABULARY))
    outs = []
    for name in ("good", "bad"):
        copy = onnx.ValueInfoProto()
        copy.CopyFrom(out)
        copy.name = name
        outs.append(copy)
    net.node(
        "If",
        ["now"],
        ["logits"],
        then_branch=helper.make_graph(branch.nodes, "then", [], outs[1:], branch.weights),
        else_branch=helper.make_graph(calm.nodes, "else", [], outs[:1], calm.weights),
    )
    return net.model()


def never_returns(net: Net) -> None:
    """Multiplies large matrices again and again: hours."""
    net.constant("side", [HEAVY, HEAVY], np.int64)
    net.node("Expand", ["most", "side"], ["m0"])
    for number in range(TIMES):
        net.node("MatMul", [f"m{number}", "m0"], [f"m{number + 1}"])
    net.node("ReduceMax", [f"m{TIMES}"], ["top"], keepdims=0)
    net.node("Add", ["plain", "top"], ["bad"])


def takes_a_hundred_gigabytes(net: Net) -> None:
    net.constant("side", [160_000, 160_000], np.int64)
    net.node("Expand", ["most", "side"], ["huge"])
    net.node("ReduceMax", ["huge"], ["top"], keepdims=0)
    net.node("Add", ["plain", "top"], ["bad"])


def grows(net: Net) -> None:
    """Takes 64 MiB for each run that there was."""
    net.node("Cast", ["most"], ["runs"], to=TensorProto.INT64)
    net.constant("each", [16 << 20], np.int64)
    net.node("Mul", ["runs", "each"], ["size"])
    net.node("Expand", ["most", "size"], ["huge"])
    net.node("ReduceMax", ["huge"], ["top"], keepdims=0)
    net.node("Add", ["plain", "top"], ["bad"])


def no_numbers(value: float, token: int | None = None) -> Callable[[Net], None]:
    """All logits, or that of one token, become `value`."""

    def bad(net: Net) -> None:
        row = np.zeros((1, VOCABULARY), np.float32)
        row[0, slice(None) if token is None else token] = value
        net.constant("nonsense", row)
        net.node("Add", ["plain", "nonsense"], ["bad"])

    return bad


def write_hostile(folder: Path, model: onnx.ModelProto, opset: int = 18) -> Path:
    """A bundle whose manifest is in order, around `model`."""
    write_bundle(folder, Recipe(hidden=8))
    onnx.save(model, os.fspath(folder / "model.onnx"))
    return signed(folder, opset)


def signed(folder: Path, opset: int = 18) -> Path:
    """Let the manifest tell the hashes of the files that lie there now."""
    path = folder / "manifest.toml"
    text = path.read_text()
    digest = sha256(folder / "model.onnx")
    text = re.sub(r'(file = "model.onnx"\nsha256 = ")\w+', rf"\g<1>{digest}", text)
    path.write_text(re.sub(r"opset = \d+", f"opset = {opset}", text))
    return folder
