from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import Beats, Meter
from ripieno.errors import BundleError
from ripieno.events import Request, Sounding
from ripieno.grammar.grid import NO_CADENCE, GridNote, encode
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.onnx_model import StepModel
from ripieno.settings import Key, Rules, Sampling, Settings

from tests.engine.asking import SCALE, music, plan, request, state
from tests.engine.bundles import Recipe, write_bundle

ALL = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(int8=True))


@pytest.fixture
def generator(folder: Path) -> Generator:
    return Generator(StepModel.open(load_manifest(folder), "int8"))


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
