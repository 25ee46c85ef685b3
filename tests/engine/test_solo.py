"""Solo: the seed phrase, then the machine, kept a lookahead away from running dry."""

from __future__ import annotations

from itertools import pairwise

from ripieno.clock import Beats
from ripieno.commands import Seed, Turn
from ripieno.events import Note, Phase
from ripieno.settings import Horizon, Mode, Settings

from tests.fakes import CHORD, FakeStage

TUNE = Seed(
    "three notes",
    (
        Note(0, 76, 90, Beats(0.0), Beats(1.0)),
        Note(0, 74, 90, Beats(1.0), Beats(0.5)),
        Note(0, 72, 90, Beats(1.5), Beats(2.5)),
    ),
)


def solo(**options: object) -> Settings:
    return Settings(mode=Mode.SOLO, bpm=120, **options)  # type: ignore[arg-type]


def test_the_seed_is_heard_and_the_machine_fills_and_goes_on() -> None:
    stage = FakeStage(solo(), TUNE)
    stage.play()
    assert stage.phase is Phase.PLAYING
    stage.run_to(7.9)
    soprano = [(pitch, beat) for voice, pitch, beat in stage.machine() if voice == 0]
    assert soprano == [(76, 0), (74, 1), (72, 1.5), *((CHORD[0], b) for b in (4.0, 5.0, 6.0, 7.0))]
    bass = [(pitch, beat) for voice, pitch, beat in stage.machine() if voice == 3]
    assert bass == [(48, float(beat)) for beat in range(8)]


def test_each_step_is_asked_for_once_and_in_order() -> None:
    stage = FakeStage(solo(), TUNE)
    stage.play()
    stage.run_to(12)
    spans = [(r.begin, r.end) for r in stage.inference.asked if r.end > r.begin]
    assert spans[0][0] == 0.0
    assert all(a[1] == b[0] for a, b in pairwise(spans)), spans
    assert stage.show.missed == 0


def test_the_player_has_the_voices_of_the_seed_and_no_others() -> None:
    stage = FakeStage(solo(), TUNE)
    stage.play()
    stage.run_to(6)
    for request in stage.inference.asked:
        if request.end > request.begin:
            assert request.player == ((0,) if request.begin < 4 else ())


def test_a_turned_knob_is_heard_from_the_commit_point_on() -> None:
    stage = FakeStage(solo(horizon=Horizon(commit=Beats(1.0), lookahead=Beats(3.0))))
    stage.play()
    stage.run_to(2.1)
    before = len(stage.inference.asked)
    stage.show.wish(Turn("temperature", 0.5), stage.clock.now())
    stage.settle()
    asked = [r for r in stage.inference.asked[before:] if r.end > r.begin]
    assert asked[0].begin == 3.25, "a beat and what is left of the step lies before it"
    assert all(r.settings.sampling.temperature == 0.5 for r in asked)
    stage.run_to(7.9)
    assert stage.show.missed == 0
    beats = [beat for voice, _, beat in stage.machine() if voice == 3]
    assert beats == [float(beat) for beat in range(8)], "nothing is lost and nothing comes twice"


def test_a_new_seed_comes_in_at_a_bar_line() -> None:
    stage = FakeStage(solo())
    stage.play()
    stage.run_to(5.3)
    stage.show.wish(TUNE, stage.clock.now())
    stage.settle()
    stage.run_to(13)
    soprano = [(pitch, beat) for voice, pitch, beat in stage.machine() if voice == 0]
    assert (76, 8.0) in soprano
    assert (CHORD[0], 7.0) in soprano, "until then the old plan goes on"
    assert (CHORD[0], 12.0) in soprano
    assert stage.show.missed == 0
