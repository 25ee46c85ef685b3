from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ripieno.bundle import load_manifest
from ripieno.clock import Beats, Meter, Seconds, VirtualClock
from ripieno.errors import BundleError
from ripieno.events import Note, Planned, Request, Sounding
from ripieno.generate import Generator
from ripieno.grammar.grid import HOLD, NO_CADENCE, START, Cursor, GridNote, encode
from ripieno.heard import frames
from ripieno.onnx_model import StepModel
from ripieno.settings import Horizon, Key, Rules, Sampling, Settings
from tests.engine.bundles import Recipe, write_bundle

ALL = (0, 1, 2, 3)
CLOCK = VirtualClock()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(int8=True))


@pytest.fixture
def generator(folder: Path) -> Generator:
    return Generator(StepModel.open(load_manifest(folder), "int8"))


def request(since: float, begin: float, end: float, **changes: object) -> Request:
    plain = Request(
        epoch=1,
        since=Beats(since),
        begin=Beats(begin),
        end=Beats(end),
        heard=(),
        given=(),
        player=(),
        settings=Settings(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def note(voice: int, pitch: int, onset: float, duration: float | None, velocity: int = 80) -> Note:
    return Note(
        voice, pitch, velocity, Beats(onset), None if duration is None else Beats(duration)
    )


SCALE = tuple(note(0, pitch, i, 1.0) for i, pitch in enumerate((72, 74, 76, 74, 72, 71, 72, 67)))


def plan(generator: Generator, asked: Request) -> list[Planned]:
    return list(generator.plan(asked, CLOCK))


def music(steps: list[Planned]) -> list[tuple[float, tuple[Sounding, ...], tuple[str, ...]]]:
    """All that is heard of `steps`; how long they took is not."""
    return [(step.begin, step.voices, step.relaxed) for step in steps]


def state(generator: Generator) -> bytes:
    """The model's state after all of the log."""
    generator.context.catch_up()
    return generator.context._model.snapshot().tobytes()


def replayed(generator: Generator, folder: Path) -> bytes:
    """The state of a fresh model that was told the whole log in one go."""
    model = StepModel.open(load_manifest(folder), "int8")
    cursor = Cursor()
    for entry in generator.context.entries:
        for voice, token in entry.decisions:
            model.step(cursor.features(voice, entry.here))
            cursor.decide(voice, token)
        cursor.next_step()
    return model.snapshot().tobytes()


def test_one_planned_for_each_sixteenth_in_order(generator: Generator) -> None:
    steps = plan(generator, request(0, 0, 4, fresh=True))
    assert [s.begin for s in steps] == [i / 4 for i in range(16)]
    assert [s.end for s in steps] == [(i + 1) / 4 for i in range(16)]
    assert all([v.voice for v in s.voices] == list(ALL) for s in steps)
    assert all(s.epoch == 1 and s.served and not s.at_once for s in steps)
    assert all(0 < s.model_seconds < s.seconds for s in steps)


def test_it_really_plays(generator: Generator) -> None:
    steps = plan(generator, request(0, 0, 32, fresh=True))
    struck = sum(v.struck for s in steps for v in s.voices)
    held = sum(v.pitch is not None and not v.struck for s in steps for v in s.voices)
    assert struck > 100
    assert held > 20
    assert len({v.pitch for s in steps for v in s.voices}) > 20


def test_the_state_tells_holds_by_their_pitch_and_velocity(generator: Generator) -> None:
    before: dict[int, Sounding] = {}
    for step in plan(generator, request(0, 0, 16, fresh=True)):
        for now in step.voices:
            if now.pitch is None:
                assert not now.struck
            elif not now.struck:
                assert (now.pitch, now.velocity) == (
                    before[now.voice].pitch,
                    before[now.voice].velocity,
                )
        before = {now.voice: now for now in step.voices}


def test_the_player_is_never_answered_for(generator: Generator) -> None:
    asked = request(0, 0, 8, fresh=True, heard=SCALE, player=(0, 2))
    steps = plan(generator, asked)
    assert all([v.voice for v in s.voices] == [1, 3] for s in steps)
    told = [entry.voices[0] for entry in generator.context.entries]
    assert [v.pitch for v in told if v is not None and v.struck] == [n.pitch for n in SCALE]
    assert {e.voices[2].pitch for e in generator.context.entries if e.voices[2]} == {None}


def test_given_voices_are_decided_first_then_the_order_of_the_bundle(generator: Generator) -> None:
    plan(generator, request(0, 1, 2, fresh=True, heard=SCALE, given=(2,), player=(2, 1)))
    orders = [tuple(voice for voice, _ in e.decisions) for e in generator.context.entries]
    assert orders == [(2, 0, 3, 1)] * 4 + [(1, 2, 0, 3)] * 4


def test_silent_steps_follow_what_was_heard_and_are_not_sent(generator: Generator) -> None:
    asked = request(0, 8, 8, fresh=True, heard=SCALE, given=(0,))
    assert plan(generator, asked) == []
    entries = generator.context.entries
    assert [entry.step for entry in entries] == list(range(32))
    expected = encode([GridNote(0, n.pitch, int(n.onset * 4), 4) for n in SCALE], 0, 32)
    assert [entry.frame[0] for entry in entries] == [frame[0] for frame in expected]
    others = [entry.voices[v] for entry in entries for v in (1, 2, 3)]
    assert sum(v is not None and v.struck for v in others) > 20


def test_a_note_held_from_before_is_told_to_the_model_as_struck(generator: Generator) -> None:
    plan(generator, request(4, 5, 5, fresh=True, heard=(note(0, 70, 2, None),), given=ALL))
    entries = generator.context.entries
    assert [entry.frame[0] == HOLD for entry in entries] == [False, True, True, True]
    first = entries[0].voices[0]
    assert first is not None
    assert (first.pitch, first.struck) == (70, False)


def test_the_same_again_is_the_same_byte_for_byte(folder: Path) -> None:
    def perform() -> list[bytes]:
        generator = Generator(StepModel.open(load_manifest(folder), "int8"))
        told = []
        for asked in (
            request(0, 4, 12, fresh=True, heard=SCALE, given=(0,)),
            request(12, 12, 16),
            request(10, 11, 18, epoch=2, heard=SCALE, given=ALL),
        ):
            told.append(repr(music(plan(generator, asked))).encode())
        return [*told, state(generator)]

    assert perform() == perform()


def test_another_seed_is_another_performance(generator: Generator) -> None:
    asked = request(0, 0, 8, fresh=True)
    other = replace(asked, settings=Settings(sampling=Sampling(seed=2)))
    assert music(plan(generator, asked)) != music(plan(generator, other))
    assert music(plan(generator, asked)) == music(plan(generator, asked))


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


def test_the_model_is_told_place_key_meter_and_cadence(generator: Generator) -> None:
    settings = Settings(meter=Meter(3, 4), rules=Rules(key=Key.parse("D major")))
    asked = request(-1, -1, 6, fresh=True, settings=settings, cadence=Beats(3.0))
    plan(generator, asked)
    here = {entry.step: entry.here for entry in generator.context.entries}
    assert [here[s].place for s in (-4, -1, 0, 11, 12)] == [8, 11, 0, 11, 0]
    assert {h.meter for h in here.values()} == {2}
    assert {h.key for h in here.values()} == {9}
    assert [here[s].cadence for s in (-4, 0, 11, 12, 15)] == [16, 12, 1, 0, 0]
    assert {here[s].cadence for s in range(16, 24)} == {NO_CADENCE}


def test_velocities_follow_the_player_and_the_bar(generator: Generator) -> None:
    def struck(asked: Request) -> dict[float, set[int]]:
        told: dict[float, set[int]] = {}
        for step in plan(generator, asked):
            told.setdefault(step.begin % 4, set()).update(
                v.velocity for v in step.voices if v.struck
            )
        return told

    plain = struck(request(0, 0, 32, fresh=True))
    assert plain[0.0] <= {85, 86, 88}
    assert plain[1.0] <= {82, 83, 85}
    assert plain[0.5] <= {79, 80, 82}
    assert plain[0.25] <= {77, 78, 80}
    loud = tuple(replace(n, velocity=120) for n in SCALE)
    after = struck(request(0, 8, 16, fresh=True, heard=loud, given=(0,)))
    assert after[0.0] <= {125, 126, 127}
    # What comes next keeps the loudness, and hearing our own accents again does not raise it.
    own = tuple(replace(n, velocity=127) for n in SCALE)
    later = struck(request(16, 16, 24, heard=own, player=(0,)))
    assert later[1.0] <= {122, 123, 125}


def test_only_the_first_step_is_wanted_at_once(generator: Generator) -> None:
    steps = plan(generator, request(0, 0, 1, fresh=True, at_once=True, heard=SCALE, player=(0,)))
    assert [s.at_once for s in steps] == [True, False, False, False]


def test_a_loop_is_broken_on_the_beat(tmp_path: Path) -> None:
    # A model that holds whatever it can: without the rule the first chord would never end.
    recipe = Recipe(hidden=8, spread=0.1, hold_bias=60.0, rest_bias=-60.0)
    folder = write_bundle(tmp_path / "holder", recipe)
    generator = Generator(StepModel.open(load_manifest(folder)))
    for times in (2, 5):
        settings = Settings(rules=Rules(longest_loop=times))
        steps = plan(generator, request(0, 0, 24, fresh=True, settings=settings))
        moving = [s.begin for s in steps if any(v.struck for v in s.voices)]
        assert moving == [b * (times + 1.0) for b in range(24 // (times + 1) + 1)][: len(moving)]
        assert len(moving) == -(-24 // (times + 1))


def test_an_endless_rest_is_ended(tmp_path: Path) -> None:
    recipe = Recipe(hidden=8, spread=0.1, hold_bias=0.0, rest_bias=90.0)
    folder = write_bundle(tmp_path / "rester", recipe)
    generator = Generator(StepModel.open(load_manifest(folder)))
    settings = Settings(rules=Rules(longest_rest=Beats(1.5)))
    steps = plan(generator, request(0, 0, 14, fresh=True, settings=settings))
    for voice in ALL:
        sounding = [s.begin for s in steps if s.voices[voice].pitch is not None]
        assert sounding == [1.5 + 1.75 * i for i in range(len(sounding))]
        assert len(sounding) == 8


def test_a_bundle_that_takes_no_parts(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "alone", Recipe(hidden=8, given="none"))
    generator = Generator(StepModel.open(load_manifest(folder)))
    assert len(plan(generator, request(0, 2, 4, fresh=True, heard=SCALE, given=ALL))) == 8
    for asked in (request(4, 6, 8, given=(0,)), request(4, 4, 8, player=(0,))):
        with pytest.raises(BundleError, match="cannot follow one of them"):
            plan(generator, asked)


def test_frames_are_what_the_grammar_encodes() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        notes = [
            note(int(v), int(p), float(b), float(d))
            for v, p, b, d in zip(
                rng.integers(0, 4, 12),
                rng.integers(36, 82, 12),
                rng.choice(64, 12, replace=False) / 4,
                rng.integers(1, 12, 12) / 4,
                strict=True,
            )
        ]
        notes[0] = replace(notes[0], duration=None)
        grid = [
            GridNote(
                n.voice,
                n.pitch,
                int(n.onset * 4),
                int(n.duration * 4) if n.duration is not None else 99,
            )
            for n in notes
        ]
        told = frames(notes, 8, 60)
        expected = encode(grid, 8, 60)
        for step, tokens in enumerate(expected, 8):
            for sounding, token in zip(told[step], tokens, strict=True):
                assert (sounding.pitch is not None and not sounding.struck) == (token == HOLD)
                if sounding.struck and sounding.pitch is not None:
                    assert token == sounding.pitch - 34
                assert (sounding.pitch is None) == (token == 1)


def test_short_and_crooked_notes_land_on_the_nearest_step() -> None:
    told = frames([note(0, 60, 0.9, 0.01), note(0, 62, 1.37, 0.4)], 0, 8)
    line = [(told[step][0].pitch, told[step][0].struck) for step in range(8)]
    assert line == [
        *[(None, False)] * 4,
        (60, True),
        (62, True),
        (62, False),
        (None, False),
    ]
