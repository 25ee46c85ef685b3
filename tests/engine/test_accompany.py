"""Accompany: the others sound with your note, move while you hold, and rest with you."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ripieno.clock import Beats
from ripieno.events import Phase, Request, Sounding
from ripieno.settings import Mode, Settings, Turns

from tests.fakes import CHORD, FakeStage


def accompany(voice: int = 0, **options: object) -> Settings:
    return Settings(mode=Mode.ACCOMPANY, bpm=60, player_voice=voice, **options)  # type: ignore[arg-type]


def started(voice: int = 0, **options: object) -> FakeStage:
    stage = FakeStage(accompany(voice, **options))
    stage.play()
    stage.run_to(0.0)
    return stage


def test_the_others_sound_at_once_with_the_first_note() -> None:
    stage = started()
    stage.strike(74)
    assert set(stage.output.sounding) == {(4, 74), (1, 67), (2, 60), (3, 48)}
    assert next(call for call in stage.output.calls if call[0] == "on") == ("on", 4, 74)


@pytest.mark.parametrize("voice", range(4))
def test_the_player_may_be_any_voice(voice: int) -> None:
    stage = started(voice)
    stage.strike(CHORD[voice])
    assert {v for v, _, _ in stage.machine()} == {0, 1, 2, 3} - {voice}
    assert all(r.player == (voice,) for r in stage.inference.asked if r.end > r.begin)


def test_while_a_note_is_held_the_others_move_on_the_grid() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(3.5)
    beats = [beat for voice, _, beat in stage.machine() if voice == 3]
    assert beats == [0.0, 1.0, 2.0, 3.0]
    spans = [(r.begin, r.end) for r in stage.inference.asked if r.end > r.begin]
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert stage.show.missed == 0


def moved(request: Request, step: Beats, voice: int) -> Sounding:
    """The others take up the player's newest pitch, an octave and more below."""
    pitch = max(n.pitch for n in request.heard) if request.heard else 60
    struck = any(n.onset >= step - 1e-9 for n in request.heard)
    return Sounding(voice, pitch - 12 * voice, struck, 80)


@pytest.mark.parametrize("onset", [0.9, 1.0, 1.1])
def test_an_onset_near_a_step_is_joined_at_once(onset: float) -> None:
    stage = started()
    stage.inference.decide = moved
    stage.strike(72)
    stage.run_to(onset)
    stage.release(72)
    stage.strike(74)
    sounding = {pitch for _, pitch in stage.output.sounding}
    assert sounding == {74, 62, 50, 38}, "at the onset, early or late, and not a step later"
    asked = [r for r in stage.inference.asked if r.at_once]
    assert asked[-1].begin == 1.0


def test_an_onset_too_far_from_its_step_is_joined_on_the_next() -> None:
    stage = started(onset_tolerance=Beats(0.05))
    stage.inference.decide = moved
    stage.strike(72)
    stage.run_to(1.1)
    stage.release(72)
    stage.strike(74)
    assert {pitch for _, pitch in stage.output.sounding} == {74, 60, 48, 36}
    stage.run_to(1.24)
    assert (1, 60) in stage.output.sounding
    stage.run_to(1.26)
    assert {pitch for _, pitch in stage.output.sounding} == {74, 62, 50, 38}


def test_a_second_note_in_the_same_step_waits_for_the_next() -> None:
    stage = started()
    stage.inference.decide = moved
    stage.strike(72)
    stage.run_to(0.08)
    stage.release(72)
    stage.strike(74)
    assert (1, 60) in stage.output.sounding
    stage.run_to(0.26)
    assert (1, 62) in stage.output.sounding


def test_the_keys_of_one_chord_are_one_onset() -> None:
    stage = started()
    stage.strike(76)
    stage.run_to(0.01)
    stage.strike(48)
    last = [r for r in stage.inference.asked if r.end > r.begin][-1]
    assert last.begin == 0.0
    assert last.player == (0, 3)


def test_a_pause_holds_and_then_rests() -> None:
    stage = started(turns=Turns(legato_beats=Beats(1.0)))
    stage.strike(74)
    stage.run_to(1.5)
    stage.release(74)
    stage.run_to(2.4)
    assert set(stage.output.sounding) == {(1, 67), (2, 60), (3, 48)}
    stage.run_to(2.6)
    assert stage.output.sounding == {}
    assert stage.phase is Phase.IDLE


def test_after_a_short_gap_what_went_on_sounding_is_told() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(1.3)
    stage.release(74)
    stage.run_to(2.0)
    stage.strike(76)
    told = [r for r in stage.inference.asked if r.end == r.begin and r.begin > r.since]
    assert (told[-1].since, told[-1].begin) == (1.5, 2.0)
    assert {n.voice for n in told[-1].heard} == {0, 1, 2, 3}


def test_a_late_model_costs_a_chord_and_no_time() -> None:
    stage = started()
    stage.strike(74)
    stage.run_to(1.5)
    stage.inference.silent = True
    stage.run_to(2.9)
    assert set(stage.output.sounding) == {(4, 74), (1, 67), (2, 60), (3, 48)}, "the chord is held"
    assert stage.show.missed >= 5
    stage.inference.silent = False
    stage.run_to(4.1)
    assert [beat for voice, _, beat in stage.machine() if voice == 3][-1] == 4.0
