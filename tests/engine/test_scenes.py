"""Presets and scenes that are recalled, phrases that are let be heard, voices that are held."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ripieno import knobs
from ripieno.audition import Auditioner
from ripieno.clock import Beats, Seconds
from ripieno.commands import Audition, Become, Mix, Programs, Rate, Recall
from ripieno.events import Note, Phase
from ripieno.inference.constraints import HOLDS, RESTS, Situation, rule_book
from ripieno.scenes import Scenes
from ripieno.settings import Horizon, Mode, Rules, Settings
from ripieno.takes.facts import Mark, Marked, NoteStarted, SoundChosen

from tests.fakes import FakeStage

SLOW, FAST = 120.0, 150.0
VOLUME = ("control", 7)
BEFORE = Settings(mode=Mode.SOLO, bpm=SLOW, horizon=Horizon(lookahead=Beats(2.0)))


class Loader:
    """Whoever brings a model: it says whether one is loading, and when it takes over."""

    def __init__(self) -> None:
        self.loading = False
        self.line: Beats | None = None


LOADED = Loader()
"""Nothing is loading."""


def playing() -> tuple[FakeStage, Scenes, list[str]]:
    """A performance and what its scenes have asked to be loaded."""
    stage = FakeStage(BEFORE)
    stage.play()
    loaded: list[str] = []
    return stage, Scenes(stage.show, stage.show.wish, loaded.append, LOADED), loaded


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
    assert stage.show.front.section.routing.programs == (48, 48, 48, 48)
    assert (scenes.coming, scenes.current) == ("", "B")
    run_to(stage, scenes, 8.0)
    assert stage.show.missed == 0, "no gap"
    beats = [beat for voice, _, beat in stage.machine() if voice == 0]
    assert beats == sorted(beats)
    assert max(b - a for a, b in pairwise(beats)) <= 1.0


def test_the_first_note_of_its_bar_has_the_scenes_sound() -> None:
    stage, scenes, _ = playing()
    stage.run_to(1.3)
    mix = Mix(volumes=(90, None, None, None))
    scenes.recall(Recall("B", BEFORE, (48, 19, 19, 6), mix=mix), stage.clock.now())
    run_to(stage, scenes, 6.0)
    line = stage.show.tempo.seconds(Beats(4.0))
    told = [choice for choice in stage.output.chosen if choice[2] is not None]
    assert [choice[:2] for choice in told] == [(0, 48), (3, 6)], "what differs, and no more"
    assert all(at is not None and line - 0.01 < at < line for _, _, at in told)
    chosen = [fact for fact in stage.recorder.facts if isinstance(fact, SoundChosen)]
    assert [(fact.channel, fact.program, round(fact.beat, 1)) for fact in chosen] == [
        (0, 48, 4.0),
        (3, 6, 4.0),
    ]
    assert ("control", 7, 90) in stage.output.calls
    scenes.recall(Recall("C", BEFORE, (48, 19, 19, 6), mix=Mix()), stage.clock.now())
    run_to(stage, scenes, 10.0)
    volumes = [value for kind, number, value in stage.output.calls if (kind, number) == VOLUME]
    assert volumes[-1] == 100, "what nobody asks for any more is as instruments begin"


def test_a_scene_waits_for_its_model_and_comes_with_it() -> None:
    stage = FakeStage(BEFORE)
    stage.play()
    loader = Loader()
    scenes = Scenes(stage.show, stage.show.wish, lambda name: None, loader)
    stage.run_to(0.5)
    loader.loading = True
    wanted = replace(BEFORE, velocity=10)
    scenes.recall(Recall("B", wanted, None, "other"), stage.clock.now())
    run_to(stage, scenes, 9.0)
    assert (scenes.coming, stage.show.settings.velocity) == ("B", BEFORE.velocity)
    loader.loading, loader.line = False, Beats(16.0)
    scenes.look(stage.clock.now())
    run_to(stage, scenes, 15.0)
    assert scenes.coming == "B"
    run_to(stage, scenes, 16.1)
    assert (scenes.current, stage.show.settings.velocity) == ("B", 10)


def test_a_model_that_cannot_be_had_does_not_keep_the_scene_away() -> None:
    stage = FakeStage(BEFORE)
    stage.play()
    loader = Loader()
    scenes = Scenes(stage.show, stage.show.wish, lambda name: None, loader)
    loader.loading = True
    scenes.recall(Recall("B", replace(BEFORE, velocity=10), None, "other"), stage.clock.now())
    run_to(stage, scenes, 5.0)
    loader.loading = False
    scenes.look(stage.clock.now())
    run_to(stage, scenes, 8.1)
    assert scenes.current == "B"


def test_while_nothing_plays_it_comes_at_once() -> None:
    stage = FakeStage(BEFORE)
    scenes = Scenes(stage.show, stage.show.wish, lambda name: None, LOADED)
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
    assert stage.show.front.section.routing.programs == (6, 19, 48, 52)


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
