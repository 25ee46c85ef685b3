"""The doctor looks at the real machine; what it concludes from what it sees is tested here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ripieno import measure, resources
from ripieno.cli import main
from ripieno.clock import Seconds
from ripieno.doctor import doctor, pace
from ripieno.doctor.doctor_model import TEMPOS, keeping_up, plans
from ripieno.doctor.finding import Finding, Health
from ripieno.errors import RipienoError

from tests.engine.bundles import write_bundle
from tests.engine.jackd import PERIOD, RATE, JackServer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("zoo") / "tiny")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


def test_the_whole_examination(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["doctor", "--model", str(model)]) == 0
    lines = capsys.readouterr().out.splitlines()
    parts = [line[2:].split()[0] for line in lines if line[0] in "✓!✗"]
    assert parts[:7] == [
        "Python", "Processor", "ONNX", "Model", "Calibration", "Pace", "Plans",
    ]  # fmt: skip
    assert any("bpm" in line and "L=16" in line for line in lines)
    assert (tmp_path / "ripieno" / "calibration.toml").is_file()
    assert {"MIDI", "Synthesiser", "Soundfont", "Priority", "Terminal"} <= set(parts)
    assert not any(line.startswith("✗") for line in lines)
    assert lines[-1].startswith("Ripieno can play here.")


def test_a_missing_model_is_broken_and_the_rest_is_still_examined(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["doctor", "--model", "no-such"]) == 1
    out = capsys.readouterr().out
    assert "✗ Model" in out
    assert "Terminal" in out
    assert "→ `ripieno models` lists the models" in out


def test_round_trips_are_asked_of_a_process_of_its_own(model: Path, log: Path) -> None:
    trips = pace.round_trips(model, "auto", log, (1, 4))
    assert {length: len(seconds) for length, seconds in trips.items()} == {1: 96, 4: 32}
    assert all(trip > 0 for seconds in trips.values() for trip in seconds)


def test_a_model_that_cannot_run_is_told_by_its_process(tmp_path: Path, log: Path) -> None:
    broken = write_bundle(tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(RipienoError, match="broken"):
        pace.round_trips(broken, "auto", log)


def test_keeping_up_is_a_sixteenth_in_less_than_a_sixteenth() -> None:
    step = 60 / 90 / 4  # seconds
    good = keeping_up([step * 0.5] * 100, bpm=90)
    assert (good.health, good.advice) == (Health.GOOD, "")
    assert "fast enough up to 180 bpm" in good.found
    slow = keeping_up([step * 1.5] * 100, bpm=90)
    assert slow.health is Health.FAIR
    assert "Play at 60 bpm or below." in slow.advice
    hopeless = keeping_up([10.0] * 100, bpm=90)
    assert "smaller model" in hopeless.advice


def test_keeping_up_looks_at_the_slow_ones() -> None:
    trips = [0.001] * 94 + [1.0] * 6
    assert measure.quantile(trips, 0.5) == 0.001
    assert measure.quantile(trips, 0.95) == 1.0
    assert measure.quantile([3.0, 1.0, 2.0], 0.0) == 1.0
    assert measure.quantile([3.0, 1.0, 2.0], 1.0) == 3.0
    assert keeping_up(trips, bpm=120).health is Health.FAIR


def test_plans_are_picked_for_the_tempo() -> None:
    trips = {length: Seconds(0.01 * length) for length in (1, 2, 4, 8)}
    quick = plans(trips, bpm=120)
    assert quick.health is Health.GOOD
    assert "one every sixteenth, 2 sixteenths long" in quick.found
    assert "lookahead=0.5" in quick.found
    assert len(quick.table) == 1 + len(TEMPOS)
    hopeless = plans({1: Seconds(3.0), 2: Seconds(6.0)}, bpm=120)
    assert hopeless.health is Health.FAIR and "smaller model" in hopeless.advice


def test_a_jack_server_is_described(jackd: JackServer) -> None:
    (finding,) = doctor.jack()
    assert f"{RATE} Hz, {PERIOD} frames" in finding.found


def test_no_jack_server_is_no_finding(no_jack: None) -> None:
    assert list(doctor.jack()) == []


def test_no_midi_port_is_told_with_what_would_bring_some(no_jack: None) -> None:
    finding = doctor.midi()
    assert finding.advice or "inputs" in finding.found


def test_priority_is_given_back() -> None:
    before = os.sched_getscheduler(0)
    findings = list(doctor.priority())
    assert os.sched_getscheduler(0) == before
    assert findings[0].part == "Priority"


def test_without_rights_the_doctor_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    finding = next(iter(doctor.priority()))
    assert finding.health is Health.FAIR
    assert "@audio - rtprio 95" in finding.advice


def test_a_missing_soundfont_does_not_keep_anyone_from_playing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resources, "shipped", lambda kind: tmp_path)
    finding = list(doctor.sound())[-1]
    assert (finding.part, finding.health) == ("Soundfont", Health.FAIR)


@pytest.mark.parametrize(
    ("size", "encoding", "health"),
    [
        ((80, 24), "utf-8", Health.GOOD),
        ((79, 24), "utf-8", Health.FAIR),
        ((80, 23), "utf-8", Health.FAIR),
        ((200, 60), "ascii", Health.FAIR),
    ],
)
def test_the_terminal(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], encoding: str, health: Health
) -> None:
    class Terminal:
        def __init__(self) -> None:
            self.encoding = encoding

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size(size))
    monkeypatch.setattr("sys.stdout", Terminal())
    finding: Finding = doctor.screen()
    assert finding.health is health
    assert bool(finding.advice) == (health is Health.FAIR)
