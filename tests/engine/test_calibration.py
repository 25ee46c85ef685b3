"""How a model runs best is measured on the real model, remembered, and read by `auto`."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno import resources
from ripieno.inference import calibration
from ripieno.inference.bundle import check
from ripieno.inference.calibration import Choice

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle, write_cached_manifest


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of two precisions, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_bundle(tmp_path / "tiny", Recipe(int8=True))


def test_every_way_to_run_it_is_tried(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "ROUNDS", 5)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    choices = calibration.calibrate(bundle)
    ways = {(choice.precision, choice.threads) for choice in choices}
    precisions = {graph.precision for graph in check(bundle).graphs}
    assert ways == {(precision, threads) for precision in precisions for threads in (1, 2)}
    assert all(choice.p99_ms > 0 for choice in choices)


def test_8_bits_in_blocks_are_a_way_of_their_own(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "ROUNDS", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    recipe = CachedRecipe(int8=True)
    folder = write_cached_bundle(tmp_path / "cached", recipe)
    (folder / "model.q8.onnx").write_bytes((folder / "model.onnx").read_bytes())
    files = {("step", "int8"): "model.int8.onnx", ("step", "q8"): "model.q8.onnx"}
    files |= {("chunk", "q8"): "model.int8.onnx", ("step", "fp32"): "model.onnx"}
    write_cached_manifest(folder, recipe, files)
    tried = [precision for precision, _ in calibration._ways(check(folder))]
    assert tried == ["int8", "q8", "fp32"], "the smaller numbers first"
    choices = calibration.calibrate(folder)
    assert sorted(choice.precision for choice in choices) == ["fp32", "int8", "q8"]
    calibration.remember(folder, Choice("q8", 1, 0.2))
    assert calibration.resolve(folder, "auto") == ("q8", 1)


def test_another_way_must_be_clearly_better() -> None:
    first, nearly, clearly = (
        Choice("int8", 1, 1.0), Choice("int8", 2, 0.9), Choice("fp32", 1, 0.5)
    )  # fmt: skip
    assert calibration.ranked([first, nearly]) == (first, nearly)
    assert calibration.ranked([first, nearly, clearly]) == (clearly, nearly, first)


def test_what_was_found_is_remembered_for_this_bundle_alone(bundle: Path, tmp_path: Path) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=7))
    assert calibration.resolve(bundle, "auto") == ("auto", 1)
    calibration.remember(bundle, Choice("int8", 1, 0.3))
    calibration.remember(bundle, Choice("fp32", 2, 0.25))
    calibration.remember(other, Choice("int8", 1, 0.1))
    assert calibration.chosen(bundle) == Choice("fp32", 2, 0.25)
    assert calibration.resolve(bundle, "auto") == ("fp32", 2)
    assert calibration.resolve(bundle, "int8") == ("int8", 1)
    assert calibration.chosen(other) == Choice("int8", 1, 0.1)


def test_another_computer_chooses_anew(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calibration.remember(bundle, Choice("fp32", 2, 0.25))
    monkeypatch.setattr(calibration, "this_computer", lambda: "another one")
    assert calibration.chosen(bundle) is None


@pytest.mark.parametrize(
    "text",
    ["", "what is this", "choice = 3", "[[choice]]\nbundle = 1", '[[choice]]\nthreads = "x"'],
)
def test_a_file_that_makes_no_sense_is_forgotten(bundle: Path, text: str) -> None:
    file = calibration.remember(bundle, Choice("int8", 1, 0.3))
    assert file.is_relative_to(resources.cache_home())
    file.write_text(text)
    assert calibration.chosen(bundle) is None
    calibration.remember(bundle, Choice("int8", 1, 0.3))
    assert calibration.chosen(bundle) == Choice("int8", 1, 0.3)
