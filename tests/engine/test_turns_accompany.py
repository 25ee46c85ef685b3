"""Accompany any voices, by channel, split or range; and no voice moves twice in a moment."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats
from ripieno.commands import Turn
from ripieno.events import Phase, Request, Sounding
from ripieno.settings import Assign, Mode, Settings, Turns

from tests.engine.turns_stage import TurnsStage
from tests.fakes import CHORD


def started(**options: object) -> TurnsStage:
    stage = TurnsStage(Settings(mode=Mode.ACCOMPANY, bpm=60, **options))  # type: ignore[arg-type]
    stage.play()
    stage.run_to(0.0)
    return stage


def follows(request: Request, step: Beats, voice: int) -> Sounding:
    """The others strike with the player's newest pitch, an octave and more below; the bass moves
    with every beat too."""
    pitch = max((n.pitch for n in request.heard if n.onset <= step), default=60)
    newest = max((n.onset for n in request.heard), default=Beats(0.0))
    struck = newest >= step - 1e-9 or (voice == 3 and step % 1.0 == 0.0)
    return Sounding(voice, pitch - 12 * voice, struck, 80)


def times(stage: TurnsStage, voice: int) -> list[float]:
    """When the machine's `voice` was struck, in seconds."""
    return [round(fact.at, 3) for fact in stage.recorder.started if fact.voice == voice]


def test_by_channel_any_set_of_voices_may_be_yours() -> None:
    stage = started(assign=Assign.CHANNEL, voice_channels=(0, None, 5, 3))
    stage.touch(74, 0)
    stage.touch(57, 5)
    asked = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert asked.player == (0, 2)
    assert {v for v, _, _ in stage.machine()} >= {1, 3}
    stage.run_to(1.3)
    assert {n.pitch for n in stage.inference.asked[-1].heard} >= {74, 57}
    assert set(stage.output.sounding) == {(4, 74), (4, 57), (1, CHORD[1]), (3, CHORD[3])}


def test_a_voice_of_yours_that_rests_is_yours_all_the_same() -> None:
    stage = started(assign=Assign.CHANNEL)
    stage.touch(74, 0)
    stage.touch(48, 3)
    stage.run_to(1.0)
    stage.lift(74, 0)
    stage.run_to(3.5)
    asked = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert asked.player == (0, 3)
    assert {n.voice for n in asked.heard} == {3}, "the soprano rests, and you have it"


def test_a_channel_that_has_no_voice_is_only_heard() -> None:
    stage = started(assign=Assign.CHANNEL, voice_channels=(0, None, None, None))
    stage.touch(74, 0)
    stage.touch(60, 9)
    asked = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert asked.player == (0,)
    assert {n.pitch for n in asked.heard} == {74}


@pytest.mark.parametrize(
    ("split", "pitch", "voice"),
    [
        ((60,), 60, 0),
        ((60,), 59, 3),
        ((72, 60, 48), 65, 1),
        ((72, 60, 48), 50, 2),
        ((72, 60), 40, 3),
    ],
)
def test_by_split_the_keyboard_has_parts(split: tuple[int, ...], pitch: int, voice: int) -> None:
    stage = started(assign=Assign.SPLIT, split=split)
    stage.strike(pitch)
    asked = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert asked.player == (voice,)


def test_by_range_a_note_is_the_voice_that_is_nearest_and_moves_least() -> None:
    stage = started(assign=Assign.RANGE)
    stage.strike(40)
    assert stage.inference.asked[-1].player == (3,)
    stage.run_to(0.7)
    stage.strike(76)
    assert stage.inference.asked[-1].player == (0, 3)


def test_a_voice_that_becomes_yours_is_given_up_by_the_machine() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(0.6)
    assert (3, CHORD[3]) in stage.output.sounding
    stage.strike(45)  # below all: the bass is yours now
    stage.run_to(0.8)
    assert not any(channel == 3 for channel, _ in stage.output.sounding)
    stage.release(45)
    stage.run_to(2.1)
    assert (3, CHORD[3]) in stage.output.sounding, "and goes back when you leave it"


def test_who_has_just_moved_on_the_grid_does_not_move_again_for_a_late_note() -> None:
    stage = started()
    stage.inference.decide = follows
    stage.strike(72)
    stage.run_to(1.01)  # the bass has moved on the beat, alto and tenor have not
    stage.release(72)
    stage.strike(74)
    assert times(stage, 1)[-1] == times(stage, 2)[-1] == pytest.approx(1.51, abs=2e-3)
    assert times(stage, 3)[-1] == pytest.approx(1.5, abs=2e-3), "10 ms later it stays"
    told = stage.inference.asked[-1]
    assert told.player == (0, 3)
    assert {n.pitch for n in told.heard} == {74, 72 - 36}
    stage.run_to(1.3)
    assert (3, 74 - 36) in stage.output.sounding, "but goes with you on the next step"


def test_who_follows_moves_with_a_late_note_too() -> None:
    stage = started(follow=True)
    stage.inference.decide = follows
    stage.strike(72)
    stage.run_to(1.01)
    stage.release(72)
    stage.strike(74)
    assert {pitch for _, pitch in stage.output.sounding} == {74, 62, 50, 38}


def test_if_all_have_moved_they_wait_for_the_next_step_and_know_of_your_note() -> None:
    stage = started()  # the plain music moves all voices on every beat
    stage.strike(74)
    stage.run_to(1.02)
    struck = len(stage.machine())
    stage.release(74)
    stage.strike(76)
    assert len(stage.machine()) == struck
    told = stage.inference.asked[-1]
    assert (told.since, told.begin, told.end) == (1.0, 1.25, 1.25)
    assert len(told.given) == 4 and {n.pitch for n in told.heard} == {76, *CHORD[1:]}
    stage.run_to(1.3)
    assert stage.inference.asked[-1].begin >= 1.25
    assert stage.show.missed == 0


def test_the_pedal_keeps_the_others_playing() -> None:
    stage = started(turns=Turns(legato_beats=Beats(1.0)))
    stage.pedal(True)
    stage.strike(74)
    stage.run_to(0.5)
    stage.release(74)
    stage.run_to(4.2)
    assert stage.phase is Phase.ACCOMPANYING
    assert stage.bass[-1] == 4.0
    stage.pedal(False)
    stage.run_to(5.5)
    assert stage.phase is Phase.IDLE
    assert stage.output.sounding == {}


def test_a_jump_goes_on_under_the_key_that_is_held() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(2.6)
    stage.locate(17.1)
    assert set(stage.output.sounding) == {(4, 74)}
    stage.run_to(18.6)
    asked = [r for r in stage.inference.asked if r.begin >= 17.0]
    assert asked[0].fresh
    assert {n.pitch for n in asked[-1].heard} == {74}
    assert stage.bass[-1] == 18.0
    assert all(beat < 3 or beat > 17 for beat in stage.bass)


def test_a_turned_knob_is_heard_on_the_next_step() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(1.3)
    stage.wish(Turn("temperature", 0.3))
    stage.run_to(1.8)
    late = [r for r in stage.inference.asked if r.begin >= 1.5]
    assert late and all(r.settings.sampling.temperature == 0.3 for r in late)
