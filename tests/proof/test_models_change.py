"""Another model takes over in the middle of a chord, comes to nothing, or dies on its way."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from ripieno.commands import Choose, Quit
from ripieno.settings import Mode

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.jackd import JackServer, until
from tests.live import score_reader
from tests.live.processes import children
from tests.live.show import OUT, Show, quick, show, stage_of
from tests.proof.reader import notes_only, ons

pytestmark = pytest.mark.real_part

ROUNDS = 4


def test_models_take_turns(tmp_path: Path, tiny: Path, mortal_jackd: JackServer) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        for number in range(ROUNDS):
            running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
            change(running, tiny if number % 2 else other)
        assert not [text for text in running.notices if "stopped" in text]
        running.send(Quit())
        running.until_over()
    assert "Traceback" not in stage.log.read_text(errors="replace")
    heard = notes_only(dump.heard)
    assert len(ons(heard)) > 16
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []


def change(running: Show, bundle: Path) -> None:
    """Until the other model has played on for a bar."""
    before = running.inference
    running.send(Choose("model", str(bundle)))
    running.until(lambda _: before not in children(running.realtime), "the new model")
    steps = running.seen[-1].steps
    running.until(lambda t: t.steps > steps + 16, "steps from it")


@pytest.mark.parametrize("victim", ["the one that plays", "the one that comes"])
def test_one_of_them_is_killed_meanwhile(
    victim: str, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
        plays = running.inference
        running.send(Choose("model", str(other)))
        until(lambda: len(children(running.realtime)) == 2, "a second model's process")
        (comes,) = (pid for pid in children(running.realtime) if pid != plays)
        os.kill(plays if victim == "the one that plays" else comes, signal.SIGKILL)
        running.until(lambda t: any("stopped" in n.text for n in t.notices), "the news")
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps > steps + 24, "steps of a model", 30)
        running.send(Quit())
        running.until_over()
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
