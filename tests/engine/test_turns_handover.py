"""The hand-over: where an answer begins, what the model knows then, and what is not played."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import AnswerNow, Loop
from ripieno.events import Phase, Request, Sounding
from ripieno.settings import ClockSource, HandOver, Mode, Settings, Sync, Turns

from tests.engine.turns_stage import TurnsStage


def stage_of(policy: HandOver, *, sync: Sync | None = None, **options: object) -> TurnsStage:
    turns = Turns(hand_over=policy, **options)  # type: ignore[arg-type]
    settings = Settings(mode=Mode.ANSWER, bpm=120, turns=turns, sync=sync or Sync())
    stage = TurnsStage(settings)
    if sync is None:
        stage.play()
    else:
        stage.follow()
    return stage


def phrase(stage: TurnsStage, notes: int = 4, last: float = 0.9) -> None:
    for place in range(notes):
        end = place + (last if place == notes - 1 else 0.9)
        stage.play_note(60 + 2 * place, place, end)


def began(stage: TurnsStage) -> float:
    """When, in seconds after the first downbeat, the machine was heard first."""
    first = next(fact for fact in stage.recorder.started if fact.voice is not None)
    downbeat = next(fact for fact in stage.recorder.started if fact.voice is None)
    return first.at - downbeat.at


def test_catch_up_goes_on_alone_in_the_silence_and_is_heard_on_your_grid() -> None:
    stage = stage_of(HandOver.CATCH_UP)
    phrase(stage)
    stage.run_to(5.1)
    alone = [r for r in stage.inference.asked if r.since >= 4.0 and r.begin <= 5.0 and not r.given]
    assert (alone[0].since, alone[-1].begin) == (4.0, 5.0)
    assert not any(r.heard for r in alone)
    assert stage.machine()[0][2] == 5.0
    assert stage.mode.ideal == 5.0


def test_what_was_made_up_in_a_gap_is_replaced_by_what_was_played() -> None:
    stage = stage_of(HandOver.CATCH_UP)
    stage.play_note(60, 0.0, 0.9)
    stage.play_note(62, 1.6, 1.9)
    stage.run_to(2.0)
    told = [r for r in stage.inference.asked if r.end == r.begin and r.begin > r.since]
    anew = next(r for r in told if r.since == 1.0 and r.given == (0,))
    assert anew.begin > 1.0
    (held,) = [n for n in anew.heard if n.pitch == 60]
    assert held.duration == 1.5, "the gap is closed up to the next note"
    after = told[told.index(anew) + 1 :]
    assert {n.pitch for r in after for n in r.heard if n.onset == 1.5} == {62}


def test_without_speculation_nothing_is_planned_before_the_silence_is_sure() -> None:
    stage = stage_of(HandOver.CATCH_UP, speculate=False)
    phrase(stage)
    stage.run_to(4.85)
    assert all(r.end == r.begin for r in stage.inference.asked)
    assert max(r.begin for r in stage.inference.asked) == 4.0, "the silence is not told either"
    stage.run_to(5.1)
    assert stage.machine()[0][2] == 5.0
    (alone,) = [r for r in stage.inference.asked if r.since == 4.0 and r.begin == 5.0]
    assert alone.given == ()


@pytest.mark.parametrize("speculate", [True, False])
def test_next_bar_waits_for_the_bar_line(speculate: bool) -> None:
    stage = stage_of(HandOver.NEXT_BAR, speculate=speculate)
    phrase(stage)
    stage.run_to(7.9)
    assert stage.machine() == []
    stage.run_to(8.1)
    assert stage.machine()[0][2] == 8.0
    assert stage.show.missed == 0


@pytest.mark.parametrize("speculate", [True, False])
def test_snap_begins_at_once_and_the_score_leaps_there(speculate: bool) -> None:
    stage = stage_of(HandOver.SNAP, speculate=speculate)
    phrase(stage)  # the key is up at 3.9; a beat later it is sure
    stage.run_to(5.1)
    assert began(stage) == pytest.approx(4.9 / 2, abs=2e-3)
    assert stage.machine()[0][2] == pytest.approx(5.0)
    assert stage.show.shift == pytest.approx(0.1, abs=2e-3)
    assert stage.show.missed == 0


@pytest.mark.parametrize("speculate", [True, False])
def test_freeze_begins_at_once_where_the_phrase_ended(speculate: bool) -> None:
    stage = stage_of(HandOver.FREEZE, speculate=speculate)
    phrase(stage)
    stage.wait_for_machine()
    assert began(stage) == pytest.approx(4.9 / 2, abs=2e-3)
    assert stage.machine()[0][2] == pytest.approx(4.0), "the music has waited"
    assert stage.show.shift == pytest.approx(-0.9, abs=2e-3)
    assert stage.show.missed == 0
    assert stage.mode.ideal == 4.0


@pytest.mark.parametrize("policy", [HandOver.SNAP, HandOver.FREEZE])
def test_on_another_clock_the_score_does_not_move(policy: HandOver) -> None:
    stage = stage_of(policy, sync=Sync(source=ClockSource.MIDI))
    phrase(stage)
    stage.run_to(5.1)
    assert stage.machine()[0][2] == 5.0
    assert stage.show.shift == 0.0


@pytest.mark.parametrize("policy", list(HandOver))
def test_an_answer_that_is_asked_for_comes_as_the_policy_says(policy: HandOver) -> None:
    stage = stage_of(policy)
    phrase(stage, notes=2)
    stage.run_to(2.6)
    stage.wish(AnswerNow())
    asked = stage.clock.now()
    stage.run_to(stage.beat + 2.0)
    first = next(fact for fact in stage.recorder.started if fact.voice is not None)
    place = {
        HandOver.CATCH_UP: 2.75,
        HandOver.NEXT_BAR: 4.0,
        HandOver.SNAP: 3.0,
        HandOver.FREEZE: 2.0,
    }[policy]
    assert first.beat == pytest.approx(place)
    if policy in (HandOver.SNAP, HandOver.FREEZE):
        assert first.at - asked == pytest.approx(0.03, abs=2e-3)
    assert stage.show.missed == 0


def holds_then_moves(request: Request, step: Beats, voice: int) -> Sounding:
    """The soprano goes on with the player's note for a beat, and then takes another."""
    if voice == 0:
        pitch = 66 if step < 5.0 else 69
        return Sounding(0, pitch, step == 5.0, 80)
    return Sounding(voice, 60 - 7 * voice, step % 1.0 == 0.0, 80)


def test_a_key_that_is_down_at_the_hand_over_lasts_as_long_as_the_model_wants() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1)
    stage.inference.decide = holds_then_moves
    for place in range(3):
        stage.play_note(60 + 2 * place, place, place + 0.9)
    stage.run_to(3.0)
    stage.strike(66)
    stage.run_to(4.6)
    told = [r for r in stage.inference.asked if any(n.pitch == 66 for n in r.heard)]
    assert all(n.duration is None for r in told for n in r.heard if n.pitch == 66)
    assert {voice for voice, _, _ in stage.machine()} == {1, 2, 3}, "your own note is not doubled"
    assert set(stage.output.sounding) >= {(4, 66)}
    stage.run_to(8.5)
    assert [(p, b) for v, p, b in stage.machine() if v == 0] == [(69, 5.0)]
    stage.wish(Loop())
    stage.run_to(15.9)
    again = [(p, b) for v, p, b in stage.machine() if v == 0 and b > 8]
    assert again == [(69, 13.0)], "a loop brings what the machine sounded, and not your note"


def test_a_key_that_comes_up_before_the_turn_is_told_as_it_was() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1)
    stage.inference.decide = holds_then_moves
    stage.play_note(60, 0.0, 0.9)
    stage.run_to(3.0)
    stage.strike(66)
    stage.run_to(3.6)  # planned by now, with the key held through the bar line
    assert stage.mode.plan is not None
    stage.release(66)
    stage.run_to(4.1)
    last = [r for r in stage.inference.asked if r.begin == 4.0 and r.since < 4.0][-1]
    assert last.given == () and last.since >= 3.5
    assert (0, 66, 4.0) in stage.machine(), "it is the machine's own note now"


def test_the_pedal_lengthens_a_note_and_a_phrase() -> None:
    stage = stage_of(HandOver.CATCH_UP)
    stage.run_to(0.0)
    stage.pedal(True)
    phrase(stage, notes=2)
    stage.run_to(4.2)
    assert stage.phase is Phase.LISTENING, "with the foot down the phrase goes on"
    assert stage.mode.plan is None
    stage.pedal(False)
    stage.run_to(6.1)
    assert stage.machine()[0][2] == 6.0, "a beat of silence counts from where the pedal rose"
    last = [n for r in stage.inference.asked for n in r.heard if n.pitch == 62]
    assert last[-1].onset + (last[-1].duration or 99) >= 4.25


def test_trading_counts_the_bars_of_the_score() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=2)
    stage.play_note(60, 4.0, 4.9)  # in the second of your two bars
    stage.run_to(7.95)
    assert stage.machine() == []
    stage.run_to(8.1)
    assert stage.machine()[0][2] == 8.0
    stage.run_to(16.1)
    assert stage.phase is Phase.IDLE
    stage.play_note(60, 17.0, 17.5)
    stage.run_to(24.1)
    assert stage.bass[-1] == 24.0


def test_trading_after_a_jump_counts_from_the_score_too() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=2, sync=Sync(source=ClockSource.MIDI))
    phrase(stage)
    stage.run_to(8.6)
    assert stage.phase is Phase.ANSWERING
    stage.follow(20.0)
    assert stage.output.sounding == {}
    assert stage.phase is Phase.IDLE
    stage.play_note(64, 20.5, 21.5)
    stage.run_to(23.9)
    assert all(beat < 9 for beat in stage.bass)
    stage.run_to(24.1)
    assert stage.bass[-1] == 24.0


@pytest.mark.parametrize("policy", list(HandOver))
def test_the_machine_yields_at_once_whatever_the_policy(policy: HandOver) -> None:
    stage = stage_of(policy)
    phrase(stage)
    stage.wait_for_machine()
    stage.run_to(stage.beat + 0.5)
    stage.strike(79)
    assert set(stage.output.sounding) == {(4, 79)}
    assert stage.phase is Phase.LISTENING


def test_a_set_length_never_outlasts_the_trade() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1, bars=3)
    stage.play_note(60, 0.0, 0.9)
    stage.run_to(7.9)
    assert stage.phase is Phase.ANSWERING
    stage.run_to(8.1)
    assert stage.phase is Phase.IDLE


def test_a_phrase_that_begins_in_the_machines_bars_waits_for_its_next_ones() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1)
    stage.play_note(60, 5.0, 5.9)  # the second bar is the machine's, and nobody had played
    stage.run_to(11.9)
    assert stage.machine() == []
    stage.run_to(12.1)
    assert stage.bass == [12.0]


def test_playing_over_into_the_machines_bars_keeps_them() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1)
    stage.play_note(60, 0.0, 0.9)
    stage.run_to(4.3)
    stage.strike(72)
    stage.run_to(4.6)
    stage.release(72)
    stage.run_to(11.9)
    assert stage.bass == [4.0], "you took its bar, it keeps silent for the rest of it"
    stage.run_to(12.1)
    assert stage.bass == [4.0, 12.0]


def test_with_nobody_to_answer_the_next_bar_is_waited_for_too() -> None:
    stage = stage_of(HandOver.NEXT_BAR)
    stage.run_to(1.1)
    stage.wish(AnswerNow())
    stage.run_to(4.1)
    assert stage.machine()[0][2] == 4.0


def test_notes_under_the_pedal_at_the_hand_over_last_as_the_model_wants() -> None:
    stage = stage_of(HandOver.CATCH_UP, every_bars=1)
    stage.inference.decide = holds_then_moves
    stage.run_to(0.0)
    stage.pedal(True)
    stage.play_note(66, 3.0, 3.3)
    stage.run_to(4.6)
    assert {voice for voice, _, _ in stage.machine()} == {1, 2, 3}
    stage.run_to(5.1)
    assert (0, 69, 5.0) in stage.machine()


@pytest.mark.parametrize("lead", [0.0, 0.03])
def test_outputs_that_want_notes_early_get_the_same_music(lead: float) -> None:
    stage = stage_of(HandOver.CATCH_UP)
    stage.output.lead = Seconds(lead)
    phrase(stage)
    stage.run_to(7.9)
    assert stage.bass == [5.0, 6.0, 7.0]
    told = [r for r in stage.inference.asked if r.end == r.begin and r.given == (0,)]
    assert {(n.pitch, n.onset) for r in told for n in r.heard} == {
        (60, 0.0),
        (62, 1.0),
        (64, 2.0),
        (66, 3.0),
    }
