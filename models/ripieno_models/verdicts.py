"""A judgement as a table that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno_models.card_parts import heading, row

LABELS = {
    "parallels": "parallel fifths and octaves per 100 chord changes",
    "hidden": "hidden fifths and octaves of the outer voices, the same",
    "crossings": "share of sixteenths with crossed voices",
    "spacing": "share of sixteenths with neighbours too far apart",
    "outside_range": "share of notes outside the voices' ranges",
    "large_leaps": "share of moves larger than a fifth",
    "beyond_octave": "share of moves larger than an octave",
    "notes_per_quarter": "notes per quarter and voice",
    "cadences": "share of fermatas that are cadences",
    "copied": "share of runs of five chords that stand in a training piece",
    "longest_copy": "longest such run, in chords",
    "milliseconds": "milliseconds per sixteenth",
}


def table(told: Mapping[str, Any]) -> str:
    """A judgement as a table: one row for each figure, one column for each way of writing."""
    verdicts: Mapping[str, Mapping[str, Any]] = told["verdicts"]
    lines = heading(list(verdicts))
    for key, label in LABELS.items():
        lines.append(row(label, [cell(verdict[key]) for verdict in verdicts.values()]))
    for kind, limit in told["real against real"].items():
        cells = [cell(verdict["distances"][kind]) for verdict in verdicts.values()]
        label = f"distance of {kind} from Bach, bits (real from real: {limit:.4f})"
        lines.append(row(label, cells))
    return "\n".join(lines)


def cell(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
