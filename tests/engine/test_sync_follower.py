"""Following a MIDI clock: the music stays on the beat, whatever happens to the ticks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ClockTick, ClockTransport, SongPosition, Transport
from ripieno.settings import OnLoss
from ripieno.sync.effects import Begin, Found, Halt, Jump, Lost, Steer, Warn
from ripieno.sync.follower import Follower

from tests.bench_table import quantile
from tests.engine.ticking import START_AT, TICKS, Cable, Listening, errors, start, ticks

GO, ON, HALT = (ClockTransport(what) for what in Transport)
TICK = ClockTick()


def late(
    parts: tuple[tuple[float, float], ...], cable: Cable, seed: int = 1, bpm: float = 90.0
) -> dict[int, float]:
    """By how many ms the music is late at each tick, after hearing it through the cable."""
    true = ticks(*parts)
    listening = start(bpm)
    found = dict(errors(listening, true, cable.carry(true, seed)))
    assert listening.count(Begin) == 1, "it has jumped"
    return {tick: 1000 * error for tick, error in found.items()}


def settled(found: dict[int, float], after: float = 4) -> list[float]:
    return [abs(error) for tick, error in found.items() if tick > after * TICKS]


@pytest.mark.parametrize("bpm", [25, 60, 90, 120, 200, 290])
def test_a_steady_clock_is_followed_to_a_tenth_of_a_millisecond(bpm: float) -> None:
    assert max(settled(late(((32, bpm),), Cable()))) <= 0.11


@pytest.mark.parametrize("bpm", [40, 60, 120, 200])
@pytest.mark.parametrize("seed", range(5))
def test_three_milliseconds_of_jitter_are_filtered(bpm: float, seed: int) -> None:
    found = settled(late(((64, bpm),), Cable(jitter=0.003), seed))
    assert quantile(found, 0.5) < 0.4
    assert quantile(found, 0.99) < 1.5


@pytest.mark.parametrize("bpm", [60, 120, 200])
@pytest.mark.parametrize("seed", range(5))
def test_lost_and_doubled_ticks_do_not_move_the_music(bpm: float, seed: int) -> None:
    cable = Cable(jitter=0.003, lost=0.02, doubled=0.02)
    found = settled(late(((64, bpm),), cable, seed))
    assert quantile(found, 0.5) < 0.5
    assert max(found) < 5


@pytest.mark.parametrize("bpm", [60, 120, 290])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_ticks_lost_in_a_row_are_counted(bpm: float, lost: int) -> None:
    true = ticks((16, bpm))
    arrived = true[:200] + true[200 + lost :]
    found = dict(errors(start(bpm), true, arrived))
    assert abs(found[200 + 6 * TICKS]) < 0.0002
    assert max(abs(error) for tick, error in found.items() if tick > 100) < 0.001


@pytest.mark.parametrize("periods", [0.45, 0.6, 1.3, 1.8, 2.5, 3.75, 9.4])
@pytest.mark.parametrize("jitter", [0.0, 0.001])
def test_a_clock_that_stood_still_has_lost_no_tick(periods: float, jitter: float) -> None:
    """An audio server that drops out for a moment sends all ticks, but later."""
    true = ticks((32, 120))
    stalled = [
        at + (periods * 0.5 / TICKS if number > 200 else 0) for number, at in enumerate(true)
    ]
    found = dict(errors(start(120), stalled, Cable(jitter).carry(stalled, 1)))
    late = [abs(error) for tick, error in found.items() if tick > 200 + 2 * TICKS]
    assert max(late) < 0.0005 + jitter
    assert len(late) > 400


def test_a_clock_out_of_an_audio_buffer_is_smoothed() -> None:
    found = list(late(((64, 120.0),), Cable(period=256 / 48000)).values())[4 * TICKS :]
    usual = quantile(found, 0.5)  # on average it comes half a period late
    assert 0 < usual < 1000 * 256 / 48000
    assert quantile([abs(error - usual) for error in found], 0.99) < 1


@pytest.mark.parametrize("jitter", [0.0, 0.001, 0.003])
@pytest.mark.parametrize(
    "steps",
    [(90, 140), (140, 90), (140, 70), (70, 140), (60, 180), (180, 60), (120, 130), (120, 123)],
)
def test_a_step_of_tempo_is_followed_within_a_beat(
    steps: tuple[float, float], jitter: float
) -> None:
    before, after = steps
    for seed in range(3):
        found = late(((32, before), (16, after)), Cable(jitter), seed)
        assert abs(found[33 * TICKS + 6]) < 2 + 1000 * jitter
        assert all(
            abs(error) < 0.5 + 500 * jitter for tick, error in found.items() if tick > 36 * TICKS
        )


@pytest.mark.parametrize("bpm", [60, 132, 240])
@pytest.mark.parametrize("seed", range(4))
def test_a_clock_that_wanders_loses_no_tick(bpm: float, seed: int) -> None:
    """Each interval is up to a fifth too long or too short, and nothing makes up for it."""
    chance, true = random.Random(seed), [START_AT]
    for _ in range(64 * TICKS):
        true.append(true[-1] + 60 / bpm / TICKS * chance.uniform(0.8, 1.2))
    listening = start(bpm)
    tick = 60 / bpm / TICKS
    found = [abs(error) for _, error in errors(listening, true, true, ahead=3)]
    assert quantile(found, 0.5) < 0.25 * tick
    assert quantile(found, 0.99) < 1.25 * tick
    assert listening.count(Begin) == 1


def test_a_ritardando_is_followed() -> None:
    parts = ((16, 120.0), *((0.25, 120 - n) for n in range(60)), (8, 60.0))
    found = settled(late(parts, Cable(jitter=0.001)))
    assert quantile(found, 0.5) < 1
    assert max(found) < 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.floats(25, 290)), min_size=1, max_size=6),
    st.floats(0, 0.003),
    st.floats(0, 0.1),
    st.floats(0, 0.1),
    st.integers(0, 99),
)
def test_the_beat_never_goes_back(
    parts: list[tuple[int, float]], jitter: float, lost: float, doubled: float, seed: int
) -> None:
    listening = start()
    true = ticks(*parts)
    beat = Beats(-1.0)
    for at in Cable(jitter, lost, doubled).carry(true, seed, safe=1):
        began = listening.count(Begin)
        listening.hear(at, TICK)  # checks that each map meets the former
        here = listening.music.straight(Seconds(at))
        assert here >= beat - 1e-9 or listening.count(Begin) > began
        beat = here


# ---- start, stop, places


def rolling(listening: Listening, beats: float, bpm: float = 120, at: float = START_AT) -> float:
    """Hear so many beats of ticks; the moment at which the next would come."""
    for _ in range(round(beats * TICKS)):
        listening.hear(at, TICK)
        at += 60 / bpm / TICKS
    return at


def test_it_begins_with_the_first_tick_after_start() -> None:
    listening = Listening(Follower(90))
    assert listening.hear(1.0, GO) == []
    assert listening.hear(1.5, TICK) == [Begin(TempoMap(Seconds(1.5), Beats(0.0), 90))]


def test_ticks_while_stopped_set_the_tempo_of_the_start() -> None:
    listening = Listening(Follower(90))
    at = rolling(listening, 2, bpm=132)
    assert listening.effects == []
    state = listening.follower.state()
    assert state.locked and state.bpm == pytest.approx(132)
    listening.hear(at - 0.002, GO)
    (begun,) = listening.hear(at, TICK)
    assert isinstance(begun, Begin)
    assert begun.tempo.bpm == pytest.approx(132, rel=1e-6)
    assert (begun.tempo.at, begun.tempo.beat) == (at, 0)


def test_a_start_may_come_with_its_own_phase() -> None:
    listening = Listening(Follower(90))
    at = rolling(listening, 2, bpm=120) + 0.005
    listening.hear(at, GO)
    (begun,) = listening.hear(at, TICK)
    assert begun == Begin(TempoMap(Seconds(at), Beats(0.0), begun.tempo.bpm))  # type: ignore[union-attr]
    rolling(listening, 4, at=at + 60 / 120 / TICKS)
    assert listening.music.of_straight(Beats(4.0)) == pytest.approx(at + 2.0, abs=0.0002)


def test_stop_and_continue_go_on_where_they_were() -> None:
    listening = start(120)
    at = rolling(listening, 3)
    assert listening.hear(at - 0.01, HALT) == [Halt(Seconds(at - 0.01))]
    assert listening.follower.wake() is None
    assert listening.hear(at + 5, ON) == []
    (begun,) = listening.hear(at + 5, TICK)
    assert isinstance(begun, Begin) and begun.tempo.beat == 3
    assert begun.tempo.bpm == pytest.approx(120)


def test_a_song_position_while_stopped_arms_there() -> None:
    listening = Listening(Follower(90))
    assert listening.hear(1.0, SongPosition(9)) == [Jump(Beats(2.25))]
    assert listening.hear(1.0, SongPosition(9)) == []
    listening.hear(1.1, ON)
    (begun,) = listening.hear(1.1, TICK)
    assert isinstance(begun, Begin) and begun.tempo.beat == 2.25


def test_a_start_forgets_the_place() -> None:
    listening = Listening(Follower(90))
    listening.hear(1.0, SongPosition(64))
    assert listening.hear(1.1, GO) == [Jump(Beats(0.0))]
    (begun,) = listening.hear(1.1, TICK)
    assert isinstance(begun, Begin) and begun.tempo.beat == 0


LOOPS = {
    "stop, position, continue": ((HALT, SongPosition(16), ON), 4),
    "position, continue": ((SongPosition(16), ON), 4),
    "position alone": ((SongPosition(16),), 4),
    "continue, position": ((ON, SongPosition(16)), 4),
    "start again": ((GO,), 0),
    "stop, start": ((HALT, GO), 0),
}


@pytest.mark.parametrize("how", LOOPS)
def test_a_loop_begins_once_at_its_place(how: str) -> None:
    said, beat = LOOPS[how]
    listening = start(120)
    at = START_AT
    for _ in range(5):  # five times round: eight beats, and back
        at = rolling(listening, 8, at=at)
        listening.hear(at - 0.001, *said)
    before = listening.count(Begin)
    (begun,) = listening.hear(at, TICK)
    assert isinstance(begun, Begin) and begun.tempo.beat == beat and begun.tempo.at == at
    assert before == 5
    rolling(listening, 2, at=at + 60 / 120 / TICKS)
    assert listening.count(Begin) == 6
    assert listening.music.of_straight(Beats(beat + 2)) == pytest.approx(at + 1, abs=0.0002)


def test_being_told_the_place_where_it_is_changes_nothing() -> None:
    listening = start(120)
    at = START_AT
    for sixteenth in range(1, 40):  # a clock that sends its position with every sixteenth
        at = rolling(listening, 0.25, at=at)
        listening.hear(at - 0.0005, SongPosition(sixteenth))
    assert listening.count(Begin) == 1
    assert listening.music.of_straight(Beats(10.0)) == pytest.approx(START_AT + 5, abs=0.0002)


# ---- loss


def test_a_lost_clock_is_told_once_and_the_music_goes_on() -> None:
    listening = start(120)
    at = rolling(listening, 4)
    due = listening.follower.wake()
    assert due is not None and due == pytest.approx(at + 0.5, abs=0.03)
    assert listening.follower.check(Seconds(due - 0.01)) == ()
    assert listening.follower.check(due) == (Lost(),)
    assert listening.follower.check(Seconds(due + 1)) == ()
    assert not listening.follower.state().locked
    assert listening.music.bpm == pytest.approx(120, rel=1e-3)
    again = listening.hear(at + 8, TICK)  # the cable is plugged in again, the beat has gone on
    assert Found() in again and not any(isinstance(effect, Begin) for effect in again)
    rolling(listening, 2, at=at + 8 + 60 / 120 / TICKS)
    assert listening.music.of_straight(Beats(22.0)) == pytest.approx(at + 9, abs=0.001)


def test_or_the_music_stops_if_that_is_wanted() -> None:
    listening = start(120)
    at = rolling(listening, 4)
    listening.follower.on_loss = OnLoss.STOP
    late = Seconds(at + 1)
    assert listening.follower.check(late) == (Lost(), Halt(late))
    assert listening.hear(at + 8, TICK) == [Found()]
    listening.hear(at + 9, ON)
    (begun,) = listening.hear(at + 9, TICK)
    assert isinstance(begun, Begin) and begun.tempo.beat == 4


def test_a_clock_that_stops_is_not_lost() -> None:
    listening = start(120)
    at = rolling(listening, 2)
    listening.hear(at, HALT)
    assert listening.follower.check(Seconds(at + 60)) == ()


# ---- bounds, state


@pytest.mark.parametrize("bpm", [400, 14])
def test_a_tempo_that_cannot_be_played_is_told_and_not_followed(bpm: float) -> None:
    listening = start(120)
    at = rolling(listening, 4)
    at = rolling(listening, 8, bpm=bpm, at=at)
    (told,) = (effect for effect in listening.effects if isinstance(effect, Warn))
    assert f"{bpm}" in told.sentence and "20 to 300" in told.sentence
    assert all(20 <= tempo.bpm <= 300 for tempo in listening.maps)
    assert listening.count(Begin) == 1
    rolling(listening, 8, bpm=120, at=at)  # back within bounds it is where the clock is
    assert listening.count(Warn) == 1
    true = at + (24 - 4 - 8) * 0.5
    assert listening.music.of_straight(Beats(24.0)) == pytest.approx(true, abs=0.002)


def test_jitter_is_told_in_milliseconds() -> None:
    listening = start(120)
    true = ticks((32, 120))
    for at in Cable(jitter=0.003).carry(true, 1):
        listening.hear(at, TICK)
    state = listening.follower.state()
    assert state.source == "midi" and state.locked
    assert 2 < state.jitter < 4
    assert state.bpm == pytest.approx(120, abs=0.1)


def test_a_steady_clock_is_steered_seldom() -> None:
    listening = start(120)
    rolling(listening, 64)
    assert listening.count(Steer) < 20


def test_a_steer_never_changes_the_past() -> None:
    listening = start(90)
    for number in range(48):
        at = Seconds(START_AT + number * 60 / 120 / TICKS)
        came = listening.follower.hear(at, TICK, Seconds(at + 0.004))
        assert all(e.tempo.at == at + 0.004 for e in came if isinstance(e, Steer))
        listening.take(came)
    assert listening.count(Steer) > 2
