"""A take as a trace: sound JSON, spans that end, one track for each stage."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ripieno.cli import main
from ripieno.clock import Beats, Seconds
from ripieno.events import NoteOn, Request
from ripieno.settings import Settings
from ripieno.takes.facts import (
    Asked,
    Heard,
    Mark,
    Marked,
    NoteEnded,
    NoteStarted,
    RequestServed,
    Source,
    StepMissed,
    StepPlanned,
)
from ripieno.takes.take import read
from ripieno.takes.trace import Track, trace

from tests.engine.test_take import HEADER, take

ASKED = Request(1, Beats(0), Beats(0), Beats(1), (), (), (), Settings(), number=7)
FACTS = (
    Heard(NoteOn(0, 64, 90), False, Seconds(100.0)),
    NoteStarted(Source.PLAYER, None, 4, 64, 90, Beats(0), None, Seconds(100.0)),
    Asked(ASKED, Seconds(100.1)),
    StepPlanned(
        1, Beats(1), Beats(1.25), Seconds(0.004), True, (), Seconds(100.2), request=7,
        model_seconds=Seconds(0.003),
    ),
    RequestServed(7, 1, False, Seconds(100.2)),
    NoteStarted(Source.PLAYER, None, 4, 67, 90, Beats(0.5), None, Seconds(100.3)),
    NoteEnded(Source.PLAYER, None, 4, 64, Beats(0.6), Seconds(100.4)),
    NoteEnded(Source.PLAYER, None, 4, 67, Beats(0.9), Seconds(100.5)),
    NoteStarted(Source.MODEL, 3, 3, 48, 80, Beats(1), Seconds(101.0), Seconds(101.002)),
    StepMissed(Beats(1.25), Seconds(101.26)),
    NoteEnded(Source.MODEL, 3, 3, 48, Beats(2), Seconds(102.0)),
    Marked(Mark.STOPPED, "", Beats(2), Seconds(102.0)),
)  # fmt: skip


def events(text: str) -> list[dict[str, Any]]:
    """The events of a trace, after its structure was checked as the format demands."""
    data = json.loads(text)
    assert data["displayTimeUnit"] == "ms"
    found: list[dict[str, Any]] = data["traceEvents"]
    open_spans: Counter[tuple[str, str]] = Counter()
    for event in found:
        assert event["ph"] in {"M", "X", "b", "e", "i"}
        assert isinstance(event["pid"], int)
        if event["ph"] == "M":
            assert event["args"]
            continue
        assert isinstance(event["tid"], int)
        assert isinstance(event["ts"], float | int)
        if event["ph"] == "X":
            assert event["dur"] >= 0
        if event["ph"] == "i":
            assert event["s"] == "t"
        if event["ph"] in "be":
            span = (event["cat"], event["id"])
            open_spans[span] += 1 if event["ph"] == "b" else -1
            assert open_spans[span] in (0, 1), "an id is used for one span only"
    assert not +open_spans, "every span has its end"
    return found


def on_track(found: list[dict[str, Any]], track: int) -> list[dict[str, Any]]:
    return [event for event in found if event.get("tid") == track and event["ph"] != "M"]


def test_each_stage_has_its_track() -> None:
    found = events(trace(take(*FACTS)))
    names = {e["tid"]: e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert names == {
        1: "player", 2: "request", 3: "model step", 4: "schedule", 5: "marks",
        10: "sound: soprano", 11: "sound: alto", 12: "sound: tenor", 13: "sound: bass",
        14: "sound: click and others",
    }  # fmt: skip
    player = on_track(found, Track.PLAYER)
    assert [(e["ph"], e["name"], e["ts"]) for e in player] == [
        ("i", "NoteOn", 0.0),
        ("b", "E4", 0.0),
        ("e", "E4", 400_000.0),
        ("b", "G4", 300_000.0),
        ("e", "G4", 500_000.0),
    ]
    request = on_track(found, Track.REQUEST)
    assert [(e["ph"], e["ts"]) for e in request] == [("b", 100_000.0), ("e", 200_000.0)]
    assert request[0]["args"] == {
        "epoch": 1, "since": 0.0, "heard": 0, "steps": 1, "void": False,
    }  # fmt: skip
    (model,) = on_track(found, Track.MODEL_STEP)
    assert (model["ts"], model["dur"]) == (196_000.0, 4_000.0)
    assert model["args"]["model ms"] == 3.0
    waited = [(e["ph"], e["ts"]) for e in on_track(found, Track.SCHEDULE)]
    assert waited == [("b", 200_000.0), ("e", 1_002_000.0), ("i", 1_260_000.0)]
    (sound,) = on_track(found, Track.SOUND + 3)
    assert (sound["name"], sound["ts"], sound["dur"]) == ("C3", 1_002_000.0, 998_000.0)
    assert sound["args"]["late ms"] == pytest.approx(2.0)


def test_what_never_ended_lasts_as_long_as_the_take() -> None:
    found = events(trace(take(*FACTS[:3], FACTS[8])))
    (bass,) = on_track(found, Track.SOUND + 3)
    assert bass["dur"] == 0.0
    assert [e["ts"] for e in on_track(found, Track.REQUEST)] == [100_000.0, 1_002_000.0]
    assert [e["ts"] for e in on_track(found, Track.PLAYER)][-1] == 1_002_000.0


def test_a_real_take_becomes_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parents[1] / "takes" / "version-1.take"
    out = tmp_path / "x.json"
    assert main(["takes", "trace", str(path), "--out", str(out)]) == 0
    assert "ui.perfetto.dev" in capsys.readouterr().out
    found = events(out.read_text())
    sounded = [e for e in found if e["ph"] == "X" and e["tid"] >= Track.SOUND]
    started = [f for f in read(path).facts if isinstance(f, NoteStarted) and f.voice is not None]
    assert len(sounded) == len(started)
    ends: dict[int, float] = {}
    for event in sounded:  # spans of one track do not overlap
        assert event["ts"] >= ends.get(event["tid"], 0.0) - 0.001
        ends[event["tid"]] = event["ts"] + event["dur"]
    assert main(["takes", "trace", str(path), "--out", "-"]) == 0
    assert events(capsys.readouterr().out) == found
    assert main(["takes", "trace", str(path), "--out", str(tmp_path / "no" / "x.json")]) == 2


def test_an_empty_take_is_a_trace_too() -> None:
    assert {e["ph"] for e in events(trace(take()))} == {"M"}
    assert HEADER.started == 100.0
