"""Following a real MIDI clock: jack_midi_clock gives it, jack_midi_dump hears it and our notes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ripieno.sync.effects import Lost

from tests.bench_table import quantile
from tests.engine.jackd import JackServer
from tests.live.clock_station import FollowingStation, Recording, Station, midi_clock, station

pytestmark = pytest.mark.real_part
BPM = 132.0


@pytest.fixture(autouse=True)
def needs_the_clock() -> None:
    if not shutil.which("jack_midi_clock"):
        pytest.skip("jack-midi-clock is not installed")


def follow(
    jackd: JackServer, what: Callable[[Station, FollowingStation], None], *options: str
) -> tuple[FollowingStation, Recording]:
    """Do `what` with JACK's transport; what was followed, and what was heard."""
    with (
        jackd.dump("clock-in") as dump,
        station("follower") as ours,
        midi_clock(jackd, BPM, "-d", "0.3", *options) as clock,
    ):
        following = FollowingStation(ours)
        jackd.connect(clock, "follower:in")
        jackd.connect(clock, dump.port)
        jackd.connect("follower:out", dump.port)
        what(ours, following)
        ours.halt()
        following.play(0.3)
    return following, Recording(dump.heard)


def test_notes_fall_on_the_ticks(jackd: JackServer) -> None:
    def four_bars(ours: Station, following: FollowingStation) -> None:
        ours.roll(BPM)
        following.play(16 * 60 / BPM)

    following, recorded = follow(jackd, four_bars)
    errors = [abs(error) for error in recorded.phase_errors()]
    assert len(errors) >= 60
    assert quantile(errors, 0.5) < 0.5
    assert quantile(errors, 0.9) < 2
    assert following.begins() == [0.0]
    assert following.halts() == 1
    assert following.follower.state().bpm == pytest.approx(BPM, abs=0.2)


def test_a_fifth_of_a_tick_of_jitter_is_filtered(jackd: JackServer) -> None:
    def four_bars(ours: Station, following: FollowingStation) -> None:
        ours.roll(BPM)
        following.play(16 * 60 / BPM)

    following, recorded = follow(jackd, four_bars, "--jitter-level", "20")
    gaps = [b - a for a, b in zip(recorded.ticks, recorded.ticks[1:], strict=False)]
    assert max(gaps) - min(gaps) > 100, "there was no jitter"
    steady = _against_a_line(recorded)
    assert len(steady) >= 50
    assert quantile(steady, 0.5) < 1.0
    assert following.begins() == [0.0]


def _against_a_line(recorded: Recording) -> list[float]:
    """By how many ms notes of the last three bars miss evenly spaced sixteenths."""
    notes = recorded.notes[12:]
    spacing = 60 / BPM / 4 * 48000
    offsets = sorted((note - number * spacing) for number, note in enumerate(notes))
    middle = offsets[len(offsets) // 2]
    return [abs(offset - middle) / 48 for offset in offsets]


def test_a_jump_of_the_song_is_followed_once_and_without_a_burst(jackd: JackServer) -> None:
    def jump(ours: Station, following: FollowingStation) -> None:
        ours.roll(BPM)
        following.play(5 * 60 / BPM)
        ours.locate(32.0, BPM)
        following.play(0.3 + 8 * 60 / BPM)

    following, recorded = follow(jackd, jump)
    first, second = following.begins()
    assert first == 0
    (told, *_) = (data for data in recorded.words if data[0] == 0xF2)
    assert second == (told[1] + 128 * told[2]) / 4
    assert 32 <= second < 36  # jack_midi_clock goes on after a while, further on
    gaps = [b - a for a, b in zip(recorded.notes, recorded.notes[1:], strict=False)]
    assert min(gaps) > 0.4 * 60 / BPM / 4 * 48000, "a burst of notes"
    assert quantile([abs(error) for error in recorded.phase_errors()], 0.5) < 0.5


def test_stop_and_start_again(jackd: JackServer) -> None:
    def twice(ours: Station, following: FollowingStation) -> None:
        for _ in range(2):
            ours.roll(BPM)
            following.play(3 * 60 / BPM)
            ours.halt()
            following.play(0.4)

    following, recorded = follow(jackd, twice)
    assert following.begins() == [0.0, 0.0]
    assert following.halts() == 2
    assert Lost() not in following.effects
    assert [data[0] for data in recorded.words if data[0] != 0xF2] == [0xFA, 0xFC, 0xFA, 0xFC]


def test_a_clock_that_dies_is_lost_and_the_music_goes_on(jackd: JackServer, tmp_path: Path) -> None:
    with station("follower") as ours:
        following = FollowingStation(ours)
        with midi_clock(jackd, BPM) as clock:
            jackd.connect(clock, "follower:in")
            ours.roll(BPM)
            following.play(3 * 60 / BPM)
        following.play(1.0)
        assert following.effects.count(Lost()) == 1
        assert following.follower.tempo is not None
        assert following.follower.tempo.bpm == pytest.approx(BPM, rel=0.01)
        ours.halt()
