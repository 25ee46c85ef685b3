"""The phrases that were heard last, as a model's encoder hears them: in blocks of bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ripieno.events import Sounding
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST, STEPS_PER_BEAT, VOICES, token_of
from ripieno.inference.blocks.model import UNKNOWN

Ints = NDArray[np.int64]
Row = tuple[int, ...]
"""A token of the grid for each voice, `UNKNOWN` where nobody told."""
SHORTEST, FEWEST = STEPS_PER_BEAT, 2
"""Sixteenths, and notes, that make a phrase; less is a correction."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Phrase:
    """Successive `rows`, the first at the sixteenth `begin` of the score."""

    begin: int
    rows: tuple[Row, ...]

    @property
    def end(self) -> int:
        return self.begin + len(self.rows)

    def number(self, wanted: int, span: int) -> int:
        """Which of its blocks of `span` sixteenths answers to the block `wanted` of the score: the
        same one if it reaches there, else they come round again and again."""
        first, last = self.begin // span, (self.end - 1) // span
        if first <= wanted <= last:
            return wanted
        full = [n for n in range(first, last + 1) if 2 * self._inside(n, span) >= span]
        full = full or [max(range(first, last + 1), key=lambda n: self._inside(n, span))]
        return full[(wanted - full[0]) % len(full)]

    def block(self, number: int, span: int, steps: int) -> Ints:
        """[steps, 4]: its tokens in the block `number`, which has `span` of these sixteenths."""
        first = number * span
        before = self.rows[: max(0, first - self.begin)]
        rows = (self._row(step) for step in range(first, first + span))
        return tokens_of(rows, steps, sounding(before))

    def _inside(self, number: int, span: int) -> int:
        return min(self.end, (number + 1) * span) - max(self.begin, number * span)

    def _row(self, step: int) -> Row:
        return self.rows[step - self.begin] if self.begin <= step < self.end else NOTHING


NOTHING: Row = (UNKNOWN,) * len(VOICES)


def sounding(rows: Sequence[Row]) -> Row:
    """What sounds after `rows`: a token that strikes it, REST, or `UNKNOWN`."""
    found = list(NOTHING)
    for voice in range(len(VOICES)):
        told = (row[voice] for row in reversed(rows) if row[voice] != HOLD)
        found[voice] = next(told, UNKNOWN)
    return tuple(found)


def tokens_of(rows: Iterable[Row], steps: int, before: Row = NOTHING) -> Ints:
    """[steps, 4] of `rows`, of which there are no more than that, after what sounds `before`.

    What is held into the first of them is struck there, as the trainer does; a hold of nothing is
    unknown.
    """
    tokens = np.full((steps, len(VOICES)), UNKNOWN, np.int64)
    for place, row in enumerate(rows):
        for voice, token in enumerate(row):
            last = tokens[place - 1, voice] if place else before[voice]
            known = token != HOLD or (place and last not in (REST, UNKNOWN))
            struck = last if not place and last != REST else UNKNOWN
            tokens[place, voice] = token if known else struck
    return tokens


class Phrases:
    """What others than the machine have played, sixteenth by sixteenth."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._found: tuple[Phrase | None, Phrase | None] | None = None

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._found = None

    def forget(self, since: int) -> None:
        """Forget the sixteenth `since` and all after it."""
        for step in [step for step in self._rows if step >= since]:
            del self._rows[step]
            self._found = None

    def tell(self, step: int, voices: Sequence[Sounding]) -> None:
        """In `step` these `voices` did just that; the others are unknown."""
        row = [UNKNOWN] * len(VOICES)
        for each in voices:
            row[each.voice] = self._token(step, each)
        self._rows[step] = tuple(row)
        self._found = None
        if len(self._rows) > _REMEMBERED:
            for old in sorted(self._rows)[: _REMEMBERED // 2]:
                del self._rows[old]

    def told_until(self, begin: int, end: int) -> int:
        """The sixteenth after the last of [begin, end) that others played; `begin` if none."""
        return max((step + 1 for step in range(begin, end) if step in self._rows), default=begin)

    def last_two(self) -> tuple[Phrase | None, Phrase | None]:
        """The phrase that was heard last, and the one before it."""
        if self._found is None:
            found: list[Phrase | None] = [*self._phrases(2), None, None]
            self._found = found[0], found[1]
        return self._found

    def _phrases(self, most: int) -> list[Phrase]:
        """Stretches without a gap, the last one first."""
        found: list[Phrase] = []
        steps = sorted(self._rows, reverse=True)
        end = 0
        for place, step in enumerate(steps):
            if place + 1 < len(steps) and steps[place + 1] == step - 1:
                continue
            rows = tuple(self._rows[s] for s in reversed(steps[end : place + 1]))
            struck = sum(token >= FIRST_PITCH and token != UNKNOWN for row in rows for token in row)
            if len(rows) >= SHORTEST and struck >= FEWEST:
                found.append(Phrase(step, rows))
            if len(found) == most:
                break
            end = place + 1
        return found

    def _token(self, step: int, told: Sounding) -> int:
        if told.pitch is None:
            return REST
        before = self._rows.get(step - 1, NOTHING)[told.voice]
        goes_on = not told.struck and before not in (REST, UNKNOWN)
        return HOLD if goes_on else token_of(told.pitch)
