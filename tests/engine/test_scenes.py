"""Presets and scenes that are recalled, phrases that are let be heard, voices that are held."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ripieno import knobs
from ripieno.audition import Auditioner
from ripieno.clock import Beats, Seconds
from ripieno.commands import Audition, Become, Programs, Rate, Recall
from ripieno.events import Note, Phase
from ripieno.inference.constraints import HOLDS, RESTS, Situation, rule_book
from ripieno.scenes import Scenes
from ripieno.settings import Horizon, Mode, Rules, Settings
from ripieno.takes.facts import Mark, Marked, NoteStarted

from tests.fakes import FakeStage

SLOW, FAST = 120.0, 150.0
BEFORE = Settings(mode=Mode.SOLO, bpm=SLOW, horizon=Horizon(lookahead=Beats(2.0)))


def playing() -> tuple[FakeStage, Scenes, list[str]]:
    """A performance and what its scenes have asked to be loaded."""
    stage = FakeStage(BEFORE)
    stage.play()
    loaded: list[str] = []
    return stage, Scenes(stage.show, stage.show.wish, loaded.append), loaded


def run_to(stage: FakeStage, scenes: Scenes, beat: float) -> None:
    """Go on to `beat`, the scenes looking whenever they want to."""
    while True:
        wake = scenes.wake()
        if wake is None or stage.show.beat(wake) > beat:
            break
        stage.run_to(stage.show.beat(wake))
        scenes.look(Seconds(max(wake, stage.clock.now())))
    stage.run_to(beat)
    scenes.look(stage.clock.now())


def test_a_scene_comes_on_the_bar_line_in_two_halves() -> None:
    stage, scenes, loaded = playing()
    stage.run_to(1.3)
    wanted = replace(
        knobs.turn(BEFORE, "temperature", 1.4), bpm=FAST, muted=frozenset({2}), mode=Mode.SOLO
    )
    scenes.recall(Recall("B", wanted, (48, 48, 48, 48), "other"), stage.clock.now())
    assert (scenes.coming, scenes.current, loaded) == ("B", "", ["other"])
    run_to(stage, scenes, 3.6)
    assert stage.show.settings == BEFORE, "not before it is time"
    run_to(stage, scenes, 3.9)
    settled = stage.show.settings
    assert settled.sampling.temperature == 1.4, "what decides notes is settled before the line"
    assert (settled.bpm, settled.muted) == (SLOW, frozenset()), "what is heard at once is not"
    run_to(stage, scenes, 4.1)
    assert stage.show.settings == wanted
    assert stage.show.sound.programs == (48, 48, 48, 48)
    assert (scenes.coming, scenes.current) == ("", "B")
    run_to(stage, scenes, 8.0)
    assert stage.show.missed == 0, "no gap"
    beats = [beat for voice, _, beat in stage.machine() if voice == 0]
    assert beats == sorted(beats)
    assert max(b - a for a, b in pairwise(beats)) <= 1.0


def test_while_nothing_plays_it_comes_at_once() -> None:
    stage = FakeStage(BEFORE)
    scenes = Scenes(stage.show, stage.show.wish, lambda name: None)
    wanted = replace(BEFORE, bpm=FAST)
    scenes.recall(Recall("B", wanted), stage.clock.now())
    assert stage.show.settings.bpm == FAST
    assert scenes.current == "B"


def test_a_newer_recall_takes_the_place_of_one_that_has_not_come() -> None:
    stage, scenes, _ = playing()
    stage.run_to(0.5)
    scenes.recall(Recall("B", replace(BEFORE, velocity=10)), stage.clock.now())
    scenes.recall(Recall("C", replace(BEFORE, velocity=20)), stage.clock.now())
    run_to(stage, scenes, 4.2)
    assert (scenes.current, stage.show.settings.velocity) == ("C", 20)


def test_another_mode_comes_with_the_scene() -> None:
    stage, scenes, _ = playing()
    stage.run_to(0.5)
    scenes.recall(Recall("yours", replace(BEFORE, mode=Mode.ANSWER)), stage.clock.now())
    run_to(stage, scenes, 4.5)
    assert stage.show.settings.mode is Mode.ANSWER
    assert stage.show.phase in (Phase.IDLE, Phase.LISTENING)


def test_all_settings_at_once_are_all_in_force() -> None:
    stage, _, _ = playing()
    stage.run_to(1.3)
    now = stage.clock.now()
    wanted = replace(BEFORE, bpm=FAST, muted=frozenset({0, 1}))
    stage.show.wish(Become(wanted), now)
    assert stage.show.settings == wanted
    assert stage.show.tempo.bpm == FAST
    assert {voice for voice, pitch in stage.output.sounding} <= {2, 3}


def test_an_opinion_is_a_mark_in_the_take() -> None:
    stage, _, _ = playing()
    stage.run_to(1.0)
    stage.show.wish(Rate(1), stage.clock.now())
    stage.show.wish(Rate(-1), stage.clock.now())
    marks = [f.mark for f in stage.recorder.facts if isinstance(f, Marked)]
    assert marks[-2:] == [Mark.LIKED, Mark.DISLIKED]


def test_other_sounds_are_told_to_every_output() -> None:
    stage, _, _ = playing()
    stage.show.wish(Programs((6, 19, 48, 52)), stage.clock.now())
    assert stage.show.sound.programs == (6, 19, 48, 52)


def test_a_phrase_is_heard_beside_the_music_and_is_in_no_take() -> None:
    stage = FakeStage(BEFORE)
    auditioner = Auditioner(stage.show.sound)
    notes = (
        Note(0, 60, 90, Beats(0.0), Beats(1.0)),
        Note(0, 64, 90, Beats(1.0), Beats(1.0)),
    )
    now = stage.clock.now()
    auditioner.begin(Audition(notes, 60.0), now)
    heard = []
    for second in (0.0, 0.5, 1.0, 1.5, 2.0):
        auditioner.look(Seconds(now + second))
        heard.append([pitch for _, pitch in stage.output.sounding])
    assert heard == [[60], [60], [64], [64], []]
    assert auditioner.wake() is None
    assert [f for f in stage.recorder.facts if isinstance(f, NoteStarted)] == []


@pytest.mark.parametrize("again", [True, False])
def test_silence_ends_what_is_heard(again: bool) -> None:
    stage = FakeStage(BEFORE)
    auditioner = Auditioner(stage.show.sound)
    now = stage.clock.now()
    one = Audition((Note(0, 60, 90, Beats(0.0), Beats(8.0)),), 60.0)
    auditioner.begin(one, now)
    auditioner.look(now)
    if again:
        auditioner.begin(Audition((), 60.0), Seconds(now + 1))
    else:
        auditioner.hush(Seconds(now + 1))
    assert not stage.output.sounding


def test_a_held_voice_stays_on_its_note_until_a_hard_rule_moves_it() -> None:
    rules = Rules(held=frozenset({1}))
    nobody: list[int | None] = [None] * 4
    here = Situation(rules, 1, 65, 65, 0, nobody, nobody)
    assert rule_book(rules).may(here) == (HOLDS, ())
    assert rule_book(rules).may(replace(here, voice=2))[0] & ~HOLDS & ~RESTS, "the tenor moves"
    lower = replace(rules, ranges=((57, 81), (53, 60), (48, 69), (36, 64)))
    moved, given_up = rule_book(lower).may(replace(here, rules=lower))
    assert moved & ~RESTS & ~HOLDS
    assert [name for name, _ in given_up][-1] == "stay"
