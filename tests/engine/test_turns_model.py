"""Turns with a real model behind them: what is drawn anew keeps the hard rules, and it comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import VirtualClock
from ripieno.commands import Loop, Mutate, Undo
from ripieno.events import Phase, Planned, Request
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno.settings import HandOver, Mode, Rules, Sampling, Settings, Strength, Turns

from tests.engine.bundles import write_bundle
from tests.engine.rule_checker import Played, violations
from tests.engine.turns_stage import TurnsStage
from tests.fakes import FakeInference

RULES = Rules(max_leap=5, crossing=Strength.HARD)
TUNE = (67, 69, 71, 72, 74, 72, 71, 67)


class RealInference(FakeInference):
    """Inference as it is, in the same thread: a generator that takes no time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.generator = Generator(open_model(check(folder), "auto"))
        self.drawn: dict[int, set[int]] = {}

    def answers(self) -> Iterator[Planned]:
        queue, self._queue = self._queue, []
        newest = max((request.epoch for request in queue), default=0)
        for request in queue:
            void = request.epoch < newest
            served = replace(request, end=request.begin) if void else request
            yield from self._served(served)

    def _served(self, request: Request) -> Iterator[Planned]:
        for planned in self.generator.plan(request, VirtualClock()):
            self.drawn[round(planned.begin * 4)] = {told.voice for told in planned.voices}
            yield planned

    def played(self) -> list[Played]:
        """The log as the model knows it, and which voices it decided where."""
        found = []
        for entry in self.generator.context.entries:
            voices = tuple(told for told in entry.voices if told is not None)
            assert len(voices) == 4
            ours = frozenset(self.drawn.get(entry.step, ()))
            found.append(Played(entry.step, voices, ours, RULES))
        return found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "test-lstm")


def played_to(bundle: Path, seed: int = 1, **options: object) -> tuple[TurnsStage, RealInference]:
    turns = Turns(bars=2, **options)  # type: ignore[arg-type]
    sampling = Sampling(seed=seed, temperature=1.2)
    settings = Settings(mode=Mode.ANSWER, bpm=120, turns=turns, rules=RULES, sampling=sampling)
    stage = TurnsStage(settings)
    inference = RealInference(bundle)
    stage.inference = inference
    stage.show.front.acting.ask = inference.ask
    stage.play()
    for place, pitch in enumerate(TUNE):
        stage.play_note(pitch, place / 2, place / 2 + 0.4)
    return stage, inference


@pytest.mark.parametrize("seed", range(6))
def test_mutations_keep_the_hard_rules_at_every_seam(seed: int, bundle: Path) -> None:
    stage, inference = played_to(bundle, seed)
    stage.run_to(6)
    stage.wish(Mutate())
    for place in (14, 22, 30):
        stage.run_to(place)
        stage.wish(Mutate())
    stage.run_to(44.5)
    assert stage.phase is Phase.IDLE
    assert stage.show.missed == 0
    drawn = [played for played in inference.played() if played.ours]
    assert len(drawn) > 4 * 4
    assert violations(inference.played()) == []


def test_what_is_repeated_is_heard_by_the_model_as_it_was_played(bundle: Path) -> None:
    stage, inference = played_to(bundle)
    stage.run_to(6)
    stage.wish(Loop())
    stage.run_to(30)
    stage.wish(Undo(), Loop())
    log = {played.step: [told.pitch for told in played.voices] for played in inference.played()}
    first = [log[step] for step in range(12 * 4, 20 * 4)]
    assert [log[step] for step in range(20 * 4, 28 * 4)] == first
    heard = {(v, p, b - 12) for v, p, b in stage.machine() if 12 <= b < 20}
    assert heard == {(v, p, b - 20) for v, p, b in stage.machine() if 20 <= b < 28}


@pytest.mark.parametrize("policy", list(HandOver))
def test_every_hand_over_brings_an_answer_in_time(policy: HandOver, bundle: Path) -> None:
    stage, inference = played_to(bundle, hand_over=policy)
    stage.wait_for_machine()
    stage.run_to(stage.beat + 20)
    assert stage.phase is Phase.IDLE
    assert stage.show.missed == 0
    assert violations(inference.played()) == []


def test_a_key_that_came_up_is_not_held_in_the_models_mind(bundle: Path) -> None:
    """It was told as held up to the machine's bar, and came up before that."""
    held = 0
    for seed in range(8):
        stage, inference = played_to(bundle, seed, every_bars=1)
        stage.show.stop(stage.clock.now())
        stage.play()
        stage.play_note(60, 8.0, 8.5)
        stage.run_to(10.0)
        stage.strike(66)
        stage.run_to(11.6)  # planned by now
        assert stage.mode.plan is not None
        stage.release(66)
        stage.run_to(11.9)
        log = {played.step: played.voices[0] for played in inference.played()}
        assert log[45].pitch == 66, "up to there it was"
        held += all(log[step].pitch == 66 and not log[step].struck for step in (46, 47))
    assert held < 8, "the model decides anew what comes after it"
