"""Asking a generator, and what is compared of its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ripieno.clock import Beats, VirtualClock
from ripieno.events import Note, Planned, Request, Sounding
from ripieno.grammar.grid import Cursor
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.grammars import Player
from ripieno.inference.onnx_model import StepModel
from ripieno.settings import Settings

CLOCK = VirtualClock()


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
    return Note(voice, pitch, velocity, Beats(onset), None if duration is None else Beats(duration))


SCALE = tuple(note(0, pitch, i, 1.0) for i, pitch in enumerate((72, 74, 76, 74, 72, 71, 72, 67)))


def plan(generator: Player, asked: Request) -> list[Planned]:
    return list(generator.plan(asked, CLOCK))


def music(steps: list[Planned]) -> list[tuple[float, tuple[Sounding, ...], tuple[str, ...]]]:
    """All that is heard of `steps`; how long they took is not."""
    return [(step.begin, step.voices, step.relaxed) for step in steps]


def state(generator: Generator) -> bytes:
    """The model's state after all of the log."""
    generator.context.catch_up()
    model = generator.context.model
    assert isinstance(model, StepModel)
    return model.snapshot().tobytes()


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
