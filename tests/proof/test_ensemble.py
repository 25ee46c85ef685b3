"""Several models with real processes: one that dies or is slow leaves the others playing."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import Beats
from ripieno.commands import Choose, Front, Panic, Play, Quit
from ripieno.ensemble import Member
from ripieno.events import Rung, Telemetry
from ripieno.inference.link import ModelSpec
from ripieno.routing import Routing
from ripieno.settings import Horizon, Mode, Sampling, Settings
from ripieno.stage import Seat, Stage
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import read

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.jackd import Heard, JackServer, until
from tests.live import score_reader
from tests.live.processes import children
from tests.live.show import OUT, quick, show, stage_of, virtual_ports
from tests.proof.reader import notes_only, ons

pytestmark = pytest.mark.real_part

CHANNELS = ((0, 1, 2, 3), (5, 6, 7, 8), (10, 11, 12, 13))


def ensemble(folder: Path, bundles: list[Path], settings: list[Settings]) -> Stage:
    """Each bundle on four channels of its own, all in solo, hearing nobody."""
    stage = stage_of(folder, bundles[0], settings[0])
    seats = tuple(
        Seat(
            member=Member(name=f"m{place}", settings=own, hears=()),
            model=ModelSpec(bundle, "auto"),
            routing=routing_of(place),
        )
        for place, (bundle, own) in enumerate(zip(bundles, settings, strict=True))
    )
    return replace(stage, ensemble=seats)


def routing_of(place: int) -> Routing:
    return replace(virtual_ports(), channels=CHANNELS[place])


def on_channels(heard: list[Heard], place: int) -> int:
    return sum(score_reader.channel(m) in CHANNELS[place] for m in ons(heard))


def test_three_play_through_one_port_and_the_death_of_one_is_its_own(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    stage = ensemble(tmp_path, [tiny, other, tiny], [quick(Mode.SOLO)] * 3)
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        running.until(lambda t: t.beat > 6 and all(p.steps > 8 for p in t.partners), "all play")
        assert len(children(running.realtime)) == 3
        told = [partner.settings.sampling.seed for partner in running.seen[-1].partners]
        assert told == [seat.member.settings.sampling.seed for seat in stage.seats]
        victim = min(children(running.realtime))
        os.kill(victim, signal.SIGKILL)
        running.until(lambda t: any("stopped" in n.text for n in t.notices), "the news")
        (news,) = (text for text in running.notices if "stopped" in text)
        named = int(news[1])
        before = [p.steps for p in running.seen[-1].partners]
        running.until(lambda t: grown(t, before, 24), "steps of all of them again")
        others = [p for place, p in enumerate(running.seen[-1].partners) if place != named]
        running.send(Panic())
        running.until(lambda t: not t.playing and t.sounding == 0, "silence")
        running.send(Play())
        running.until(lambda t: t.playing and t.sounding > 6, "music again")
        running.send(Quit())
        running.until_over()
    heard = notes_only(dump.heard)
    assert all(on_channels(heard, place) > 8 for place in range(3))
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
    assert all(other.model.startswith("test-lstm") for other in others)
    assert first_difference(read(stage.take)) is None


def grown(telemetry: Telemetry, before: list[int], by: int) -> bool:
    return all(p.steps > b + by for p, b in zip(telemetry.partners, before, strict=True))


def test_the_ladder_acts_on_the_one_that_is_slow(tmp_path: Path, tiny: Path) -> None:
    slow = write_bundle(tmp_path / "slow", Recipe(hidden=1400, layers=2))
    hasty = Horizon(commit=Beats(0.25), lookahead=Beats(2.0), budget_ms=4.0)
    calm = quick(Mode.SOLO, bpm=100.0)
    stage = ensemble(
        tmp_path,
        [slow, tiny],
        [replace(calm, horizon=hasty, sampling=Sampling(candidates=4)), calm],
    )
    with show(stage) as running:
        running.until(
            lambda t: bool(t.partners) and t.partners[0].rung in (Rung.HOLD, Rung.REST),
            "a low rung",
        )
        seen = running.until(lambda t: t.partners[1].steps > 32, "music of the other one")
        running.send(Quit())
        running.until_over()
    late, quick_one = seen.partners
    assert late.missed > 0
    full = [t.partners[1].rung is Rung.FULL for t in running.seen if len(t.partners) == 2]
    assert all(full), "a slow one takes nothing from the other"
    assert quick_one.missed <= 2  # a busy machine may lose one
    assert first_difference(read(stage.take)) is None


def test_the_model_of_the_one_in_front_is_changed_while_all_play(
    tmp_path: Path, tiny: Path
) -> None:
    other = write_bundle(tmp_path / "other", Recipe(seed=3, rest_bias=-4.0))
    stage = ensemble(tmp_path, [tiny, tiny], [quick(Mode.SOLO)] * 2)
    with show(stage) as running:
        running.until(lambda t: t.beat > 4 and all(p.steps > 8 for p in t.partners), "all play")
        before = set(children(running.realtime))
        running.send(Front(1), Choose("model", str(other)))
        running.until(lambda t: t.front == 1, "the second in front")
        until(lambda: len(before - set(children(running.realtime))) == 1, "the old one to go")
        steps = [p.steps for p in running.seen[-1].partners]
        running.until(lambda t: grown(t, steps, 20), "steps of both")
        running.send(Quit())
        running.until_over()
    assert first_difference(read(stage.take)) is None
