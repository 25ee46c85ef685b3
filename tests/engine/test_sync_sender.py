"""Sending MIDI clock: every tick on its place of the score, whatever the tempo does."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ClockTick, ClockTransport, SongPosition, Transport
from ripieno.sync.effects import Begin
from ripieno.sync.follower import Follower
from ripieno.sync.sender import (
    APART,
    CONTINUE,
    START,
    STOP,
    TICK,
    Bytes,
    ClockSender,
    song_position,
)

from tests.engine.ticking import Listening

Sent = list[tuple[Bytes, Seconds]]
AT = Seconds(50.0)


def run(sender: ClockSender, tempo: TempoMap, until: float, step: float = 0.005) -> Sent:
    """Ask in small steps, as the loop does, always a little ahead."""
    sent: Sent = []
    now = float(sender.next(tempo)) - step
    while now < until:
        now = min(until, now + step)
        sent += sender.due(tempo, Seconds(now))
    return sent


def ticks_of(sent: Sent) -> list[float]:
    return [at for data, at in sent if data == TICK]


def words_of(sent: Sent) -> list[Bytes]:
    return [data for data, _ in sent if data != TICK]


def receive(sent: Sent) -> Listening:
    """What a follower makes of it."""
    listening = Listening(Follower(90))
    kinds = {START: Transport.START, CONTINUE: Transport.CONTINUE, STOP: Transport.STOP}
    for data, at in sent:
        if data == TICK:
            listening.hear(at, ClockTick())
        elif data in kinds:
            listening.hear(at, ClockTransport(kinds[data]))
        else:
            listening.hear(at, SongPosition(data[1] + 128 * data[2]))
    return listening


def test_ticks_go_on_while_the_transport_stands() -> None:
    sent = run(ClockSender(AT), TempoMap(AT, Beats(0.0), 120), 51.99)
    assert words_of(sent) == []
    assert ticks_of(sent) == pytest.approx([AT + n / 48 for n in range(len(sent))])
    assert len(sent) == 96


def test_a_start_is_for_beat_0_and_comes_just_before_its_tick() -> None:
    sender, begun = ClockSender(AT), Seconds(51.237)
    sent = run(sender, TempoMap(AT, Beats(0.0), 90), begun)
    tempo = TempoMap(begun, Beats(-0.5), 120)
    sender.start(tempo, begun)
    sent += run(sender, tempo, 53.0)
    assert words_of(sent) == [START]
    place = sent.index((START, pytest.approx(begun + 0.25 - 0.002)))  # type: ignore[arg-type]
    assert sent[place + 1] == (TICK, pytest.approx(begun + 0.25))
    rolling = ticks_of(sent[place:])
    assert rolling == pytest.approx([begun + 0.25 + n / 48 for n in range(len(rolling))])


def test_a_start_that_is_asked_for_on_the_beat_is_on_the_beat() -> None:
    sender = ClockSender(AT)
    idle = run(sender, TempoMap(AT, Beats(0.0), 120), 51.013)
    tempo = TempoMap(Seconds(51.013), Beats(0.0), 120)
    sender.start(tempo, Seconds(51.013))
    sent = run(sender, tempo, 52.0)
    assert sent[:2] == [(START, 51.013), (TICK, 51.013)]
    assert max(ticks_of(idle)) < 51.013


@pytest.mark.parametrize(
    ("beat", "sixteenth"), [(4.0, 16), (4.01, 17), (3.999, 16), (2.25, 9), (0.1, 1)]
)
def test_elsewhere_it_waits_for_a_sixteenth_and_tells_which(beat: float, sixteenth: int) -> None:
    sender = ClockSender(AT)
    tempo = TempoMap(AT, Beats(beat), 100)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 52.0)
    assert words_of(sent) == [song_position(sixteenth), CONTINUE]
    said = [data for data, _ in sent].index(CONTINUE)
    first = tempo.of_straight(Beats(sixteenth / 4))
    assert ticks_of(sent[said:])[0] == pytest.approx(first)
    assert sent[said][1] <= first


def test_stop_comes_once_and_at_once() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 51.0)
    sender.stop(Seconds(51.004))
    sender.stop(Seconds(51.005))
    sent = run(sender, tempo, 52.0)
    assert words_of(sent) == [STOP]
    assert sent[0] == (STOP, 51.004)
    assert {round(b - a, 9) for a, b in pairwise(ticks_of(sent))} == {round(1 / 48, 9)}


def test_a_start_that_was_not_sent_needs_no_stop() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(-0.5), 60)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 50.3)
    sender.stop(Seconds(50.3))
    assert words_of(sent + run(sender, tempo, 52.0)) == []


def test_a_place_is_told_while_standing_and_again_before_continue() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.locate(Beats(6.0), AT)
    sent = run(sender, tempo, 51.0)
    tempo = TempoMap(Seconds(51.0), Beats(6.0), 120)
    sender.start(tempo, Seconds(51.0))
    sent += run(sender, tempo, 52.0)
    assert words_of(sent) == [song_position(24), song_position(24), CONTINUE]


def apart(sent: Sent) -> None:
    """A stop, a song position and a continue never come in one period of JACK's."""
    told = [(data, at) for data, at in sent if data != TICK]
    for (before, at), (after, later) in pairwise(told):
        if (before[0], after) in ((0xF2, CONTINUE), (STOP[0], START)) or after[0] == 0xF2:
            assert later - at >= APART - 1e-9, (before, after)


@pytest.mark.parametrize("beat", [32.0, 31.999, 31.98, 9.1, 0.0, -0.01, -0.5, 0.25])
@pytest.mark.parametrize("bpm", [40.0, 120.0, 300.0])
def test_what_a_jump_says_comes_apart_and_in_order(beat: float, bpm: float) -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), bpm)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 51.0)
    jumped = TempoMap(Seconds(51.0), Beats(beat), bpm)
    sender.start(jumped, Seconds(51.0))
    sent += run(sender, jumped, 54.0)
    apart(sent)
    words = words_of(sent)
    assert words[:2] == [START, STOP] and words[-1] in (START, CONTINUE)
    goes_on = next(at for data, at in sent[1:] if data == words[-1] and at > 51.0)
    assert goes_on - 51.0 <= max(0.0, -beat) * 60 / bpm + 2 * APART + 15.0 / bpm + 0.003
    music = receive(sent).music
    later = Beats(max(beat, 0.0) + 1.9)
    assert music.of_straight(later) == pytest.approx(jumped.of_straight(later), abs=2e-3)


@given(
    st.lists(st.tuples(st.floats(0.001, 0.3), st.floats(-0.5, 40.0)), min_size=1, max_size=6),
    st.sampled_from([60.0, 120.0, 300.0]),
)
@settings(max_examples=40, deadline=None)
def test_jumps_in_quick_succession_leave_the_follower_in_the_right_place(
    jumps: list[tuple[float, float]], bpm: float
) -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), bpm)
    sender.start(tempo, AT)
    sent, now = run(sender, tempo, 51.0), 51.0
    for pause, beat in jumps:
        tempo = TempoMap(Seconds(now), Beats(beat), bpm)
        sender.start(tempo, Seconds(now))
        sent += run(sender, tempo, now + pause)
        now += pause
    sent += run(sender, tempo, now + 3.0)
    apart(sent)
    assert [at for _, at in sent] == sorted(at for _, at in sent)
    later = Beats(tempo.straight(Seconds(now + 2.5)))
    assert receive(sent).music.of_straight(later) == pytest.approx(now + 2.5, abs=2e-3)


def test_a_stop_and_a_place_come_apart_too() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 51.0)
    sender.stop(Seconds(51.0))
    sender.locate(Beats(8.0), Seconds(51.0))
    sent += run(sender, tempo, 52.0)
    assert words_of(sent) == [START, STOP, song_position(32)]
    apart(sent)


def test_a_jump_while_rolling_is_stop_place_continue() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 51.0)
    jumped = TempoMap(Seconds(51.0), Beats(9.1), 120)
    sender.start(jumped, Seconds(51.0))
    sent += run(sender, jumped, 53.0)
    assert words_of(sent) == [START, STOP, song_position(38), CONTINUE]
    music = receive(sent).music
    assert music.of_straight(Beats(12.0)) == pytest.approx(
        jumped.of_straight(Beats(12.0)), abs=5e-4
    )


def test_song_positions() -> None:
    assert song_position(0) == (0xF2, 0, 0)
    assert song_position(129) == (0xF2, 1, 1)
    assert song_position(16383) == (0xF2, 127, 127)
    assert song_position(16384 + 5) == (0xF2, 5, 0)


changes = st.lists(st.tuples(st.floats(0.01, 3), st.floats(20, 300)), min_size=1, max_size=8)


@settings(max_examples=80, deadline=None)
@given(changes, st.floats(0.001, 0.03))
def test_a_change_of_tempo_makes_no_burst_no_gap_and_no_double(
    parts: list[tuple[float, float]], step: float
) -> None:
    sender, at = ClockSender(AT), float(AT)
    tempo = TempoMap(AT, Beats(0.0), parts[0][1])
    sender.start(tempo, AT)
    sent: Sent = []
    maps = []
    for seconds, bpm in parts:
        tempo = tempo.retimed(Seconds(at), bpm)
        maps.append(tempo)
        at += seconds
        sent += run(sender, tempo, at, step)
    assert [moment for _, moment in sent] == sorted(moment for _, moment in sent)
    for number, moment in enumerate(ticks_of(sent)):
        in_force = [m for m in maps if m.at <= moment + 1e-9][-1]
        assert 24 * in_force.straight(Seconds(moment)) == pytest.approx(number, abs=1e-6)
    assert len(ticks_of(sent)) - 1 == int(24 * tempo.straight(Seconds(at)) + 1e-6)


@pytest.mark.parametrize("by", [0.3, -0.3, 0.02, -0.02])
def test_a_nudge_is_caught_up_without_a_burst(by: float) -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.start(tempo, AT)
    sent = run(sender, tempo, 51.0)
    nudged = tempo.moved(Seconds(51.0), Beats(tempo.straight(Seconds(51.0)) + by))
    sent += run(sender, nudged, 55.0)
    gaps = [b - a for a, b in pairwise(ticks_of(sent))]
    assert min(gaps) >= 0.5 / 48 - 1e-9
    assert max(gaps) <= 2 / 48 + 1e-9
    assert words_of(sent) == [START]
    assert ticks_of(sent)[-1] * 48 % 1 == pytest.approx(nudged.of_straight(Beats(9.0)) * 48 % 1)
    assert len(ticks_of(sent)) - 1 == int(24 * nudged.straight(Seconds(55.0)) + 1e-6)


def test_a_machine_that_slept_tells_its_place_and_makes_up_for_nothing() -> None:
    sender, tempo = ClockSender(AT), TempoMap(AT, Beats(0.0), 120)
    sender.start(tempo, AT)
    run(sender, tempo, 51.0)
    sent = list(sender.due(tempo, Seconds(651.0)))
    sent += run(sender, tempo, 652.0)
    assert words_of(sent) == [STOP, song_position(4 * 1202 + 1), CONTINUE]
    assert all(at >= 651 for _, at in sent)
    assert len(sent) < 60


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["play", "stop", "locate", "tempo"]), st.floats(0.02, 3),
                          st.floats(0, 100), st.floats(30, 250)), max_size=8))  # fmt: skip
def test_whatever_is_done_a_follower_ends_in_the_same_place(
    doings: list[tuple[str, float, float, float]],
) -> None:
    sender, at, plays = ClockSender(AT), AT, False
    tempo = TempoMap(AT, Beats(0.0), 120)
    sent: Sent = []
    for doing, seconds, beat, bpm in [*doings, ("play", 6.0, 0.0, 120.0)]:
        if doing == "tempo":
            tempo = tempo.retimed(at, bpm)
        elif doing == "stop":
            sender.stop(at)
            plays = False
        elif doing == "play" or plays:
            tempo = TempoMap(at, Beats(beat), tempo.bpm)
            sender.start(tempo, at)
            plays = True
        else:
            sender.locate(Beats(beat), at)
        at = Seconds(at + seconds)
        sent += run(sender, tempo, at)
    assert [moment for _, moment in sent] == sorted(moment for _, moment in sent)
    listening = receive(sent)
    assert isinstance(listening.effects[-1], Begin) or listening.follower.tempo is not None
    assert listening.music.straight(at) == pytest.approx(tempo.straight(at), abs=0.01)


@pytest.mark.parametrize("bpm", [40, 90, 120, 150, 240, 300])
@pytest.mark.parametrize("lead", [0.003, 0.0107, 0.0213, 0.0427])
def test_the_place_is_told_well_before_continue(bpm: float, lead: float) -> None:
    """As a performance starts: half a beat before a bar line, a lead from now. The music begins on
    the bar line, and whoever is told begins there at the latest, in the right place."""
    sender, tempo = ClockSender(AT), TempoMap(Seconds(51.0), Beats(15.5), bpm)
    sent = run(sender, tempo, 51.0)
    sender.start(tempo, Seconds(51.0 + lead))
    sent += run(sender, tempo, 53.0)
    (place, told), (goes_on, begun) = ((data, at) for data, at in sent if data != TICK)
    assert (place[0], goes_on) == (0xF2, CONTINUE)
    sixteenth = place[1] + 128 * place[2]
    assert sixteenth in (63, 64)
    assert begun - told >= APART - 1e-9
    first = next(at for at in ticks_of(sent) if at >= begun)
    assert first == pytest.approx(tempo.of_straight(Beats(sixteenth / 4)))
