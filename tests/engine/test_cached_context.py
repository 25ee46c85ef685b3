"""The log and a model with a cache: rows wait, go as chunks, are taken back, never disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.model import Logits, Mark, Model, Row
from ripieno.inference.opening import open_model
from ripieno.settings import Sampling, Settings

from tests.engine.asking import SCALE, music, plan, request
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle
from tests.engine.rule_checker import violations
from tests.engine.slow import RunClock, SlowModel
from tests.engine.test_generate_random import Script, Witness, check_player, scripts, take

ALL = (0, 1, 2, 3)
KINDS = ("decision", "frame")
SMALL, LARGE = 64, 2048
CLOSE = 1e-4


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    place = tmp_path_factory.mktemp("bundles")
    return {
        (per, context): write_cached_bundle(
            place / f"{per}-{context}", CachedRecipe(context=context, per=per)
        )
        for per in KINDS
        for context in (SMALL, LARGE)
    }


@pytest.fixture(scope="module")
def models(folders: dict[tuple[str, int], Path]) -> dict[tuple[str, int], Model]:
    return {key: open_model(load_manifest(folder)) for key, folder in folders.items()}


@pytest.fixture(scope="module")
def others(folders: dict[tuple[str, int], Path]) -> dict[tuple[str, int], Model]:
    """The same models once more, to compare with."""
    return {key: open_model(load_manifest(folder)) for key, folder in folders.items()}


def told(generator: Generator) -> NDArray[np.float32]:
    """What the model thinks after all of the log, of a row that no log has."""
    context = generator.context
    context.catch_up()
    mark = context.model.mark()
    logits = context.model.step(context.hand.cursor.features(0, context.entries[-1].here)).copy()
    context.model.rewind(mark)
    return logits


def fresh(model: Model, generator: Generator, steps: int) -> NDArray[np.float32]:
    """The same of a model that was told the last `steps` of the log, row by row."""
    model.reset()
    context = generator.context
    for entry in context.entries[-steps:]:
        for row in entry.rows():
            model.step(row)
    return model.step(context.hand.cursor.features(0, context.entries[-1].here)).copy()


@pytest.mark.parametrize("per", KINDS)
@pytest.mark.parametrize("back", [31, 24, 16, 1, 0])
def test_rewinding_and_feeding_equals_a_fresh_run(
    per: str,
    back: int,
    models: dict[tuple[str, int], Model],
    others: dict[tuple[str, int], Model],
) -> None:
    generator = Generator(models[per, LARGE])
    plan(generator, request(0, 0, 8, fresh=True))
    plan(generator, request(back / 4, back / 4 + 1, 12, heard=SCALE, given=(0,)))
    assert len(generator.context.entries) == 48
    assert np.abs(told(generator) - fresh(others[per, LARGE], generator, 48)).max() <= CLOSE


@pytest.mark.parametrize("per", KINDS)
def test_one_request_or_many_is_the_same_music(
    per: str, models: dict[tuple[str, int], Model]
) -> None:
    model = models[per, LARGE]
    whole = music(plan(Generator(model), request(0, 0, 8, fresh=True)))
    parts = Generator(model)
    pieces = [
        *plan(parts, request(0, 0, 1, fresh=True)),
        *(s for b in range(1, 8) for s in plan(parts, request(b, b, b + 1))),
    ]
    assert music(pieces) == whole
    assert sum(v.struck for s in pieces for v in s.voices) > 20


@pytest.mark.parametrize("per", KINDS)
@pytest.mark.parametrize("candidates", [1, 3])
def test_the_window_slides_and_the_music_goes_on(
    per: str,
    candidates: int,
    models: dict[tuple[str, int], Model],
    others: dict[tuple[str, int], Model],
) -> None:
    model = models[per, SMALL]
    generator = Generator(model)
    settings = Settings(sampling=Sampling(candidates=candidates))
    lengths = []
    for beat in range(80):
        steps = plan(generator, request(beat, beat, beat + 1, fresh=beat == 0, settings=settings))
        assert [s.begin for s in steps] == [beat + i / 4 for i in range(4)]
        assert all(s.served for s in steps)
        lengths.append(model.length)
    assert generator.faults == []
    assert max(lengths) <= SMALL
    # it slid, and more than once: the music went on and the length did not grow
    assert sum(b <= a for a, b in pairwise(lengths)) > 2
    kept = sum(entry.state is not None for entry in generator.context.entries)
    found = told(generator)
    assert kept * model.per_step <= SMALL
    assert np.abs(found - fresh(others[per, SMALL], generator, kept)).max() <= CLOSE


@pytest.mark.parametrize("per", KINDS)
def test_going_back_to_before_the_window_tells_it_again(
    per: str, models: dict[tuple[str, int], Model], others: dict[tuple[str, int], Model]
) -> None:
    generator = Generator(models[per, SMALL])
    plan(generator, request(0, 0, 40, fresh=True))
    plan(generator, request(4, 4, 5, epoch=2))
    assert [e.step for e in generator.context.entries] == list(range(20))
    kept = sum(entry.state is not None for entry in generator.context.entries)
    assert np.abs(told(generator) - fresh(others[per, SMALL], generator, kept)).max() <= CLOSE
    assert models[per, SMALL].length <= SMALL


@pytest.mark.parametrize("per", KINDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=scripts())
def test_random_performances_with_candidates(
    per: str, models: dict[tuple[str, int], Model], script: list[Script]
) -> None:
    generator, witness = Generator(models[per, SMALL]), Witness()
    for number, part in enumerate(script):
        wishes = part.ask.settings
        sampling = replace(wishes.sampling, candidates=1 + 2 * (number % 2))
        asked = replace(part.ask, settings=replace(wishes, sampling=sampling))
        part = replace(part, ask=asked)  # noqa: PLW2901
        steps = take(generator, part)
        assert all(step.served for step in steps)
        witness.see(generator, part, steps)
        if part.taken or not part.planned:
            check_player(generator, part)
        assert violations(list(witness.played.values())) == []
    assert generator.faults == []


@pytest.mark.parametrize("per", KINDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=scripts())
def test_rewinding_equals_telling_everything_anew(
    per: str,
    models: dict[tuple[str, int], Model],
    others: dict[tuple[str, int], Model],
    script: list[Script],
) -> None:
    generator = Generator(models[per, LARGE])
    for part in script:
        take(generator, part)
    if generator.context.entries:
        count = len(generator.context.entries)
        assert np.abs(told(generator) - fresh(others[per, LARGE], generator, count)).max() <= CLOSE


def test_what_the_player_did_costs_one_run(models: dict[tuple[str, int], Model]) -> None:
    """Steps whose voices are all given wait, and are told as chunks."""
    runs: list[int] = []
    model = Counted(models["decision", LARGE], runs)
    generator = Generator(model)
    plan(generator, request(0, 4, 4, heard=SCALE, given=ALL, fresh=True))
    assert runs == [64]
    runs.clear()
    plan(generator, request(4, 4, 5, player=(0, 1, 2)))
    assert runs == [4, 4, 4, 4]


class Counted(SlowModel):
    """Writes down how many rows each run has."""

    def __init__(self, model: Model, runs: list[int]) -> None:
        super().__init__(model, RunClock())
        self.counted = runs

    def step(self, row: Row) -> Logits:
        self.counted.append(1)
        return super().step(row)

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        self.counted.append(len(rows))
        return super().feed(rows, at)
