from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from ripieno.errors import BundleError
from ripieno.grammar.grid import FEATURES, VOCABULARY
from ripieno.inference.bundle import load_manifest
from ripieno.inference.onnx_model import StepModel

from tests.engine.bundles import Recipe, write_bundle, write_manifest

RECIPE = Recipe(hidden=16, int8=True)
INPUTS = [
    [int(n) for n in row]
    for row in np.random.default_rng(3).integers(
        0, [f.size for f in FEATURES], (200, len(FEATURES))
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", RECIPE)


@pytest.fixture(params=["fp32", "int8"])
def model(folder: Path, request: pytest.FixtureRequest) -> StepModel:
    return StepModel.open(load_manifest(folder), str(request.param))


def plain_run(path: Path, inputs: list[list[int]]) -> list[NDArray[np.float32]]:
    """The same graph through the plain interface: nothing bound, nothing in place."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    h = c = np.zeros((2, 1, 16), np.float32)
    logits = []
    for features in inputs:
        fed = {"features": np.array([features], np.int64), "h": h, "c": c}
        out, h, c = session.run(["logits", "h_out", "c_out"], fed)
        logits.append(out[0])
    return logits


def test_bound_steps_equal_plain_runs_bit_for_bit(folder: Path, model: StepModel) -> None:
    path = folder / model.manifest.graph(model.precision).file
    expected = plain_run(path, INPUTS)
    for features, logits in zip(INPUTS, expected, strict=True):
        assert model.step(features).tobytes() == logits.tobytes()


def test_a_step_fills_the_same_48_numbers(model: StepModel) -> None:
    first = model.step(INPUTS[0])
    assert first.shape == (VOCABULARY,)
    assert first.dtype == np.float32
    before = first.copy()
    assert model.step(INPUTS[1]) is first
    assert not np.array_equal(first, before)


@pytest.mark.parametrize("ahead", [0, 1, 2, 17])
def test_restore_is_exact_from_either_side_of_the_buffers(model: StepModel, ahead: int) -> None:
    for features in INPUTS[:10]:
        model.step(features)
    kept = model.snapshot()
    expected = [model.step(features).copy() for features in INPUTS[10:40]]
    model.restore(kept)
    for features in INPUTS[50 : 50 + ahead]:
        model.step(features)
    model.restore(kept)
    again = [model.step(features).copy() for features in INPUTS[10:40]]
    assert np.array_equal(expected, again)
    assert kept.shape == (2 * 2 * 16,)


def test_reset_forgets_everything(model: StepModel) -> None:
    first = [model.step(features).copy() for features in INPUTS[:5]]
    model.reset()
    assert np.array_equal(first, [model.step(features).copy() for features in INPUTS[:5]])


def test_opening_leaves_no_trace_of_the_dry_run(folder: Path) -> None:
    model = StepModel.open(load_manifest(folder), "fp32")
    assert not model.snapshot().any()


def test_auto_takes_int8_where_there_is_one(folder: Path) -> None:
    assert StepModel.open(load_manifest(folder)).precision == "int8"


def refused(folder: Path) -> str:
    with pytest.raises(BundleError) as error:
        StepModel.open(load_manifest(folder), "fp32")
    told = str(error.value)
    assert "\n" not in told
    assert "model.onnx" in told
    return told


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def scramble(path: Path) -> None:
    path.write_bytes(b"\x08\x12not a graph\xff" * 40)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def from_the_future(path: Path) -> None:
    proto = onnx.load(path)
    proto.opset_import[0].version = 999
    onnx.save(proto, path)


def unknown_operator(path: Path) -> None:
    proto = onnx.load(path)
    next(n for n in proto.graph.node if n.op_type == "LSTM").op_type = "LongLongMemory"
    onnx.save(proto, path)


def not_a_number(path: Path) -> None:
    proto = onnx.load(path)
    head = next(w for w in proto.graph.initializer if w.name == "head")
    weights = numpy_helper.to_array(head).copy()
    weights[0, 7] = np.nan
    head.CopyFrom(numpy_helper.from_array(weights, "head"))
    onnx.save(proto, path)


def other_logits(path: Path) -> None:
    proto = onnx.load(path)
    proto.graph.output[0].name = "scores"
    next(n for n in proto.graph.node if n.output[0] == "logits").output[0] = "scores"
    onnx.save(proto, path)


def out_of_the_table(path: Path) -> None:
    proto = onnx.load(path)
    offsets = next(w for w in proto.graph.initializer if w.name == "offsets")
    far = numpy_helper.to_array(offsets) + 1_000_000
    offsets.CopyFrom(numpy_helper.from_array(far, "offsets"))
    onnx.save(proto, path)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncate, "not an ONNX graph"),
    "scrambled": (scramble, "not an ONNX graph"),
    "empty": (empty, "not an ONNX graph"),
    "opset": (from_the_future, "newer operators"),
    "operator": (unknown_operator, "LongLongMemory"),
    "nan": (not_a_number, "not finite numbers"),
    "names": (other_logits, "output 'logits' is missing"),
    "table": (out_of_the_table, "not a graph that ONNX Runtime can run"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_graph_with_a_right_hash_is_refused_in_a_sentence(
    damage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_bundle(tmp_path / "bad", Recipe(hidden=8))
    harm, told = DAMAGES[damage]
    harm(folder / "model.onnx")
    recipe = Recipe(hidden=8, opset=999 if damage == "opset" else 18)
    write_manifest(folder, recipe, {"fp32": "model.onnx"})
    assert told in refused(folder)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(
    ("other", "told"),
    [(Recipe(hidden=12), "[2, 1, 12]"), (Recipe(hidden=8, layers=3), "[3, 1, 8]")],
)
def test_a_graph_of_other_shapes_than_the_manifest_tells(
    other: Recipe, told: str, tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "bad", other)
    write_manifest(folder, Recipe(hidden=8), {"fp32": "model.onnx"})
    message = refused(folder)
    assert told in message
    assert "[2, 1, 8]" in message


def test_a_graph_with_a_further_input(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bad", Recipe(hidden=8))
    proto = onnx.load(folder / "model.onnx")
    proto.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, [1]))
    onnx.save(proto, folder / "model.onnx")
    write_manifest(folder, Recipe(hidden=8), {"fp32": "model.onnx"})
    assert "input 'more'" in refused(folder)
    assert "no such input" in refused(folder)


def test_a_changed_file_is_not_even_opened(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"\0")
    assert "damaged or was changed" in refused(copy)


def test_the_factory_makes_different_models_from_different_seeds(tmp_path: Path) -> None:
    recipe = Recipe(hidden=8)
    one = write_bundle(tmp_path / "one", recipe)
    two = write_bundle(tmp_path / "two", replace(recipe, seed=2))
    first, second = (StepModel.open(load_manifest(f)).step(INPUTS[0]).copy() for f in (one, two))
    assert not np.array_equal(first, second)
