"""Following a real MIDI clock: jack_midi_clock gives it, jack_midi_dump hears it and our notes."""

from __future__ import annotations

import shutil
from itertools import pairwise, takewhile
from pathlib import Path
from statistics import median

import pytest
from ripieno.settings import OnLoss
from ripieno.sync.effects import Lost

from tests.bench_table import quantile
from tests.engine.jackd import RATE, JackServer
from tests.live.clock_recording import Recording
from tests.live.clock_station import FollowingStation, midi_clock, station
from tests.live.clocked import Following, following

pytestmark = pytest.mark.real_part
BPM = 132.0
BEAT = 60 / BPM
NEAR = 1000 * BEAT / 16
"""Milliseconds, a quarter of a sixteenth: by how much exactly is for the bench to say."""


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
    assert quantile([abs(error) for error in errors], 0.9) < NEAR


def test_a_start_is_answered_on_its_first_sixteenth(solo: Following) -> None:
    heard = solo.recorded.heard
    for number, said in enumerate(heard):
        if said.data != (0xFA,):
            continue
        before = takewhile(lambda h: h.data[0] & 0xF0 != 0x90, heard[number:])
        assert 1 <= sum(h.data == (0xF8,) for h in before) <= 6


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
    lost = solo.transport.lost
    judged = [at for at in onsets if not any(abs(at - frame) < RATE / 2 for frame in lost)]
    assert len(judged) > len(onsets) / 2, f"JACK lost time at {lost}"
    for frame in judged:  # a chord, and a late one before it; the jump is over ninety-six steps
        assert sum(frame <= other < frame + steps / 2 for other in onsets) <= 8


def test_it_tells_how_well_it_follows(solo: Following) -> None:
    told = [t.clock for t in solo.running.seen if t.playing and t.clock and 8 < t.beat < 16]
    assert {clock.source for clock in told} == {"midi"}
    locked = [clock.bpm for clock in told if clock.locked]
    assert len(locked) > len(told) / 2
    assert median(locked) == pytest.approx(BPM, abs=1)


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
    assert quantile(errors, 0.9) < NEAR
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
    assert tempo is None or tempo.bpm == pytest.approx(BPM, rel=0.05)
