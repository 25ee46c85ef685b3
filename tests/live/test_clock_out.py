"""Giving MIDI clock: jack_mclk_dump and jack_midi_dump, which are not ours, hear it."""

from __future__ import annotations

import shutil
from itertools import pairwise

import pytest
from ripieno.sync.sender import song_position

from tests.engine.jackd import RATE, JackServer
from tests.live.clock_station import (
    ClockDump,
    Recording,
    SendingStation,
    clock_dump,
    station,
)

pytestmark = pytest.mark.real_part


@pytest.fixture(autouse=True)
def needs_the_dump() -> None:
    if not shutil.which("jack_mclk_dump"):
        pytest.skip("jack-midi-clock is not installed")


def give(jackd: JackServer) -> tuple[Recording, ClockDump, int]:
    """A performance: stand, start, another tempo, stop, go on elsewhere, jump, stop."""
    with (
        jackd.dump("clock-out") as dump,
        clock_dump(jackd) as read,
        station("sender") as ours,
    ):
        jackd.connect("sender:out", dump.port)
        jackd.connect("sender:out", read.port)
        sending = SendingStation.at(ours, 120)
        sending.play(0.5)
        sending.start(-0.5)
        sending.play(2)
        sending.retime(90)
        sending.play(2)
        sending.stop()
        sending.play(0.3)
        sending.start(9.1)
        sending.play(1)
        sending.start(32.0)
        sending.play(1)
        sending.stop()
        sending.play(0.2)
        late = ours.late
    return Recording(dump.heard), read, late


def test_an_independent_reader_understands_our_clock(jackd: JackServer) -> None:
    recorded, read, late = give(jackd)
    place, jumped = song_position(37), song_position(128)
    assert recorded.words == [
        (0xFA,), (0xFC,), place, (0xFB,), (0xFC,), jumped, (0xFB,), (0xFC,)
    ]  # fmt: skip
    assert read.words == ["start", "stop", "continue", "stop", "continue", "stop"]
    for bpm, tempi in ((120, read.tempi[:48]), (90, read.tempi[-60:])):
        assert sum(abs(tempo - bpm) > 0.2 for tempo in tempi) <= 2  # a start sets the phase anew
    if not late:  # a machine too busy for a cycle of the server says nothing about us
        gaps = {round(RATE * 60 / 24 / bpm) for bpm in (120, 90)}
        odd = [b - a for a, b in pairwise(recorded.ticks) if min(abs(b - a - g) for g in gaps) > 1]
        assert len(odd) <= 5  # where a tempo changes and where a song begins
        assert min(b - a for a, b in pairwise(recorded.ticks)) >= min(gaps) // 2 - 1
        assert max(b - a for a, b in pairwise(recorded.ticks)) <= 2 * max(gaps) + 1
