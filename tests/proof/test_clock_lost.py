"""The clock that we follow stops, or falls silent, in the middle of a chord."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.settings import ClockSource, Mode, OnLoss, Settings, Sync

from tests.engine.jackd import JackServer
from tests.live import score_reader
from tests.live.show import IN, OUT, Show, quick, stage_of
from tests.proof.reader import MARK, mark, notes_only, ons
from tests.proof.source import STOP, source

pytestmark = pytest.mark.real_part

BPM = 200


def following(on_loss: OnLoss) -> Settings:
    return quick(Mode.SOLO, BPM, sync=Sync(source=ClockSource.MIDI, on_loss=on_loss))


@pytest.mark.parametrize(
    ("on_loss", "says_stop", "goes_on"),
    [
        pytest.param(OnLoss.GO_ON, True, False, id="it says stop"),
        pytest.param(OnLoss.STOP, False, False, id="it falls silent and we stop"),
        pytest.param(OnLoss.GO_ON, False, True, id="it falls silent and we go on"),
    ],
)
def test_the_clock_goes(
    on_loss: OnLoss,
    says_stop: bool,
    goes_on: bool,
    tmp_path: Path,
    tiny: Path,
    mortal_jackd: JackServer,
) -> None:
    running = Show(stage_of(tmp_path, tiny, following(on_loss)))
    try:
        running.until(lambda t: "(" in t.model, "a model")
        with source() as clock, mortal_jackd.dump("listener") as dump:
            mortal_jackd.connect(OUT, dump.port)
            mortal_jackd.connect(clock.port, IN)
            mortal_jackd.connect(clock.port, dump.port)
            clock.start(f"clock {BPM} 12")
            running.until(lambda t: t.beat > 8 and sum(map(bool, t.levels)) >= 3, "a chord")
            if says_stop:
                clock.play(f"raw {STOP:02x}")
            else:
                clock.play("wait 0.0")
            if goes_on:
                seen = running.until(lambda t: t.clock is not None and not t.clock.locked, "a loss")
                running.beats_on(8)
                assert running.seen[-1].playing and running.seen[-1].beat > seen.beat
            else:
                running.until(lambda t: not t.playing and t.sounding == 0, "a stop")
                clock.play("wait 0.3", f"control {MARK} 1")
            running.send(Quit())
            running.until_over()
    finally:
        running.client.close()
    heard = notes_only(dump.heard)
    assert len(ons(heard)) > 8, "hardly anything was heard"
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    if not goes_on:
        place = mark(dump.heard, 1)
        assert score_reader.hanging(notes_only(dump.heard[:place])) == [], "released when it went"
