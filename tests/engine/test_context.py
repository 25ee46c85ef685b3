"""Going back, jumping and being late: the log and the model never disagree."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.events import Note, Planned
from ripieno.grammar.grid import HOLD, START
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.onnx_model import StepModel
from ripieno.settings import Horizon, Rules, Settings

from tests.engine.asking import CLOCK, SCALE, music, note, plan, replayed, request, state
from tests.engine.bundles import Recipe, write_bundle

ALL = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(int8=True))


@pytest.fixture
def generator(folder: Path) -> Generator:
    return Generator(StepModel.open(load_manifest(folder), "int8"))


def test_a_note_held_from_before_is_told_to_the_model_as_struck(generator: Generator) -> None:
    plan(generator, request(4, 5, 5, fresh=True, heard=(note(0, 70, 2, None),), given=ALL))
    entries = generator.context.entries
    assert [entry.frame[0] == HOLD for entry in entries] == [False, True, True, True]
    first = entries[0].voices[0]
    assert first is not None
    assert (first.pitch, first.struck) == (70, False)


def test_planning_again_is_another_choice_that_starts_from_the_same_place(
    generator: Generator,
) -> None:
    first = plan(generator, request(0, 0, 8, fresh=True))
    again = plan(generator, request(4, 4, 8, epoch=2))
    third = plan(generator, request(4, 4, 8, epoch=3))
    assert music(first)[16:] != music(again) != music(third)
    assert len(generator.context.entries) == 32


def test_one_request_or_many_is_the_same_music(folder: Path) -> None:
    model = StepModel.open(load_manifest(folder), "int8")
    whole = music(plan(Generator(model), request(0, 0, 8, fresh=True)))
    parts = Generator(model)
    pieces = [
        *plan(parts, request(0, 0, 1, fresh=True)),
        *(s for b in range(1, 8) for s in plan(parts, request(b, b, b + 1))),
    ]
    assert music(pieces) == whole


@pytest.mark.parametrize("back", [31, 24, 16, 1, 0])
def test_rewinding_and_feeding_equals_a_fresh_run(
    back: int, generator: Generator, folder: Path
) -> None:
    plan(generator, request(0, 0, 8, fresh=True))
    plan(generator, request(back / 4, back / 4 + 1, 12, heard=SCALE, given=(0,)))
    assert len(generator.context.entries) == 48
    assert state(generator) == replayed(generator, folder)


def test_what_was_heard_as_planned_is_not_fed_again(generator: Generator) -> None:
    planned = plan(generator, request(0, 0, 4, fresh=True))
    kept = list(generator.context.entries)
    before = state(generator)
    heard = tuple(
        Note(v.voice, v.pitch, 33, s.begin, _length(planned, i, v.voice))
        for i, s in enumerate(planned)
        for v in s.voices
        if v.struck and v.pitch is not None
    )
    assert plan(generator, request(0, 4, 4, epoch=2, heard=heard, given=ALL)) == []
    assert all(a is b for a, b in zip(kept, generator.context.entries, strict=True))
    assert state(generator) == before
    changed = (*heard, note(0, 60, 3.0, 0.25))
    plan(generator, request(0, 4, 4, epoch=3, heard=changed, given=(0,)))
    same = [a is b for a, b in zip(kept, generator.context.entries, strict=True)]
    assert same == [True] * 12 + [False] * 4


def _length(planned: list[Planned], start: int, voice: int) -> Beats:
    end = start + 1
    while end < len(planned):
        now = planned[end].voices[voice]
        if now.struck or now.pitch is None:
            break
        end += 1
    return Beats((end - start) / 4)


def test_a_jump_goes_on_at_the_new_place_and_holds_nothing(
    generator: Generator, folder: Path
) -> None:
    plan(generator, request(0, 0, 4, fresh=True))
    steps = plan(generator, request(10, 10, 12, epoch=2))
    assert [s.begin for s in steps] == [10 + i / 4 for i in range(8)]
    assert all(v.struck or v.pitch is None for v in steps[0].voices)
    entries = generator.context.entries
    assert [e.step for e in entries] == [*range(16), *range(40, 48)]
    assert state(generator) == replayed(generator, folder)


def test_going_back_to_where_a_jump_began_still_holds_what_sounded(generator: Generator) -> None:
    chord = tuple(note(v, p, 0, 4.0) for v, p in enumerate((72, 67, 60, 48)))
    plan(generator, request(0, 4, 4, fresh=True, heard=chord, given=ALL))
    plan(generator, request(10, 10, 12, epoch=2))
    plan(generator, request(4, 4, 5, epoch=3))
    assert generator.context.entries[16].before.held == [72, 67, 60, 48]
    plan(generator, request(10, 10, 12, epoch=4))
    plan(generator, request(8, 8, 9, epoch=5))
    assert generator.context.entries[20].before.held == [None] * 4


def test_going_back_before_a_jump_forgets_it(generator: Generator, folder: Path) -> None:
    plan(generator, request(0, 0, 4, fresh=True))
    plan(generator, request(10, 10, 12, epoch=2))
    plan(generator, request(8, 8, 9, epoch=3))
    assert [e.step for e in generator.context.entries] == [*range(16), *range(32, 36)]
    plan(generator, request(-2, -2, -1, epoch=4))
    assert [e.step for e in generator.context.entries] == list(range(-8, -4))
    assert state(generator) == replayed(generator, folder)


def test_going_back_beyond_the_kept_states_feeds_again(folder: Path) -> None:
    model = StepModel.open(load_manifest(folder), "int8")
    generator = Generator(model, kept_states=8)
    plan(generator, request(0, 0, 16, fresh=True))
    assert sum(entry.state is not None for entry in generator.context.entries) == 8
    plan(generator, request(4, 5, 8, epoch=2, heard=SCALE, given=(0,)))
    assert len(generator.context.entries) == 32
    assert state(generator) == replayed(generator, folder)


def test_feeding_again_from_a_window_hears_only_the_window(folder: Path) -> None:
    model = StepModel.open(load_manifest(folder), "int8")
    generator = Generator(model, kept_states=0, window=8)
    plan(generator, request(0, 0, 16, fresh=True))
    plan(generator, request(4, 4, 4, epoch=2))
    entries = generator.context.entries
    assert len(entries) == 16
    told = state(generator)
    model.reset()
    for entry in entries[8:]:
        cursor = entry.before.cursor.copy()
        for voice, token in entry.decisions:
            model.step(cursor.features(voice, entry.here))
            cursor.decide(voice, token)
    assert told == model.snapshot().tobytes()


def test_fresh_forgets_everything(generator: Generator) -> None:
    first = music(plan(generator, request(0, 0, 4, fresh=True)))
    plan(generator, request(0, 2, 6, heard=SCALE, given=ALL, epoch=2))
    assert music(plan(generator, request(0, 0, 4, fresh=True, epoch=3))) == first
    assert generator.context.entries[0].before.cursor.previous == START


def test_a_plan_may_be_left_after_any_step(generator: Generator, folder: Path) -> None:
    steps = generator.plan(request(0, 0, 8, fresh=True), CLOCK)
    taken = [next(steps) for _ in range(5)]
    del steps
    assert len(generator.context.entries) == len(taken) == 5
    more = plan(generator, request(1.25, 1.25, 2, epoch=2))
    assert [s.begin for s in more] == [1.25, 1.5, 1.75]
    assert state(generator) == replayed(generator, folder)


class Ticking:
    """A clock that goes on by a hundredth of a second whenever it is asked."""

    def __init__(self) -> None:
        self.ticks = 0

    def now(self) -> Seconds:
        self.ticks += 1
        return Seconds(self.ticks / 100)

    def sleep_until(self, at: Seconds) -> None:
        raise AssertionError("generating never waits")


def test_late_voices_hold_or_rest_and_the_model_hears_of_it(
    generator: Generator, folder: Path
) -> None:
    chord = tuple(note(v, p, 0, 4.0) for v, p in enumerate((72, 67, 60, 48)))
    plan(generator, request(0, 4, 4, fresh=True, heard=chord, given=ALL))
    settings = Settings(
        horizon=Horizon(budget_ms=25.0),
        rules=Rules(ranges=((57, 81), (53, 66), (48, 69), (36, 64))),
    )
    late = list(generator.plan(request(4, 4, 8, settings=settings), Ticking()))
    assert [s.served for s in late] == [False] * 16
    # Two voices fit in the budget; the tenor holds, and the alto may not: 67 is out of range now.
    for step in late:
        assert (step.voices[2].pitch, step.voices[2].struck) == (60, False)
        assert step.voices[1].pitch is None
    assert any(v.struck for s in late for v in (s.voices[0], s.voices[3]))
    assert len(generator.context.entries) == 32
    assert state(generator) == replayed(generator, folder)
    in_time = plan(generator, request(8, 8, 10))
    assert all(s.served for s in in_time)
    assert state(generator) == replayed(generator, folder)


def test_a_late_step_may_be_the_last_and_be_undone(generator: Generator, folder: Path) -> None:
    settings = Settings(horizon=Horizon(budget_ms=1.0))
    late = list(generator.plan(request(0, 0, 2, fresh=True, settings=settings), Ticking()))
    assert all(v.pitch is None for s in late for v in s.voices)
    plan(generator, request(1.75, 1.75, 3, epoch=2))
    assert state(generator) == replayed(generator, folder)


def test_a_span_that_ends_before_it_begins_plans_from_its_begin(
    generator: Generator, folder: Path
) -> None:
    plan(generator, request(0, 0, 8, fresh=True))
    steps = plan(generator, request(6, 4, 5, epoch=2))
    assert [s.begin for s in steps] == [4.0, 4.25, 4.5, 4.75]
    assert [e.step for e in generator.context.entries] == list(range(20))
    assert state(generator) == replayed(generator, folder)
