"""What a manifest tells of the music: its grammar, its voices, what goes in and what comes out.

Pure, as all of a manifest's reading. One function for each grammar that the engine knows; for a
grammar that a plug-in brings, what must hold for any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ripieno.grammar.grid import FEATURES, HIGHEST, LOWEST, STEPS_PER_BEAT, VOCABULARY, VOICES
from ripieno.inference.bundle_graphs import Rewind, Tensor, inputs, one_input, one_output, outputs
from ripieno.inference.manifest_table import Table, shown

GRID = "grid"


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """A voice and the range it was trained in, as MIDI numbers."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Music:
    """`order`: voices as they are decided by default. `own`: what only the grammar understands."""

    order: tuple[int, ...]
    voices: tuple[VoiceSpec, ...]
    features: Tensor
    logits: Tensor
    own: Mapping[str, Any] = field(default_factory=dict)


def grid_music(table: Table, rewind: Rewind) -> Music:
    """The grid of this engine: four voices in sixteenths. Raises BundleError."""
    _refuse_growing(table, rewind)
    order = _grid(table.table(GRID))
    voices = voices_of(table)
    if tuple(voice.name for voice in voices) != VOICES:
        named = ", ".join(voice.name for voice in voices)
        raise table.error("voice", f"names {named}", f"{', '.join(VOICES)}, in this order")
    return Music(order, voices, inputs(table, rewind), outputs(table, rewind))


def foreign_music(name: str, table: Table, rewind: Rewind) -> Music:
    """A plug-in's grammar `name`: what it alone understands stands in a table of that name.

    Rows of integers go in, numbers come out, at any widths. Raises BundleError.
    """
    _refuse_growing(table, rewind)
    own = table.table(name).raw()
    voices = voices_of(table)
    order = tuple(VOICES.index(voice.name) for voice in voices)
    return Music(order, voices, one_input(table, rewind), one_output(table, rewind), own)


def _refuse_growing(table: Table, rewind: Rewind) -> None:
    if rewind in (Rewind.GROWING, Rewind.BLOCKS):
        raise table.error("rewind.kind", f"is '{rewind.value}'", "snapshot or length")


def voices_of(table: Table) -> tuple[VoiceSpec, ...]:
    """One voice or more, none twice. Raises BundleError."""
    voices: list[VoiceSpec] = []
    for part in table.tables("voice"):
        low, high = part.whole("low", 0, 127), part.whole("high", 0, 127)
        voices.append(VoiceSpec(part.one_of("name", VOICES), low, high))
        if low > high:
            raise part.error("low", f"is {low}, above high = {high}", "low ≤ high")
        part.end()
    names = [voice.name for voice in voices]
    if len(set(names)) != len(names):
        allowed = f"{', '.join(VOICES)}, in this order"
        raise table.error("voice", f"names {', '.join(names[:8])}", allowed)
    return tuple(voices)


def _grid(table: Table) -> tuple[int, ...]:
    table.same("steps_per_beat", STEPS_PER_BEAT, "the grid of this engine")
    table.same("lowest", LOWEST, "the grid of this engine")
    table.same("highest", HIGHEST, "the grid of this engine")
    table.same("vocabulary", VOCABULARY, "the grid of this engine")
    order = table.texts("order")
    if sorted(order) != sorted(VOICES):
        raise table.error("order", f"is {shown(list(order))}", f"each once of {', '.join(VOICES)}")
    names, known = table.texts("features"), [feature.name for feature in FEATURES]
    for place, (name, right) in enumerate(zip(names, known, strict=False)):
        if name != right:
            found = f"has {shown(name)} at place {place}"
            raise table.error("features", found, f"{right!r} there")
    if len(names) != len(known):
        raise table.error("features", f"has {len(names)} names", f"the {len(known)} of the grid")
    table.end()
    return tuple(VOICES.index(name) for name in order)
