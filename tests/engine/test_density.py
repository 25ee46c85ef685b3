from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.events import Planned
from ripieno.inference import density
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.settings import Key, Rules, Settings, Strength

from tests.engine.asking import SCALE, music, plan, request
from tests.engine.rule_checker import Played, violations

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "zoo" / "chorale-lstm"
HARD = Rules(
    spacing=Strength.HARD,
    key=Key.parse("C major"),
    key_lock=Strength.HARD,
    max_leap=9,
)


@pytest.fixture(scope="module")
def model() -> Model:
    return open_model(load_manifest(SHIPPED), "int8")


def onsets(steps: list[Planned]) -> float:
    """Per beat and voice."""
    struck = [v.struck for step in steps for v in step.voices]
    return 4 * sum(struck) / len(struck)


@pytest.mark.parametrize("target", [0.25, 0.5, 1.0, 2.0, 3.0])
def test_onsets_come_near_the_target_and_hard_rules_stay_hard(model: Model, target: float) -> None:
    generator = Generator(model)
    asked = request(0, 0, 64, fresh=True, density=target, settings=Settings(rules=HARD))
    steps = plan(generator, asked)
    assert onsets(steps) == pytest.approx(target, rel=0.15, abs=0.08)
    played = [
        Played(e.step, tuple(v for v in e.voices if v is not None), frozenset(range(4)), HARD)
        for e in generator.context.entries
    ]
    assert violations(played) == []


def test_it_is_there_within_a_few_beats(model: Model) -> None:
    generator = Generator(model)
    plan(generator, request(0, 0, 16, fresh=True))
    busy = plan(generator, request(16, 16, 24, density=3.0))
    calm = plan(generator, request(24, 24, 32, density=0.3))
    assert onsets(busy) > 2.0
    assert onsets(calm) < 0.8


def test_without_a_target_nothing_is_changed(model: Model) -> None:
    def perform(density: float | None) -> object:
        generator = Generator(model)
        plan(generator, request(0, 0, 4, fresh=True, density=density))
        return music(plan(generator, request(4, 4, 8)))

    def plain() -> object:
        generator = Generator(model)
        plan(generator, request(0, 0, 4, fresh=True))
        return music(plan(generator, request(4, 4, 8)))

    assert perform(None) == plain() != perform(3.0)


def test_only_the_machines_voices_are_counted(model: Model) -> None:
    generator = Generator(model)
    steps = plan(generator, request(0, 0, 8, fresh=True, density=2.0, heard=SCALE, player=(0,)))
    assert onsets(steps) == pytest.approx(2.0, rel=0.35)
    assert generator.context.hand.lean[0] == 0.0


def test_a_rewind_takes_the_lean_back(model: Model) -> None:
    generator = Generator(model)
    plan(generator, request(0, 0, 4, fresh=True, density=2.0))
    lean = generator.context.hand.lean
    plan(generator, request(4, 4, 8, density=0.2))
    assert generator.context.hand.lean != lean
    generator.context.rewind(16)
    assert generator.context.hand.lean == lean


def test_the_lean_stays_within_bounds_and_settles() -> None:
    lean = 0.0
    for _ in range(1000):
        lean = density.moved(lean, 4.0, False)
    assert lean == density.FARTHEST
    for _ in range(1000):
        lean = density.moved(lean, 0.0, True)
    assert lean == -density.FARTHEST
    assert density.guess(density.NATURAL) == 0.0
    assert density.guess(0.0) < density.guess(1.0) < density.guess(4.0)
