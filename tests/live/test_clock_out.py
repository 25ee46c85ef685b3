"""Giving MIDI clock: jack_mclk_dump and jack_midi_dump, which are not ours, hear it."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from ripieno.sync.sender import song_position

from tests.bench_table import quantile
from tests.engine.jackd import JackServer
from tests.live.clock_recording import Recording
from tests.live.clock_station import SendingStation, clock_dump, station
from tests.live.clocked import Giving, give_clock

pytestmark = pytest.mark.real_part
BPM = 150.0
TICK = 1000 * 60 / BPM / 24
"""Milliseconds from one tick to the next."""


@pytest.fixture(autouse=True)
def needs_the_dump() -> None:
    if not shutil.which("jack_mclk_dump"):
        pytest.skip("jack-midi-clock is not installed")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, tiny: Path, jack_session: JackServer) -> Giving:
    """A solo that sends its clock: stopped, started again from there, stopped."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in jack_session.environment.items():
            patch.setenv(name, value)
        return give_clock(tmp_path_factory.mktemp("clock-out"), tiny, jack_session, BPM, 12)


def test_a_solo_tells_where_it_goes_on(given: Giving) -> None:
    place, goes_on, stopped = given.recorded.words[-3:]
    assert place[0] == 0xF2 and (goes_on, stopped) == ((0xFB,), (0xFC,))
    assert (place[1] + 128 * place[2]) % 16 in (14, 15)  # the half beat before a bar line
    assert given.read.words[-2:] == ["continue", "stop"]


def test_an_independent_reader_hears_the_tempo(given: Giving) -> None:
    tempi = given.read.tempi[-12 * 24 :]
    assert median(tempi) == pytest.approx(BPM, rel=0.01)


def test_ticks_are_many_and_none_comes_with_another(given: Giving) -> None:
    rolling = given.recorded.rolling()
    assert len(rolling.ticks) >= 11.5 * 24
    assert quantile(rolling.unevenness(), 0.9) < TICK / 2


def test_notes_fall_on_our_own_ticks(given: Giving) -> None:
    errors = [abs(error) for error in given.recorded.rolling().phase_errors()]
    assert len(errors) > 20
    assert quantile(errors, 0.9) < TICK, "to how much exactly is for the bench to say"


def test_starts_stops_and_jumps_are_understood(jackd: JackServer) -> None:
    with jackd.dump("recorder") as dump, clock_dump(jackd) as read, station("sender") as ours:
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
    recorded = Recording(dump.heard)
    place, jumped = song_position(37), song_position(129)
    assert recorded.words == [
        (0xFA,), (0xFC,), place, (0xFB,), (0xFC,), jumped, (0xFB,), (0xFC,)
    ]  # fmt: skip
    assert read.words == ["start", "stop", "continue", "stop", "continue", "stop"]
    for bpm, tempi in ((120, read.tempi[:48]), (90, read.tempi[-60:])):
        assert median(tempi) == pytest.approx(bpm, rel=0.01)
    if not ours.late:  # a machine too busy for a cycle of the server says nothing about us
        gaps = [later - sooner for sooner, later in pairwise(recorded.ticks)]
        assert min(gaps) >= 490 and median(gaps) in range(999, 1335)
