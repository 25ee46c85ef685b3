"""Answer: listens, answers on the grid, yields at once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ripieno.clock import Beats, Meter
from ripieno.commands import AnswerNow, Cadence, Stop
from ripieno.events import Phase
from ripieno.settings import Mode, Settings, Turns

from tests.fakes import FakeStage


def answer(**options: object) -> Settings:
    turns = Turns(**options)  # type: ignore[arg-type]
    return Settings(mode=Mode.ANSWER, bpm=120, turns=turns)


def phrase(stage: FakeStage, *, begin: float = 0.0, notes: int = 4) -> None:
    """Quarter notes, each a little short, as a hand plays them."""
    for place in range(notes):
        stage.play_note(60 + 2 * place, begin + place, begin + place + 0.9)


def test_a_phrase_is_answered_on_the_beat_after_the_silence() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    assert stage.phase is Phase.LISTENING
    assert stage.machine() == []
    stage.run_to(12)
    first = stage.machine()[:4]
    assert {beat for _, _, beat in first} == {5.0}, "released at 3.9, silent for a beat: on five"
    assert {voice for voice, _, _ in first} == {0, 1, 2, 3}


def test_the_answer_ends_on_a_bar_line_and_everything_is_released() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    stage.run_to(7.9)
    assert stage.phase is Phase.ANSWERING
    stage.run_to(8.1)
    assert stage.phase is Phase.IDLE
    assert stage.output.sounding == {}
    assert stage.show.missed == 0


def test_the_length_of_an_answer_can_be_set() -> None:
    stage = FakeStage(answer(bars=3))
    stage.play()
    phrase(stage)
    stage.run_to(15.9)
    assert stage.phase is Phase.ANSWERING
    stage.run_to(16.1)
    assert stage.phase is Phase.IDLE


def test_every_step_of_the_player_is_told_before_the_answer_is_asked_for() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    stage.run_to(5)
    told = [r for r in stage.inference.asked if r.end == r.begin and r.begin > r.since]
    edges = [(r.since, r.begin) for r in told]
    assert edges[0][0] == 0.0
    assert edges[-1][1] == 5.0
    assert all(a[1] == b[0] for a, b in pairwise(edges)), edges
    heard = {(n.pitch, n.onset) for r in told for n in r.heard}
    assert heard == {(60, 0.0), (62, 1.0), (64, 2.0), (66, 3.0)}
    assert all(r.given == ((0,) if r.since < 4 else ()) for r in told), "then it goes on alone"


def test_playing_on_before_the_answer_voids_it() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    stage.run_to(4.6)  # the answer is planned by now
    phrase(stage, begin=4.7, notes=1)
    stage.run_to(5.5)
    assert stage.machine() == []
    assert stage.phase is Phase.LISTENING
    stage.run_to(7.5)
    assert stage.machine()[0][2] == 7.0


def test_the_machine_yields_at_once() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    stage.run_to(6.3)
    assert len(stage.output.sounding) == 4
    stage.strike(79)
    assert set(stage.output.sounding) == {(4, 79)}
    assert stage.phase is Phase.LISTENING
    struck = len(stage.machine())
    stage.run_to(8)
    assert len(stage.machine()) == struck
    stage.release(79)
    stage.run_to(9.6)
    assert stage.phase is Phase.ANSWERING


def test_the_first_note_sets_the_bar() -> None:
    stage = FakeStage(answer())
    stage.play()
    stage.run_to(2.7)
    stage.strike(60)
    assert stage.beat == pytest.approx(4.0), "it is a downbeat now"
    stage.run_to(4.9)
    stage.release(60)
    stage.run_to(6.2)
    assert stage.machine()[0][2] == 6.0


def test_a_first_note_near_a_bar_line_leaves_the_grid_alone() -> None:
    stage = FakeStage(answer())
    stage.play()
    stage.run_to(4.06)
    stage.strike(60)
    assert stage.beat == pytest.approx(4.06)
    (told,) = [r for r in stage.inference.asked if r.fresh]
    assert told.since == 4.0


def test_trading_fours_comes_with_the_bar_whatever_you_play() -> None:
    stage = FakeStage(answer(every_bars=2))
    stage.play()
    stage.run_to(0.0)
    phrase(stage, notes=7)
    stage.play_note(72, 7.0, 7.95)
    stage.run_to(15.9)
    beats = [beat for _, _, beat in stage.machine()]
    assert beats[0] == 8.0
    assert stage.phase is Phase.ANSWERING
    stage.run_to(16.1)
    assert stage.phase is Phase.IDLE


def test_asking_for_the_answer() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage, notes=2)
    stage.run_to(2.1)
    stage.show.wish(AnswerNow(), stage.clock.now())
    stage.settle()
    stage.run_to(2.6)
    assert stage.machine()[0][2] == 2.25, "the next sixteenth"
    stage.show.wish(AnswerNow(), stage.clock.now())
    stage.settle()
    assert stage.output.sounding == {}
    assert stage.phase is Phase.IDLE


def test_asking_with_nothing_played_starts_from_nothing() -> None:
    stage = FakeStage(answer())
    stage.play()
    stage.run_to(1.1)
    stage.show.wish(AnswerNow(), stage.clock.now())
    stage.settle()
    stage.run_to(1.5)
    assert stage.phase is Phase.ANSWERING
    assert stage.machine()[0][2] == 1.25


def test_a_cadence_ends_the_answer_early() -> None:
    stage = FakeStage(answer(bars=8))
    stage.play()
    phrase(stage)
    stage.run_to(6)
    stage.show.wish(Cadence(), stage.clock.now())
    stage.settle()
    asked = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert asked.cadence == 8.0
    stage.run_to(9.1)
    assert stage.phase is Phase.IDLE


def test_the_machine_plays_as_hard_as_the_player() -> None:
    stage = FakeStage(answer())
    stage.play()
    stage.run_to(0)
    stage.strike(60, velocity=33)
    stage.run_to(0.9)
    stage.release(60)
    stage.run_to(3)
    assert {r.settings.velocity for r in stage.inference.asked[-2:]} == {33}


def test_stopping_in_the_middle_leaves_nothing() -> None:
    stage = FakeStage(answer())
    stage.play()
    phrase(stage)
    stage.run_to(6.3)
    stage.show.stop(stage.clock.now())
    assert stage.output.sounding == {}
    assert stage.phase is Phase.STOPPED
    assert stage.show.wake() is None
    stage.play()
    assert stage.phase is Phase.IDLE
    assert Stop() == Stop()


def test_a_waltz_answers_in_three() -> None:
    settings = Settings(mode=Mode.ANSWER, bpm=120, meter=Meter(3, 4))
    stage = FakeStage(settings)
    stage.play()
    phrase(stage, notes=3)
    stage.run_to(5.9)
    assert stage.phase is Phase.ANSWERING
    stage.run_to(6.1)
    assert stage.phase is Phase.IDLE
    assert Beats(3.0) == settings.meter.bar
