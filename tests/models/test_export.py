"""The gate: a good run becomes a bundle that the engine takes, a wrong graph is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from ripieno.errors import BundleError
from ripieno.inference.bundle import check
from ripieno.inference.manifest_table import LONGEST_TEXT
from ripieno_models import bundle_files, evaluate, export, runs, sample
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.dataset import whole
from ripieno_models.families.registry import family
from ripieno_models.onnx_step import OnnxStep
from ripieno_models.piece import Split

from tests.models.material import few, small, small_corpus


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small run."""
    folder = tmp_path_factory.mktemp("run")
    runs.fit(family("chorale-lstm"), small(steps=16), small_corpus(), folder, progress=False)
    return folder


@pytest.fixture(scope="module")
def graphs(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graphs of the small run."""
    made = tmp_path_factory.mktemp("graphs")
    model, options = runs.load(run)
    export.write_graphs(model, options, made / export.FP32, made / export.INT8)
    return made


def spoilt(path: Path, out: Path, kind: int, by: float) -> Path:
    """A copy of a graph whose largest weight of a data type is moved a little."""
    graph = onnx.load(path)
    weights = [w for w in graph.graph.initializer if w.data_type == kind]
    largest = max(weights, key=lambda weight: int(np.prod(weight.dims)))
    values = numpy_helper.to_array(largest)
    random = np.random.default_rng(1)
    moved = (values + by * random.standard_normal(values.shape)).astype(values.dtype)
    largest.CopyFrom(numpy_helper.from_array(moved, largest.name))
    onnx.save(graph, out)
    return out


def test_the_gate_lets_a_good_model_pass(run: Path, graphs: Path) -> None:
    model, _ = runs.load(run)
    valid = whole(few(Split.VALID, 2), batch=1)
    checked = export.gate(model, graphs / export.FP32, graphs / export.INT8, valid)
    assert checked.difference <= export.LARGEST_DIFFERENCE
    assert abs(checked.loss) <= export.LARGEST_LOSS
    assert checked.nll_fp32 == pytest.approx(
        export.onnx_nll(OnnxStep(graphs / export.FP32), valid), abs=1e-5
    )


def test_the_gate_refuses_weights_that_are_not_torchs(
    run: Path, graphs: Path, tmp_path: Path
) -> None:
    model, _ = runs.load(run)
    wrong = spoilt(graphs / export.FP32, tmp_path / export.FP32, onnx.TensorProto.FLOAT, 1e-3)
    valid = whole(few(Split.VALID, 1), batch=1)
    with pytest.raises(BundleError, match=r"model\.onnx: the graph's logits differ from torch's"):
        export.gate(model, wrong, graphs / export.INT8, valid)


def test_the_gate_refuses_8_bits_that_cost_too_much(
    run: Path, graphs: Path, tmp_path: Path
) -> None:
    model, _ = runs.load(run)
    wrong = spoilt(graphs / export.INT8, tmp_path / export.INT8, onnx.TensorProto.INT8, 60.0)
    valid = whole(few(Split.VALID, 1), batch=1)
    with pytest.raises(BundleError, match=r"in int8 the model is .*allowed: at most 0\.5%"):
        export.gate(model, graphs / export.FP32, wrong, valid)


def test_8_bit_graphs_are_really_8_bit(graphs: Path) -> None:
    kinds = [node.op_type for node in onnx.load(graphs / export.INT8).graph.node]
    assert kinds.count("DynamicQuantizeLSTM") == 2
    assert "LSTM" not in kinds


def test_a_run_becomes_a_bundle_that_the_engine_takes(run: Path, tmp_path: Path) -> None:
    evaluate.figures(run, small_corpus(), test=False)
    counts = sample.samples(run, small_corpus(), pieces=1, temperature=1.0, seed=1)
    assert set(counts["writing"]) == {"Bach", *sample.ORDERS}
    place = export.bundle(run, small_corpus(), tmp_path)
    manifest = check(place)
    assert manifest.name == "chorale-lstm"
    assert {path.name for path in place.iterdir()} == {
        "manifest.toml",
        "CARD.md",
        "curves.svg",
        "reference.npz",
        "model.onnx",
        "model.int8.onnx",
    }
    assert "parallel fifths" in (place / "CARD.md").read_text()


def test_a_run_without_figures_is_refused_and_leaves_the_zoo_alone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    (bare / runs.FIGURES).unlink(missing_ok=True)
    zoo = tmp_path / "zoo"
    words = ["export", "chorale-lstm", "--out", str(bare), "--zoo", str(zoo)]
    assert main(words) == WRONG_INPUT
    assert "has no figures yet" in capsys.readouterr().err
    assert not zoo.exists()


def test_a_graph_names_no_file_of_whoever_exported_it(graphs: Path) -> None:
    for name in (export.FP32, export.INT8):
        assert b".py" not in (graphs / name).read_bytes()


def test_a_long_way_to_a_model_is_told_by_its_beginning_and_its_end() -> None:
    steps = [f"ripieno-models train folk-transformer --out runs/{n} {'-' * 300}" for n in range(9)]
    told = bundle_files.in_one_line(steps)
    assert len(told) <= LONGEST_TEXT
    assert told.startswith(steps[0] + " && … && ")
    assert told.endswith(" && ".join(steps[-4:]))
    assert bundle_files.in_one_line(steps[:2]) == " && ".join(steps[:2])
    again = bundle_files.in_one_line(
        [*told.split(" && "), "ripieno-models tune x --data " + "y" * 99]
    )
    assert again.count("…") == 1
