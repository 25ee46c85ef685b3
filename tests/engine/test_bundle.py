from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ripieno.errors import BundleError
from ripieno.grammar.grid import FEATURES, VOICES
from ripieno.inference.bundle import check, load_manifest
from ripieno.settings import FULL_RANGES

from tests.engine.bundles import Recipe, sha256, write_bundle

COUNT = len(FEATURES)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(hidden=8))


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "test-lstm"))


def sentence(folder: Path, load: Callable[[Path], object] = check) -> str:
    """What is said about a bundle that is refused: one line, with the place in it."""
    with pytest.raises(BundleError) as refused:
        load(folder)
    told = str(refused.value)
    assert "\n" not in told
    assert told.endswith((".", "?"))
    assert folder.name in told
    return told


def test_a_sound_bundle_tells_all_about_itself(sound: Path) -> None:
    manifest = check(sound)
    assert manifest.name == "test-lstm"
    assert manifest.order == (0, 3, 1, 2)
    assert tuple(v.name for v in manifest.voices) == VOICES
    assert tuple((v.low, v.high) for v in manifest.voices) == FULL_RANGES
    assert [(s.input, s.output, s.shape) for s in manifest.states] == [
        ("h", "h_out", (2, 1, 8)),
        ("c", "c_out", (2, 1, 8)),
    ]
    assert manifest.bytes == (sound / "model.onnx").stat().st_size
    assert manifest.metrics == (("nll_valid_natural", 0.0),)
    assert manifest.graph("auto") is manifest.graph("fp32")


def test_a_precision_that_is_not_there(sound: Path) -> None:
    told = sentence(sound, lambda folder: load_manifest(folder).graph("int8"))
    assert "int8" in told
    assert "auto, fp32" in told


def test_a_folder_that_is_not_there(sound: Path) -> None:
    with pytest.raises(BundleError, match=r"no such bundle folder.*Did you mean 'test-lstm'\?"):
        load_manifest(sound.parent / "tset-lstm")


EDITS = {
    "format": ("format = 1", "format = 2", "format is 2", "1, the bundle format"),
    "grammar": ('grammar = "grid"', 'grammar = "remi"', "grammar is 'remi'", "'grid'"),
    "given": ('given = "any"', 'given = "anny"', "given is 'anny'", "Did you mean 'any'?"),
    "steps": ("steps_per_beat = 4", "steps_per_beat = 6", "grid.steps_per_beat is 6", "4"),
    "lowest": ("lowest = 36", "lowest = 21", "grid.lowest is 21", "36"),
    "vocabulary": ("vocabulary = 48", "vocabulary = 90", "grid.vocabulary is 90", "48"),
    "order": ('["soprano", "bass",', '["soprano", "soprano",', "grid.order", "each once of"),
    "feature": ('"previous_voice"', '"previous_choice"', "at place 1", "'previous_voice' there"),
    "voice": ('name = "alto"', 'name = "altus"', "voice[2].name is 'altus'", "'alto'?"),
    "two voices": ('name = "alto"', 'name = "tenor"', "voice names soprano, tenor, tenor", "alto"),
    "range": ("low = 57", "low = 82", "voice[1].low is 82", "low ≤ high"),
    "pitch": ("high = 81\n[[voice]]", "high = 181\n[[voice]]", "voice[1].high is 181", "0…127"),
    "role": ('role = "step"', 'role = "chunk"', "graph[1].role is 'chunk'", "step"),
    "precision": ('precision = "fp32"', 'precision = "fp16"', "'fp16'", "Did you mean 'fp32'?"),
    "path": ('file = "model.onnx"', 'file = "../model.onnx"', "'../model.onnx'", "in this folder"),
    "absent": ('file = "model.onnx"', 'file = "other.onnx"', "other.onnx", "is missing"),
    "digits": ('sha256 = "', 'sha256 = "xy', "sha256 is 'xy", "64 hexadecimal digits"),
    "features": (f"shape = [1, {COUNT}]", "shape = [1, 19]", "int64[1, 19]", f"int64[1, {COUNT}]"),
    "dtype": ('dtype = "int64"', 'dtype = "int32"', "features int32", f"int64[1, {COUNT}]"),
    "logits": ("shape = [1, 48]", "shape = [1, 49]", "float32[1, 49]", "float32[1, 48]"),
    "state": ("shape = [2, 1, 8]", 'shape = [2, "n", 8]', "state[1].shape", "whole numbers"),
    "huge": ("shape = [2, 1, 8]", "shape = [2, 1, 800000000]", "state[1].shape", "64 Mi"),
    "rewind": ('kind = "snapshot"', 'kind = "crop"', "rewind.kind is 'crop'", "snapshot, length"),
    "seed": ("seed = 1", "seed = true", "training.seed is True", "a whole number"),
    "metric": ("natural = 0.0", "natural = nan", "metrics.nll_valid_natural is nan", "finite"),
    "misspelt": ("title =", "titel =", "title is missing", "There is 'titel' instead"),
    "unknown": ("format = 1", "format = 1\nlicense = 1", "license is not", "'licence'?"),
    "missing": ("minutes = 0.0\n", "", "training.minutes is missing", "a number"),
    "no voices": ("[[voice]]", "[[vioce]]", "voice is missing", "There is 'vioce' instead"),
    "broken": ("format = 1", "format = = 1", "not valid TOML", "line 1"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_wrong_key_has_its_sentence(edit: str, copy: Path) -> None:
    before, after, what, right = EDITS[edit]
    path = copy / "manifest.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, -1 if before == "[[voice]]" else 1))
    told = sentence(copy, load_manifest)
    assert what in told
    assert right in told


@pytest.mark.parametrize("name", ["manifest.toml", "model.onnx", "CARD.md"])
def test_a_missing_file(name: str, copy: Path) -> None:
    (copy / name).unlink()
    told = sentence(copy)
    assert name in told
    assert "is missing" in told


@pytest.mark.parametrize("name", ["model.onnx", "CARD.md"])
@pytest.mark.parametrize("harm", ["truncated", "flipped", "emptied"])
def test_a_damaged_file_is_found_by_its_hash(name: str, harm: str, copy: Path) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    if harm == "truncated":
        content = content[: len(content) // 2]
    elif harm == "flipped":
        content[len(content) // 3] ^= 4
    else:
        content.clear()
    path.write_bytes(content)
    told = sentence(copy)
    assert name in told
    assert sha256(path)[:8] in told
    assert "damaged or was changed" in told


def test_every_truncation_of_the_manifest_is_refused_in_a_sentence(copy: Path) -> None:
    path = copy / "manifest.toml"
    whole = path.read_bytes().rstrip()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        sentence(copy)


def test_a_manifest_that_is_no_text(copy: Path) -> None:
    (copy / "manifest.toml").write_bytes(b"\xff\xfe\x00format")
    assert "not text" in sentence(copy)


def test_reading_a_manifest_needs_neither_numpy_nor_onnx_runtime() -> None:
    import subprocess
    import sys

    code = (
        "import sys, ripieno.inference.bundle; print({'numpy', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
