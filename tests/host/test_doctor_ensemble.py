"""The doctor looks at all that a preset of several who play needs: models at once, and ends."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.cli import main
from ripieno.doctor import pace
from ripieno.doctor.doctor_ensemble import keeping_up_together
from ripieno.doctor.finding import Health
from ripieno.errors import RipienoError
from ripieno.preset.preset import load_preset

from tests.engine.bundles import Recipe, write_bundle

DUO = """
[play]
bpm = 100
[routing]
outputs = ["none", "no such port"]
inputs = []
[ensemble.choir]
model = "{choir}"
mode = "solo"
channels = [1, 2, 3, 4]
[ensemble.fiddle]
model = "{fiddle}"
fallback = "{choir}"
mode = "answer"
hears = ["choir"]
channel = 6
[ensemble.fiddle.horizon]
budget_ms = 30
"""


def duo(folder: Path, fiddle: str = "") -> Path:
    choir = write_bundle(folder / "choir", Recipe(hidden=8))
    other = fiddle or str(write_bundle(folder / "fiddle", Recipe(hidden=8)))
    preset = folder / "duo.toml"
    preset.write_text(DUO.format(choir=choir, fiddle=other))
    return preset


def told(capsys: pytest.CaptureFixture[str], part: str) -> list[str]:
    """The lines of that part."""
    return [line for line in capsys.readouterr().out.splitlines() if line[2:].startswith(part)]


def test_each_of_them_is_looked_at_and_all_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["doctor", "--preset", str(duo(tmp_path))]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    models = [line for line in lines if line.startswith("✓ Model")]
    assert [line.split()[2] for line in models] == ["choir:", "fiddle:"]
    assert "else " in models[1] and "else " not in models[0]
    paces = [line for line in lines if line[2:].startswith("Pace")]
    assert [line.split()[2] for line in paces] == ["choir:", "fiddle:"]
    assert all(f"with all 2 at work on {os.cpu_count()} cores" in line for line in paces)
    (ends,) = (line for line in lines if line[2:].startswith("Ends"))
    assert ends.startswith("! Ends") and "plays on none" in ends
    assert "'no such port'" in out


def test_a_member_whose_model_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["doctor", "--preset", str(duo(tmp_path, "no-such-model"))]) == 1
    choir, fiddle = told(capsys, "Model")
    assert choir.startswith("✓") and fiddle.startswith("✗ Model")
    assert "fiddle: " in fiddle and "no-such-model" in fiddle


def test_each_is_asked_while_the_others_are(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "tiny", Recipe(hidden=8))
    trips = pace.at_once([(bundle, "auto")] * 3, tmp_path / "log", rounds=6)
    assert [len(each) for each in trips] == [6, 6, 6]
    assert all(trip > 0 for each in trips for trip in each)


def test_one_that_cannot_run_is_told_by_its_process(tmp_path: Path) -> None:
    good = write_bundle(tmp_path / "good", Recipe(hidden=8))
    bad = write_bundle(tmp_path / "bad", Recipe(hidden=8))
    (bad / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(RipienoError, match="bad"):
        pace.at_once([(good, "auto"), (bad, "auto")], tmp_path / "log")


def test_what_is_late_and_what_has_no_budget_is_told(tmp_path: Path) -> None:
    choir, fiddle = load_preset(str(duo(tmp_path))).ensemble
    step = 60 / 100 / 4  # seconds
    late = keeping_up_together(choir, [2 * step] * 20, 2)
    assert (late.health, late.part) == (Health.FAIR, "Pace")
    assert late.advice == "Play at 50 bpm or below, or give choir a smaller model."
    short = keeping_up_together(fiddle, [0.05] * 20, 2)
    assert short.health is Health.FAIR
    assert "its budget is 30 ms" in short.found
    assert "budget_ms of 50 or more" in short.advice
    enough = replace(fiddle.member.settings.horizon, budget_ms=100.0)
    member = replace(fiddle.member, settings=replace(fiddle.member.settings, horizon=enough))
    assert keeping_up_together(replace(fiddle, member=member), [0.05] * 20, 2).health is Health.GOOD
