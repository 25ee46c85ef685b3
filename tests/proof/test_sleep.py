"""A model that stands still, a laptop that sleeps, a clock that jumps: nothing bursts or hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.commands import Quit
from ripieno.settings import Mode

from tests.engine.jackd import PERIOD, RATE, JackServer
from tests.fakes import FakeStage
from tests.live import score_reader
from tests.live.processes import family
from tests.live.show import OUT, Show, quick, show, stage_of
from tests.proof.reader import MARK, mark, most_ons_together, notes_only, ons
from tests.proof.source import source

BPM = 240.0
SIXTEENTH = round(RATE * 60 / BPM / 4)
CHORD = 4
"""Four voices: more note-ons than these at one moment are a burst."""


def sing(running: Show) -> None:
    running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")


def freeze(pids: Iterable[int], seconds: float) -> None:
    """They stand still for so long, all at once."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.real_part
def test_the_model_stands_still_and_goes_on(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO, BPM))
    with show(stage) as running, source() as marks, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(marks.port, dump.port)
        sing(running)
        freeze([running.inference], 3.0)
        marks.play(f"control {MARK} 1")
        slept = running.until(lambda t: t.missed > 4, "missed steps")
        running.until(lambda t: t.steps > slept.steps + 16, "steps once more")
        running.send(Quit())
        running.until_over()
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    assert ons(dump.heard[mark(dump.heard, 1) :]), "the music went on"
    assert most_ons_together(heard, SIXTEENTH - 2 * PERIOD) <= CHORD, "no burst"


@pytest.mark.real_part
@pytest.mark.parametrize("everything", [False, True], ids=["we", "jack too"])
def test_all_sleep_for_seconds(
    everything: bool, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO, BPM))
    with show(stage) as running, source() as marks, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(marks.port, dump.port)
        sing(running)
        ours = [running.guard, *family(running.realtime)]
        freeze([*ours, mortal_jackd.pid] if everything else ours, 4.0)
        marks.play(f"control {MARK} 1")
        woke = running.until(lambda t: t.at > running.seen[-2].at + 3.0, "a leap of time")
        running.until(lambda t: t.steps > woke.steps + 16, "steps once more", 30)
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    assert ons(dump.heard[mark(dump.heard, 1) :]), "the music went on"
    assert most_ons_together(heard, SIXTEENTH - 2 * PERIOD) <= CHORD, "no burst"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("seconds", [0.3, 5.0, 3600.0, 86400.0])
def test_the_clock_jumps_in_the_middle_of_a_chord(seconds: float, mode: Mode) -> None:
    stage = FakeStage(quick(mode, BPM))
    stage.play()
    stage.play_note(67, 0.0, 1.0)
    stage.strike(72)
    stage.run_to(stage.beat + 3.0)
    before = len(stage.output.calls)
    stage.clock.sleep_until(Seconds(stage.clock.now() + seconds))
    stage.settle()
    struck = [call for call in stage.output.calls[before:] if call[0] == "on"]
    assert len(struck) <= CHORD, "no burst"
    stage.release(72)
    stage.run_to(stage.beat + 8.0)
    stage.play_note(64, stage.beat + 1.0, stage.beat + 2.0)
    stage.run_to(stage.beat + 8.0)
    assert len(stage.output.calls) > before + 8, "the music goes on"
    stage.show.stop(stage.clock.now())
    stage.show.sound.pump(Seconds(stage.clock.now() + stage.show.sound.lead))
    assert stage.output.sounding == {}
    assert stage.ledger.sounding() == []
    assert len(stage.recorder.started) == len(stage.recorder.ended)
