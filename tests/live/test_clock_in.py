"""Following a real MIDI clock: jack_midi_clock gives it, jack_midi_dump hears it and our notes."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from ripieno.settings import OnLoss
from ripieno.sync.effects import Lost

from tests.bench_table import quantile
from tests.engine.jackd import PERIOD, RATE, JackServer
from tests.live.clock_recording import Recording
from tests.live.clock_station import FollowingStation, midi_clock, station
from tests.live.clocked import Following, following

pytestmark = pytest.mark.real_part
BPM = 132.0
BEAT = 60 / BPM
ONE_PERIOD = 1000 * PERIOD / RATE
"""Milliseconds: a start that comes with its tick cannot be answered sooner."""


@pytest.fixture(autouse=True)
def needs_the_clock() -> None:
    if not shutil.which("jack_midi_clock"):
        pytest.skip("jack-midi-clock is not installed")


@pytest.fixture(scope="module")
def solo(
    tmp_path_factory: pytest.TempPathFactory, tiny: Path, jack_session: JackServer
) -> Following:
    """A solo on the clock: four bars, a jump to elsewhere, two bars, a stop, and a new start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in jack_session.environment.items():
            patch.setenv(name, value)
        place = tmp_path_factory.mktemp("clock-in")
        with following(place, tiny, jack_session, BPM) as made:
            made.roll()
            made.reaches(16)
            made.jump(40)
            made.reaches(48)
            made.halt()
            made.roll()
            made.reaches(4)
            made.halt()
    return made


def test_notes_fall_on_the_ticks(solo: Following) -> None:
    errors = solo.recorded.phase_errors()
    assert len(errors) > 150
    assert quantile([abs(error) for error in errors], 0.5) < 0.5
    assert quantile([abs(error) for error in errors], 0.95) < ONE_PERIOD + 0.5


def test_a_start_is_answered_within_a_period(solo: Following) -> None:
    heard = solo.recorded.heard
    for number, said in enumerate(heard):
        if said.data != (0xFA,):
            continue
        tick = next(h.frame for h in heard[number:] if h.data == (0xF8,))
        note = next(h.frame for h in heard[number:] if h.data[0] & 0xF0 == 0x90 and h.data[2])
        assert note - tick <= 2 * PERIOD


def test_it_starts_jumps_and_stops_with_the_clock(solo: Following) -> None:
    words = [data[0] for data in solo.recorded.words]
    assert words.count(0xFA) == 2 and words.count(0xFB) == 1  # the clock did what was asked
    beats = [t.beat for t in solo.running.seen if t.playing]
    jumps = [later - sooner for sooner, later in pairwise(beats) if abs(later - sooner) > 4]
    assert len(jumps) == 2
    assert jumps[0] > 20 and jumps[1] < -40


def test_no_jump_bursts_and_nothing_hangs(solo: Following) -> None:
    down: set[tuple[int, int]] = set()
    onsets: list[int] = []
    for heard in solo.recorded.heard:
        match heard.data:
            case (status, pitch, velocity) if status & 0xF0 == 0x90 and velocity:
                down.add((status & 0xF, pitch))
                onsets.append(heard.frame)
            case (status, pitch, _) if status & 0xF0 in (0x80, 0x90):
                down.discard((status & 0xF, pitch))
    assert not down, [h for h in solo.recorded.heard if (h.data[0] & 0xF, h.data[1]) in down][-6:]
    steps = BEAT / 4 * RATE
    for frame in onsets:  # in any half sixteenth there is room for one chord
        assert sum(frame <= other < frame + steps / 2 for other in onsets) <= 4


def test_it_tells_how_well_it_follows(solo: Following) -> None:
    (late,) = [t for t in solo.running.seen if t.playing and 12 < t.beat < 16][-1:]
    assert late.clock is not None
    assert (late.clock.source, late.clock.locked) == ("midi", True)
    assert late.clock.bpm == pytest.approx(BPM, abs=1)


def test_a_clock_that_wanders_is_followed(jackd: JackServer) -> None:
    """Each tick is up to a fifth too long or too short, and the next begins where it ends."""
    with (
        jackd.dump("recorder") as dump,
        station("follower") as ours,
        midi_clock(jackd, BPM, "--jitter-level", "20") as clock,
    ):
        followed = FollowingStation(ours)
        for source, end in (
            (clock, "follower:in"),
            (clock, dump.port),
            ("follower:out", dump.port),
        ):
            jackd.connect(source, end)
        ours.roll(BPM)
        followed.play(16 * BEAT)
        ours.halt()
        followed.play(0.3)
    recorded = Recording(dump.heard)
    gaps = [later - sooner for sooner, later in pairwise(recorded.ticks)]
    assert max(gaps) - min(gaps) > 200, "there was no jitter"
    errors = [abs(error) for error in recorded.phase_errors()]
    assert len(errors) >= 60
    assert quantile(errors, 0.5) < 6
    assert quantile(errors, 0.99) < 20
    assert followed.begins() == [0.0]


@pytest.mark.parametrize("on_loss", OnLoss)
def test_a_clock_that_dies_is_lost(jackd: JackServer, on_loss: OnLoss) -> None:
    with station("follower") as ours:
        followed = FollowingStation(ours)
        followed.follower.on_loss = on_loss
        with midi_clock(jackd, BPM) as clock:
            jackd.connect(clock, "follower:in")
            ours.roll(BPM)
            followed.play(3 * BEAT)
        followed.play(1.0)
        ours.halt()
    assert followed.effects.count(Lost()) == 1
    assert followed.halts() == (on_loss is OnLoss.STOP)
    tempo = followed.follower.tempo
    assert (tempo is None) is (on_loss is OnLoss.STOP)
    assert tempo is None or tempo.bpm == pytest.approx(BPM, rel=0.01)
