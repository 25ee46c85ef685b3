"""A budget that is too short costs quality, never the music: down the ladder, and up again."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.errors import BundleError
from ripieno.events import Planned, Rung
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.ladder import CALM, HOPELESS, IN_A_ROW, PAUSE, Ladder
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.settings import Horizon, Sampling, Settings

from tests.engine.asking import request
from tests.engine.bundles import Recipe, write_bundle
from tests.engine.cached_bundles import write_cached_bundle
from tests.engine.slow import RunClock, SlowModel

BUDGET = Seconds(0.040)
CANDIDATES = 6


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test-lstm", Recipe(hidden=8))


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cached_bundle(tmp_path_factory.mktemp("bundles") / "test-transformer")


class Band:
    """A generator with a large and a small model whose speeds are set, by their own clock."""

    def __init__(self, large: Model, small: Model | None, cost: float) -> None:
        self.clock = RunClock()
        self.large = SlowModel(large, self.clock, cost)
        self.small = SlowModel(small, self.clock, 0.0005) if small else None
        self.opened = 0
        self.generator = Generator(self.large, fallback=self._open if self.small else None)
        self.beat = 0

    def _open(self) -> Model:
        self.opened += 1
        assert self.small is not None
        return self.small

    def play(self, beats: int, candidates: int = CANDIDATES) -> list[Planned]:
        settings = Settings(
            sampling=Sampling(candidates=candidates), horizon=Horizon(budget_ms=BUDGET * 1000)
        )
        steps: list[Planned] = []
        for beat in range(self.beat, self.beat + beats):
            asked = request(beat, beat, beat + 1, fresh=beat == 0, settings=settings)
            steps += self.generator.plan(asked, self.clock)
        self.beat += beats
        return steps


def rungs(steps: list[Planned]) -> list[Rung]:
    """The rungs in the order of the steps, each stay told once."""
    return [rung for rung, _ in groupby(step.rung for step in steps)]


def in_time(steps: list[Planned]) -> float:
    return sum(step.served for step in steps) / len(steps)


def test_with_time_for_all_candidates_it_stays_at_the_top(recurrent: Path) -> None:
    band = Band(open_model(load_manifest(recurrent)), None, cost=0.0001)
    steps = band.play(50)
    assert {(step.rung, step.candidates) for step in steps} == {(Rung.FULL, CANDIDATES)}
    assert all(step.begun is Rung.FULL and step.decided == 4 for step in steps)


def test_candidates_are_as_many_as_there_is_time_for(recurrent: Path) -> None:
    band = Band(open_model(load_manifest(recurrent)), None, cost=0.003)
    steps = band.play(50)
    assert all(step.served for step in steps)
    fewer = [step for step in steps if step.rung is Rung.FEWER]
    # the first costs four rows, every other three: 12 ms, and 9 ms as often as they fit into 40
    assert len(fewer) > 20
    assert {step.candidates for step in fewer} == {4}
    assert {step.rung for step in steps} <= {Rung.FULL, Rung.FEWER}


def test_down_to_the_smaller_model_and_back(recurrent: Path, cached: Path) -> None:
    band = Band(
        open_model(load_manifest(cached)), open_model(load_manifest(recurrent)), cost=0.0001
    )
    quick = band.play(100)
    assert set(rungs(quick)) == {Rung.FULL}
    assert band.opened == 0
    band.large.cost = 0.030
    slow = band.play(400)
    assert band.opened == 1
    assert slow[-1].rung is Rung.SMALLER
    assert Rung.SHORTER in {step.begun for step in slow[:16]}
    band.large.cost = 0.0001
    again = band.play(600)
    assert again[-1].rung is Rung.FULL
    assert {step.rung for step in again[-100:]} == {Rung.FULL}
    assert Rung.SHORTER in rungs(again)
    everything = [*quick, *slow, *again]
    assert in_time(everything) >= 0.995
    assert [step.begin for step in everything] == [n / 4 for n in range(4400)]
    assert all(v.pitch is None or 0 <= v.pitch <= 127 for s in everything for v in s.voices)


def test_without_a_smaller_model_that_rung_is_skipped(cached: Path) -> None:
    band = Band(open_model(load_manifest(cached)), None, cost=0.0001)
    band.play(20)
    band.large.cost = 0.030
    slow = band.play(60)
    assert slow[-1].begun is Rung.SHORTER
    assert {step.rung for step in slow} <= {Rung.FEWER, Rung.FULL, Rung.HOLD, Rung.REST}
    assert not any(step.served for step in slow[-20:])
    # what comes in time is still decided: late voices hold, the first ones move
    assert {step.decided for step in slow[-20:]} <= {1, 2}
    assert any(voice.struck for step in slow[-20:] for voice in step.voices)
    assert band.large.length <= 64 * 4 * 2 + 24


def test_a_hopeless_model_is_left_alone_and_tried_again(recurrent: Path) -> None:
    band = Band(open_model(load_manifest(recurrent)), None, cost=0.0001)
    band.play(20)
    band.large.cost = 0.5
    before = band.large.runs
    slow = band.play(100)
    asked = [step.decided for step in slow]
    assert asked[:IN_A_ROW] == [1] * IN_A_ROW
    assert asked[IN_A_ROW : IN_A_ROW + PAUSE] == [0] * PAUSE
    assert asked[IN_A_ROW + PAUSE] == 1
    assert sum(asked) < 60
    assert band.large.runs - before < 1000
    assert {step.rung for step in slow} <= {Rung.HOLD, Rung.REST}
    band.large.cost = 0.0001
    assert all(step.served for step in band.play(100)[-200:])


def test_a_single_late_step_changes_nothing(recurrent: Path, cached: Path) -> None:
    band = Band(open_model(load_manifest(cached)), open_model(load_manifest(recurrent)), cost=0.001)
    band.play(20)
    spikes = iter([0.2])

    def spike(run: int) -> str:
        band.clock.seconds += next(spikes, 0.0)
        return ""

    band.large.harm = spike
    steps = band.play(40)
    assert sum(not step.served for step in steps) == 1
    assert {step.begun for step in steps} == {Rung.FULL}
    assert band.opened == 0


def test_a_fallback_that_cannot_be_opened_is_told_and_done_without(
    recurrent: Path, cached: Path
) -> None:
    def refuse() -> Model:
        raise BundleError("there is no such bundle folder", where="small")

    clock = RunClock()
    large = SlowModel(open_model(load_manifest(cached)), clock, 0.030)
    generator = Generator(large, fallback=refuse)
    settings = Settings(horizon=Horizon(budget_ms=BUDGET * 1000))
    steps = list(generator.plan(request(0, 0, 30, fresh=True, settings=settings), clock))
    assert len(steps) == 120
    assert generator.faults == ["small: there is no such bundle folder."]


TOP = (Rung.FULL, Rung.SHORTER, Rung.SMALLER, Rung.HOLD)


def walked(ladder: Ladder, costs: list[float]) -> list[Rung]:
    told = []
    for cost in costs:
        told.append(ladder.rung)
        ladder.tell(Seconds(cost), BUDGET, late=cost > BUDGET)
    return told


def test_it_goes_down_when_the_95th_percentile_comes_near_the_budget() -> None:
    assert walked(Ladder(TOP), [0.035] * 100) == [Rung.FULL] * CALM + [Rung.FULL] * 36
    assert walked(Ladder(TOP), [0.037] * 3)[-1] is Rung.SHORTER
    few = [0.001] * 30 + [0.1] + [0.001] * 30
    assert walked(Ladder(TOP), few) == [Rung.FULL] * 61
    many = [0.001] * 30 + [0.1] * 3
    assert walked(Ladder(TOP), many)[-1] is Rung.SHORTER


def test_each_climb_that_was_too_early_doubles_the_wait() -> None:
    ladder = Ladder(TOP)
    stays = []
    for rung, group in groupby(
        walked_by(ladder, lambda rung: 0.1 if rung is Rung.FULL else 0.001, 1000)
    ):
        stays.append((rung, len(list(group))))
    shorter = [length for rung, length in stays if rung is Rung.SHORTER]
    assert shorter[:4] == [CALM, 2 * CALM, 4 * CALM, 8 * CALM]
    assert [length for rung, length in stays if rung is Rung.FULL][:3] == [2, 1, 1]


def walked_by(ladder: Ladder, cost: object, steps: int) -> list[Rung]:
    assert callable(cost)
    told = []
    for _ in range(steps):
        told.append(ladder.rung)
        spent = cost(ladder.rung)
        ladder.tell(Seconds(spent), BUDGET, late=spent > BUDGET)
    return told


def test_only_hopeless_steps_lead_to_holding() -> None:
    rungs = (Rung.FULL, Rung.HOLD)
    bad, hopeless = 3 * BUDGET, (HOPELESS + 1) * BUDGET
    assert Rung.HOLD not in walked(Ladder(rungs), [bad] * 200)
    assert walked(Ladder(rungs), [hopeless] * (IN_A_ROW + 1))[-1] is Rung.HOLD
    mixed = [hopeless, hopeless, hopeless, bad] * 20
    assert Rung.HOLD not in walked(Ladder(rungs), mixed)


def test_a_fault_goes_down_at_once() -> None:
    ladder = Ladder((Rung.FULL, Rung.HOLD))
    ladder.tell(Seconds(0.001), BUDGET, late=False, fault=True)
    assert ladder.rung is Rung.HOLD
