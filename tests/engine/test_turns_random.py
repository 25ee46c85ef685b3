"""Whatever is played, asked for and turned, in every mode and policy: the modes keep their word."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds
from ripieno.commands import (
    AnswerNow,
    Cadence,
    Choose,
    Keep,
    Loop,
    Mutate,
    Seed,
    SeedFromPlayed,
    Turn,
    Undo,
)
from ripieno.events import Note, Phase, Request, Sounding
from ripieno.settings import Assign, ClockSource, HandOver, Horizon, Mode, Settings, Sync, Turns

from tests.engine.turns_stage import TurnsStage
from tests.fakes import CHORD

TUNE = Seed("a note", (Note(0, 76, 90, Beats(0.0), Beats(3.0)),))


@dataclass(frozen=True)
class Move:
    """Something happens: `what`, with a number to it, after so many beats."""

    after: float
    what: str
    number: int


WISHES: dict[str, list[object]] = {
    "key": [AnswerNow(), Cadence(), SeedFromPlayed(), TUNE],
    "again": [Loop(), Mutate(), Undo(), Keep()],
    "mode": [Choose("mode", mode.value) for mode in Mode],
    "knob": [
        Turn("temperature", 0.5),
        Turn("seed", 9),
        Turn("tempo", 200),
        Turn("lookahead", 8),
        Choose("meter", "3/4"),
        Choose("meter", "7/16"),
        Choose("key", "G major"),
    ],
}
moves = st.lists(
    st.builds(
        Move,
        st.sampled_from([0.0, 0.0, 0.02, 0.13, 0.25, 0.4, 0.77, 1.0, 2.6]),
        st.sampled_from(["on", "on", "on", "off", "off", "pedal", "locate", "late", *WISHES]),
        st.integers(0, 11),
    ),
    max_size=24,
)
stages = st.builds(
    Settings,
    mode=st.sampled_from(Mode),
    bpm=st.sampled_from([60.0, 120.0, 290.0]),
    follow=st.booleans(),
    assign=st.sampled_from(Assign),
    horizon=st.builds(
        Horizon, commit=st.sampled_from([Beats(0.0), Beats(1.0)]), lookahead=st.just(Beats(2.0))
    ),
    sync=st.builds(Sync, from_phrase=st.booleans(), swing=st.sampled_from([0.5, 0.66])),
    turns=st.builds(
        Turns,
        hand_over=st.sampled_from(HandOver),
        speculate=st.booleans(),
        every_bars=st.sampled_from([0, 0, 1, 2]),
        bars=st.sampled_from([0, 1]),
        space=st.sampled_from([0.0, 0.7]),
    ),
)
quick = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


def busy(request: Request, step: Beats, voice: int) -> Sounding:
    """Strikes, holds and rests, so that all that a plan can hold comes up."""
    turn = (round(step * 4) + voice) % 5
    if turn == 4:
        return Sounding(voice, None, False, 0)
    return Sounding(voice, CHORD[voice] + (round(step * 4) // 5) % 3, turn in (0, 2), 70)


def act(stage: TurnsStage, move: Move) -> None:
    stage.run_to(stage.beat + move.after)
    pitch = 58 + move.number
    before = stage.phase
    match move.what:
        case "on":
            stage.strike(pitch)
            if before is Phase.ANSWERING:
                assert stage.phase is Phase.LISTENING
                assert stage.output.lead or stage.heard_now() == {4}, "it yields"
        case "off":
            stage.release(pitch)
        case "pedal":
            stage.pedal(bool(move.number % 2))
        case "locate":
            stage.show.locate(Beats(float(move.number * 3)), stage.clock.now())
            assert stage.output.lead or stage.heard_now() <= {4}, "a jump is silent"
            stage.settle()
        case "late":
            stage.inference.silent = not stage.inference.silent
        case wish:
            some = WISHES[wish]
            stage.wish(some[move.number % len(some)])


def check_requests(asked: list[Request]) -> None:
    epoch = 0
    for request in asked:
        assert request.since <= request.begin <= request.end, request
        assert request.epoch >= epoch, "epochs go forward"
        epoch = request.epoch
        for beat in (request.since, request.begin, request.end):
            assert beat * 4 == round(beat * 4), "all of it on the grid"
        assert len({*request.player}) == len(request.player)
        assert all(note.duration is None or note.duration > 0 for note in request.heard)


@given(stages, moves, st.booleans(), st.booleans(), st.sampled_from([0.0, 0.0, 0.05]))
@quick
def test_whatever_happens_the_modes_keep_their_word(
    chosen: Settings, happens: list[Move], seeded: bool, followed: bool, lead: float
) -> None:
    if followed:
        chosen = replace(chosen, sync=replace(chosen.sync, source=ClockSource.MIDI))
    stage = TurnsStage(chosen, TUNE if seeded else None)
    stage.output.lead = Seconds(lead)
    stage.inference.decide = busy
    if followed:
        stage.follow()
    else:
        stage.play()
    for move in happens:
        act(stage, move)
    check_requests(stage.inference.asked)
    stage.show.stop(stage.clock.now())
    stage.finish()
    assert stage.output.sounding == {}
    assert stage.phase is Phase.STOPPED
    ons, offs = stage.recorder.started, stage.recorder.ended
    assert len(ons) == len(offs)


@given(stages.filter(lambda s: s.mode is not Mode.SOLO), moves)
@quick
def test_every_phase_can_be_left(chosen: Settings, happens: list[Move]) -> None:
    stage = TurnsStage(chosen)
    stage.inference.decide = busy
    stage.play()
    for move in happens:
        act(stage, move)
    stage.inference.silent = False
    stage.pedal(False)
    for pitch in range(58, 70):
        stage.release(pitch)
    if stage.show.conductor.moment.settings.mode is Mode.SOLO:
        stage.wish(Choose("mode", "answer"))
    if stage.show.conductor._modes[Mode.ANSWER].encore.looping:  # type: ignore[attr-defined]
        stage.wish(Loop())
    assert leaves(stage), (stage.phase, stage.beat)
    stage.strike(65)
    assert stage.phase in (Phase.LISTENING, Phase.ACCOMPANYING)
    stage.release(65)
    assert leaves(stage), (stage.phase, stage.beat)


def leaves(stage: TurnsStage) -> bool:
    """Whether it comes to rest by itself: after an answer of 8 bars and a trade at the latest."""
    for _ in range(300):
        if stage.phase is Phase.IDLE:
            return True
        stage.run_to(stage.beat + 0.5)
    return False


@given(stages, st.lists(st.tuples(st.floats(0.0, 1.2), st.integers(58, 69)), max_size=12))
@settings(quick, max_examples=60)
def test_waking_when_asked_is_enough(chosen: Settings, notes: list[tuple[float, int]]) -> None:
    """Who wakes only when the performance wants it hears what one hears who wakes all the time."""
    heard = []
    for restless in (False, True):
        stage = TurnsStage(chosen)
        stage.inference.decide = busy
        stage.play()
        for gap, pitch in notes:
            until = stage.beat + gap
            while restless and stage.beat < until - 0.05:
                stage.run_to(min(until, stage.beat + 0.05))
            stage.run_to(until)
            stage.strike(pitch)
            stage.release(pitch)
        heard.append([(fact.voice, fact.pitch) for fact in stage.recorder.started])
    assert heard[0] == heard[1]


@pytest.mark.parametrize("policy", list(HandOver))
def test_a_hand_over_is_measured(policy: HandOver) -> None:
    stage = TurnsStage(Settings(mode=Mode.ANSWER, bpm=120, turns=Turns(hand_over=policy)))
    stage.play()
    for place in range(4):
        stage.play_note(60 + place, place, place + 0.9)
    stage.wait_for_machine()
    stage.run_to(stage.beat + 0.5)
    assert stage.show.front.handover.latency().count == 1
    assert stage.show.front.handover.latency().p99 < 1.0, "milliseconds"
