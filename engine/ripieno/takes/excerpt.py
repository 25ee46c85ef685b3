"""The last bars of a score, as a score of their own. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from ripieno.clock import GRID_TOLERANCE, Beats
from ripieno.errors import SettingError
from ripieno.score import Part, PartNote, Score

MOST = 10_000
"""Bars."""


class _Mark(Protocol):
    """Something that holds from its beat on. A dataclass."""

    @property
    def beat(self) -> Beats: ...


MarkT = TypeVar("MarkT", bound=_Mark)


def last_bars(score: Score, bars: int) -> Score:
    """The last `bars` bars (1…10000) up to the bar line that closes the last note, from beat 0.

    Bars are counted in the meter in force at the end. What sounds across the first bar line
    begins there; tempo, meter, pedals and wheels stand as they stood. Raises SettingError.
    """
    if not 1 <= bars <= MOST:
        raise SettingError(f"the last {bars} bars cannot be saved", allowed=f"1…{MOST}")
    meter = score.meters[-1] if score.meters else None
    bar = Beats(meter.meter.bar if meter else 4.0)
    line = meter.beat if meter else Beats(0.0)
    end = Beats(line + math.ceil((score.end - line - GRID_TOLERANCE) / bar) * bar)
    begin = Beats(max(0.0, end - bars * bar))
    return cut(score, begin)


def cut(score: Score, begin: Beats) -> Score:
    """What is heard from `begin` on, with `begin` as beat 0."""
    return Score(
        tuple(part for part in (_cut_part(part, begin) for part in score.parts) if part.notes),
        _standing(score.tempos, begin, lambda mark: 0),
        _standing(score.meters, begin, lambda mark: 0),
        _standing(score.controls, begin, lambda mark: (mark.channel, mark.controller)),
        _standing(score.bends, begin, lambda mark: mark.channel),
        _standing(score.programs, begin, lambda mark: mark.channel),
    )


def _cut_part(part: Part, begin: Beats) -> Part:
    notes = tuple(_cut_note(note, begin) for note in part.notes if _end(note) > begin)
    return replace(part, notes=notes)


def _cut_note(note: PartNote, begin: Beats) -> PartNote:
    onset = Beats(max(note.onset, begin))
    return replace(note, onset=Beats(onset - begin), duration=Beats(_end(note) - onset))


def _end(note: PartNote) -> Beats:
    return Beats(note.onset + note.duration)


def _standing(
    marks: Iterable[MarkT], begin: Beats, what: Callable[[MarkT], Hashable]
) -> tuple[MarkT, ...]:
    """The marks from `begin` on, and before them, for each `what`, the last one before."""
    before: dict[Hashable, MarkT] = {}
    after: list[MarkT] = []
    for mark in sorted(marks, key=lambda mark: mark.beat):
        if mark.beat <= begin:
            before[what(mark)] = mark
        else:
            after.append(mark)
    return tuple(_moved(mark, begin) for mark in (*before.values(), *after))


def _moved(mark: MarkT, begin: Beats) -> MarkT:
    moved: MarkT = replace(mark, beat=Beats(max(0.0, mark.beat - begin)))  # type: ignore[type-var]
    return moved
