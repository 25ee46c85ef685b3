"""A performance with real processes, and what the one who started it sees of it."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ripieno import resources
from ripieno.channel import Closed
from ripieno.client import Client
from ripieno.clock import Beats
from ripieno.commands import Command, Seed
from ripieno.events import Note, Phase, Telemetry
from ripieno.inference.link import ModelSpec
from ripieno.preset.preset import Preset, load_preset
from ripieno.routing import InputKind, InputSpec, OutputKind, OutputSpec, Routing
from ripieno.settings import Horizon, Mode, Settings, Turns
from ripieno.stage import Stage
from ripieno.takes import take

from tests.engine.bundles import Recipe, write_bundle
from tests.live.processes import the_child

OUT, IN = "ripieno:out", "ripieno-in:in"
"""The names of our ports, as JACK shows them."""
SHIPPED = "chorale-lstm"
TUNE = (67, 69, 71, 72)
PATIENCE = 60.0
"""Seconds that a busy machine may take for what is soon there on another one."""


def virtual_ports() -> Routing:
    """Our own ports and nothing else, the player's notes through."""
    return Routing(
        outputs=(OutputSpec(OutputKind.VIRTUAL),), inputs=(InputSpec(InputKind.VIRTUAL),)
    )


def quick(mode: Mode, bpm: float = 240.0, **rest: Any) -> Settings:
    """Settings at a fast tempo, answers a bar long, so that a test is soon over."""
    turns = Turns(after_beats=Beats(0.5), bars=1)
    horizon = Horizon(commit=Beats(0.25), lookahead=Beats(2.0), budget_ms=200.0)
    if mode is Mode.ACCOMPANY:
        horizon = Horizon(commit=Beats(0.0), lookahead=Beats(1.0), budget_ms=200.0)
    return Settings(mode=mode, bpm=bpm, **{"turns": turns, "horizon": horizon, **rest})


def seed_of(pitches: Sequence[int] = TUNE) -> Seed:
    """A seed phrase of quarter notes for the soprano."""
    line = [
        Note(0, pitch, 90, Beats(float(beat)), Beats(1.0)) for beat, pitch in enumerate(pitches)
    ]
    return Seed("a test's tune", tuple(line))


def stage_of(
    folder: Path,
    bundle: Path,
    settings: Settings,
    *,
    routing: Routing | None = None,
    guest: int | None = 0,
    bars: int | None = None,
) -> Stage:
    """A stage whose files lie in `folder`."""
    preset: Preset = replace(
        load_preset("daw"), settings=settings, routing=routing or virtual_ports()
    )
    return Stage(
        preset=preset,
        model=ModelSpec(bundle, "auto"),
        seed=seed_of(),
        soundfont=resources.soundfont_path(),
        take=folder / "show.take",
        log=folder / "engine.log",
        guest=guest,
        bars=bars,
    )


class Show:
    """A running performance. `seen` is all telemetry that was read."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = Client(stage)
        self.seen: list[Telemetry] = []
        self.over = False

    @property
    def realtime(self) -> int:
        return self.client.processes["realtime"]

    @property
    def guard(self) -> int:
        return self.client.processes["guard"]

    @property
    def inference(self) -> int:
        """The process number of the model's process, the newest one."""
        return the_child(self.realtime, "the model's process")

    @property
    def notices(self) -> list[str]:
        """All that the player was told, in order."""
        told = {n.number: n.text for telemetry in self.seen for n in telemetry.notices}
        return [text for _, text in sorted(told.items())]

    def send(self, *commands: Command) -> None:
        for command in commands:
            self.client.send(command)

    def until(
        self, true: Callable[[Telemetry], bool], what: str, seconds: float = PATIENCE
    ) -> Telemetry:
        """Read telemetry until one shows `true`; fail when none does."""
        latest = time.monotonic() + seconds
        while time.monotonic() < latest:
            telemetry = self._read()
            if telemetry is not None and true(telemetry):
                return telemetry
            if self.over:
                break
        last = self.seen[-1] if self.seen else None
        told = f"{last.phase}, beat {last.beat:.2f}, {self.notices}" if last else "nothing"
        pytest.fail(f"{what} was not seen; the last that was seen: {told}")

    def until_over(self, seconds: float = PATIENCE) -> None:
        """Read until the performance has said its last word, or is gone."""
        latest = time.monotonic() + seconds
        while not self.over:
            if time.monotonic() > latest:
                pytest.fail("the performance did not end")
            self._read()

    def _read(self) -> Telemetry | None:
        select.select([self.client], [], [], 0.1)
        try:
            telemetry = self.client.latest()
        except Closed:
            self.over = True
            return None
        if telemetry is not None:
            self.seen.append(telemetry)
            self.over = telemetry.ended
        return telemetry

    def ready(self) -> Telemetry:
        """Wait until the music may begin: ports are open, the model is loaded."""
        return self.until(lambda t: t.playing and t.phase is not Phase.STOPPED, "the start")

    def in_phase(self, phase: Phase) -> Telemetry:
        return self.until(lambda t: t.phase is phase, f"the phase {phase}")

    def beats_on(self, beats: float) -> Telemetry:
        """Wait until the score is so many beats further than it is now."""
        for _ in range(2):  # the first may have waited to be read
            begin = self.until(lambda t: True, "what is played").beat
        return self.until(lambda t: t.beat >= begin + beats, f"{beats:g} more beats")

    def take(self) -> take.Take:
        """The journal, as far as it is written."""
        return take.read(self.stage.take)


@contextmanager
def show(stage: Stage) -> Iterator[Show]:
    """Start a performance, wait for its music, and end it whatever happens."""
    started = Show(stage)
    try:
        started.ready()
        yield started
    finally:
        started.client.close()


def tiny_bundle(folder: Path) -> Path:
    """A small model with random weights: for what is about processes, not about music."""
    return write_bundle(folder, Recipe(int8=True, rest_bias=-4.0))


def best_bundle(folder: Path) -> Path:
    """The model that ships; the tiny one where it is not there."""
    return resources.bundles().get(SHIPPED) or tiny_bundle(folder)
