"""Small real bundles for tests: an LSTM in ONNX with seeded weights, and its manifest."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ripieno.grammar.grid import (
    FEATURES,
    HIGHEST,
    HOLD,
    LOWEST,
    REST,
    STEPS_PER_BEAT,
    VOCABULARY,
    VOICES,
)
from ripieno.settings import FULL_RANGES

ORDER = ("soprano", "bass", "alto", "tenor")


@dataclass(frozen=True)
class Recipe:
    """How a test's model is made. `spread` is roughly the standard deviation of its logits;
    `hold_bias` and `rest_bias` are added to those two."""

    hidden: int = 32
    layers: int = 2
    width: int = 4
    seed: int = 1
    spread: float = 2.0
    hold_bias: float = 2.0
    rest_bias: float = -1.0
    opset: int = 18
    int8: bool = False
    given: str = "any"


def write_bundle(folder: Path, recipe: Recipe = Recipe()) -> Path:
    """Write a whole bundle into `folder`, which is made: `model.onnx` and `manifest.toml`."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(recipe), os.fspath(folder / "model.onnx"))
    files = {"fp32": "model.onnx"}
    if recipe.int8:
        quantise(folder / "model.onnx", folder / "model.int8.onnx")
        files["int8"] = "model.int8.onnx"
    (folder / "CARD.md").write_text("# A model for tests\n")
    write_manifest(folder, recipe, files)
    return folder


def quantise(source: Path, target: Path) -> None:
    """Dynamic int8, as the exporter does it."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        os.fspath(source),
        os.fspath(target),
        op_types_to_quantize=["LSTM", "MatMul", "Gemm"],
        weight_type=QuantType.QInt8,
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder: Path, recipe: Recipe, files: dict[str, str]) -> None:
    """A manifest that fits what lies in `folder`; `files` maps precision to file."""
    quoted = ", ".join(f'"{feature.name}"' for feature in FEATURES)
    order = ", ".join(f'"{name}"' for name in ORDER)
    lines = [
        'format = 1\nname = "test-lstm"\nversion = "1.0.0"\ntitle = "Four voices for tests"',
        f'licence = "Apache-2.0"\ngrammar = "grid"\ngiven = "{recipe.given}"\n[grid]',
        f"steps_per_beat = {STEPS_PER_BEAT}\nlowest = {LOWEST}\nhighest = {HIGHEST}",
        f"vocabulary = {VOCABULARY}\norder = [{order}]\nfeatures = [{quoted}]",
    ]
    for name, (low, high) in zip(VOICES, FULL_RANGES, strict=True):
        lines.append(f'[[voice]]\nname = "{name}"\nlow = {low}\nhigh = {high}')
    for precision, file in files.items():
        lines.append(
            f'[[graph]]\nrole = "step"\nprecision = "{precision}"\nfile = "{file}"\n'
            f'sha256 = "{sha256(folder / file)}"\nopset = {recipe.opset}'
        )
    lines.append(f'[[input]]\nname = "features"\ndtype = "int64"\nshape = [1, {len(FEATURES)}]')
    lines.append(f'[[output]]\nname = "logits"\ndtype = "float32"\nshape = [1, {VOCABULARY}]')
    for name in ("h", "c"):
        lines.append(
            f'[[state]]\ninput = "{name}"\noutput = "{name}_out"\ndtype = "float32"\n'
            f"shape = [{recipe.layers}, 1, {recipe.hidden}]"
        )
    lines.append(
        '[rewind]\nkind = "snapshot"\n[training]\n'
        'data = [{name = "none", licence = "CC0-1.0", pieces = 0}]\n'
        f'command = "none"\nseed = {recipe.seed}\nminutes = 0.0\nmachine = "any"\n'
        "[metrics]\nnll_valid_natural = 0.0"
    )
    lines.append(f'[[file]]\nname = "CARD.md"\nsha256 = "{sha256(folder / "CARD.md")}"')
    (folder / "manifest.toml").write_text("\n".join(lines) + "\n")


def graph(recipe: Recipe) -> onnx.ModelProto:
    """features → embedding → LSTM layers → logits, one step, with the state in and out."""
    rng = np.random.default_rng(recipe.seed)
    hidden, layers = recipe.hidden, recipe.layers
    weights: dict[str, NDArray[Any]] = {}
    nodes: list[onnx.NodeProto] = []

    def node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def random(*shape: int, scale: float) -> NDArray[np.float32]:
        return rng.normal(0.0, scale, shape).astype(np.float32)

    sizes = [feature.size for feature in FEATURES]
    weights["offsets"] = np.cumsum([0, *sizes[:-1]]).astype(np.int64)[None]
    weights["table"] = random(sum(sizes), recipe.width, scale=1.0)
    weights["flat"] = np.array([1, 1, len(FEATURES) * recipe.width], np.int64)
    node("Add", ["features", "offsets"], ["places"])
    node("Gather", ["table", "places"], ["embedded"], axis=0)
    node("Reshape", ["embedded", "flat"], ["x0"])
    weights["one_each"] = np.ones(layers, np.int64)
    for name in ("h", "c"):
        node("Split", [name, "one_each"], [f"{name}{i}" for i in range(layers)], axis=0)
    width = len(FEATURES) * recipe.width
    for i in range(layers):
        weights[f"W{i}"] = random(1, 4 * hidden, width, scale=1.5 / width**0.5)
        weights[f"R{i}"] = random(1, 4 * hidden, hidden, scale=1.5 / hidden**0.5)
        weights[f"B{i}"] = random(1, 8 * hidden, scale=0.1)
        node(
            "LSTM",
            [f"x{i}", f"W{i}", f"R{i}", f"B{i}", "", f"h{i}", f"c{i}"],
            [f"y{i}", f"h{i}_out", f"c{i}_out"],
            hidden_size=hidden,
        )
        weights["squeezed"] = np.array([1], np.int64)
        node("Squeeze", [f"y{i}", "squeezed"], [f"x{i + 1}"])
        width = hidden
    weights["row"] = np.array([1, hidden], np.int64)
    weights["head"] = random(hidden, VOCABULARY, scale=4 * recipe.spread / hidden**0.5)
    weights["bias"] = np.zeros(VOCABULARY, np.float32)
    weights["bias"][[HOLD, REST]] = recipe.hold_bias, recipe.rest_bias
    node("Reshape", [f"x{layers}", "row"], ["last"])
    node("Gemm", ["last", "head", "bias"], ["logits"])
    for name in ("h", "c"):
        node("Concat", [f"{name}{i}_out" for i in range(layers)], [f"{name}_out"], axis=0)
    return _model(recipe, nodes, weights)


def _model(
    recipe: Recipe, nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]]
) -> onnx.ModelProto:
    def value(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    state = (recipe.layers, 1, recipe.hidden)
    body = helper.make_graph(
        nodes,
        "step",
        [
            value("features", TensorProto.INT64, 1, len(FEATURES)),
            *(value(name, TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [
            value("logits", TensorProto.FLOAT, 1, VOCABULARY),
            *(value(f"{name}_out", TensorProto.FLOAT, *state) for name in ("h", "c")),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = helper.make_opsetid("", recipe.opset)
    return helper.make_model(body, opset_imports=[opset], ir_version=9)
