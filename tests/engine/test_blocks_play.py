"""The whole engine in virtual time with models of blocks, and a knob that is turned meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ripieno.cli.regenerate import steps_differ
from ripieno.clock import Beats
from ripieno.commands import Turn
from ripieno.events import Planned
from ripieno.inference.bundle import check
from ripieno.inference.grammars import Player, player_of
from ripieno.inference.link import ModelSpec
from ripieno.inference.opening import open_model
from ripieno.preset import phrases
from ripieno.preset.preset import Preset
from ripieno.render import render
from ripieno.settings import Blocks, Horizon, Mode, Rules, Sampling, Settings, Strength, Turns
from ripieno.stage import Stage
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import NoteEnded, NoteStarted, Source, read

from tests.engine.block_bundles import BlockRecipe, write_block_bundle
from tests.fakes import FakeInference, FakeStage

RECIPES = {
    "latent": BlockRecipe(),
    "codes": BlockRecipe(codes=True),
    "roll": BlockRecipe(roll=True, hears=False),
}


@pytest.mark.parametrize("mode", [Mode.SOLO, Mode.ANSWER])
@pytest.mark.parametrize("kind", list(RECIPES))
def test_a_performance_is_whole_and_can_be_made_again(
    kind: str, mode: Mode, tmp_path: Path
) -> None:
    bundle = write_block_bundle(tmp_path / kind, RECIPES[kind])
    for name in ("a", "b"):
        stage = Stage(
            preset=Preset(name="test", settings=Settings(mode=mode, turns=Turns(bars=2))),
            model=ModelSpec(bundle, "fp32"),
            seed=phrases.load_phrase("old-hundredth"),
            soundfont=Path("none.sf2"),
            take=tmp_path / f"{name}.take",
            log=tmp_path / "log",
            guest=0 if mode is Mode.SOLO else None,
            bars=8,
        )
        render(stage)
    assert (tmp_path / "a.take").read_bytes() == (tmp_path / "b.take").read_bytes()
    take = read(tmp_path / "a.take")
    started = [fact for fact in take.facts if isinstance(fact, NoteStarted)]
    ended = [fact for fact in take.facts if isinstance(fact, NoteEnded)]
    assert any(fact.source is Source.MODEL for fact in started)
    key = Counter((fact.source, fact.voice, fact.channel, fact.pitch) for fact in started)
    assert key == Counter((fact.source, fact.voice, fact.channel, fact.pitch) for fact in ended)
    assert steps_differ(take, bundle) is None
    assert first_difference(take) is None


class Real(FakeInference):
    """Inference without a process: the player of a bundle answers."""

    def __init__(self, player: Player, clock: object) -> None:
        super().__init__()
        self.player, self.clock = player, clock

    def answers(self) -> Iterator[Planned]:
        queue, self._queue = self._queue, []
        newest = max((request.epoch for request in queue), default=0)
        for request in queue:
            for planned in self.player.plan(request, self.clock):  # type: ignore[arg-type]
                if request.epoch == newest:
                    yield planned


def test_a_knob_is_heard_from_the_commit_horizon_on(tmp_path: Path) -> None:
    """Direction 1 leads to the soprano's lowest pitch, direction 2 to the one above."""
    settings = Settings(
        mode=Mode.SOLO,
        rules=Rules(parallels=Strength.OFF, spacing=Strength.OFF, longest_loop=16),
        sampling=Sampling(temperature=0.1),
        horizon=Horizon(commit=Beats(1.0), lookahead=Beats(4.0)),
        blocks=Blocks(variation=0.0, directions=(3.0, 0.0, 0.0, 0.0)),
    )
    stage = FakeStage(settings)
    bundle = write_block_bundle(tmp_path / "blocks", BlockRecipe(sharp=12.0))
    real = Real(player_of(open_model(check(bundle))), stage.clock)
    stage.inference = real
    stage.show.front.acting.ask = real.ask
    stage.play()
    stage.run_to(18.5)
    for name, value in (("direction_1", -3.0), ("direction_2", 3.0)):
        stage.show.wish(Turn(name, value), stage.clock.now())
    stage.settle()
    stage.run_to(24)
    sung = [(beat, pitch) for voice, pitch, beat in stage.machine() if voice == 0]
    low = settings.rules.ranges[0][0]
    assert {pitch for beat, pitch in sung if beat < 19.5} == {low}
    assert {pitch for beat, pitch in sung if beat >= 19.75} == {low + 1}
    assert len(sung) >= 20
