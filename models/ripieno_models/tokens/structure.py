"""How tunes are built: what comes again, how halves answer each other, how parts close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import log
from statistics import mean, median

from ripieno_models.tokens.tune import Tune

PART = 8
"""Bars."""
ANSWERS = 0.25
"""The share of bars that the second half of a tune takes from the first, if it answers it."""
Bar = tuple[tuple[int, int, int], ...]
"""A bar's notes as (place, pitch, duration)."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Means over tunes; shares are 0…1.

    `repeated`: bars that came before in their tune, note for note. `answering`: tunes that take a
    quarter or more of the bars of their second half from the first. `closing`: eight-bar parts
    whose last bar has fewer notes than the tune's median bar; `resting`: all other bars that have.
    `whole_parts`: tunes of a multiple of eight bars. `bars`, `notes_per_bar`: as they say.
    """

    repeated: float
    answering: float
    closing: float
    resting: float
    whole_parts: float
    bars: float
    notes_per_bar: float


def structure(tunes: Sequence[Tune]) -> Structure:
    """The figures of `tunes` of at least two bars each. Raises ValueError without any."""
    cut = [bars for tune in tunes if len(bars := bars_of(tune)) > 1]
    if not cut:
        raise ValueError("there is no tune of two bars or more")
    ends = [bar for bars in cut for bar in closings(bars)]
    others = [bar for bars in cut for bar in between(bars)]
    return Structure(
        repeated=mean(repeated(bars) for bars in cut),
        answering=mean(answers(bars) for bars in cut),
        closing=mean(ends) if ends else 0.0,
        resting=mean(others) if others else 0.0,
        whole_parts=mean(len(bars) % PART == 0 for bars in cut),
        bars=mean(map(len, cut)),
        notes_per_bar=mean(len(bar) for bars in cut for bar in bars),
    )


def bars_of(tune: Tune) -> list[Bar]:
    """The bars of a tune. A first bar that is no more than half full is a pickup, and left out; a
    last bar that such a pickup would fill is whole."""
    length = tune.bar
    bars: list[list[tuple[int, int, int]]] = [[] for _ in range(tune.bars)]
    for note in tune.notes:
        bars[note.onset // length].append((note.onset % length, note.pitch, note.duration))
    if bars and bars[0] and bars[0][0][0] >= length / 2:
        bars = bars[1:]
    return [tuple(bar) for bar in bars]


def repeated(bars: Sequence[Bar]) -> float:
    """The share of bars that came before."""
    return sum(bar in bars[:place] for place, bar in enumerate(bars) if bar) / len(bars)


def answers(bars: Sequence[Bar]) -> bool:
    """Whether the second half takes up the first."""
    half = len(bars) // 2
    first, second = bars[:half], bars[half:]
    return sum(bar in first for bar in second if bar) >= ANSWERS * len(second)


def closings(bars: Sequence[Bar]) -> list[bool]:
    """For the last bar of each eight-bar part, whether it comes to rest."""
    usual = median(map(len, bars))
    return [len(bars[place]) < usual for place in range(PART - 1, len(bars), PART)]


def between(bars: Sequence[Bar]) -> list[bool]:
    """The same for all other bars."""
    usual = median(map(len, bars))
    return [len(bar) < usual for place, bar in enumerate(bars) if place % PART != PART - 1]


WORDS = {
    "repeated": "bars that came before in their tune",
    "answering": "tunes whose second half answers the first",
    "closing": "eight-bar parts that close in a bar with fewer notes than usual",
    "resting": "other bars with fewer notes than usual",
    "whole_parts": "tunes of a multiple of eight bars",
    "bars": "bars per tune",
    "notes_per_bar": "notes per bar",
}


def table(columns: dict[str, Structure]) -> str:
    """Figures side by side, as Markdown."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for item in fields(Structure):
        cells = [f"{getattr(told, item.name):.2f}" for told in columns.values()]
        lines.append(f"| {WORDS[item.name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def distances(these: Sequence[Tune], those: Sequence[Tune]) -> dict[str, float]:
    """Jensen–Shannon divergences (nats) of durations, intervals, and places in the bar."""
    return {
        name: divergence(
            Counter(value for tune in these for value in values(tune)),
            Counter(value for tune in those for value in values(tune)),
        )
        for name, values in (("durations", durations), ("intervals", intervals), ("places", places))
    }


def durations(tune: Tune) -> list[int]:
    """How long each note is, in sixteenths."""
    return [note.duration for note in tune.notes]


def intervals(tune: Tune) -> list[int]:
    """How far each note lies from the one before, in semitones."""
    return [after.pitch - before.pitch for before, after in pairwise(tune.notes)]


def places(tune: Tune) -> list[int]:
    """Where in its bar each note begins, in sixteenths."""
    return [note.onset % tune.bar for note in tune.notes]


def divergence(one: Counter[int], other: Counter[int]) -> float:
    """Jensen–Shannon divergence of two counts, in nats: 0 for equal shares, ln 2 at most."""
    totals = one.total(), other.total()
    told = 0.0
    for key in one.keys() | other.keys():
        shares = one[key] / totals[0], other[key] / totals[1]
        middle = sum(shares) / 2
        told += sum(share * log(share / middle) / 2 for share in shares if share)
    return told
