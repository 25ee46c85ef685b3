"""A piece of music on the grid: what every corpus yields and every model of the grid learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from ripieno.grammar.grid import (
    FIRST_PITCH,
    HOLD,
    REST,
    VOICES,
    GridNote,
    decode,
    setting,
    token_of,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
"""Lowest and highest MIDI number of soprano, alto, tenor and bass in the chorales."""


class Split(StrEnum):
    """What a piece is for. The split is by piece, and made before anything is transposed."""

    TRAIN = "train"
    VALID = "valid"
    """To choose between models and to stop."""
    TEST = "test"
    """Looked at once, by the model that ships."""
    UNUSED = "unused"
    """Too near to a piece of another split."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Four voices on a grid of sixteenths; T is the number of steps.

    `tokens` [T, 4] are the grid's HOLD, REST and pitches, in the order soprano, alto, tenor, bass;
    `place` [T] counts steps from the bar line, `bar_steps` [T] is the bar's length in steps;
    `fifths` is the key signature, -7…7, None where it is not told; `fermata` [T] marks the steps
    of notes that carry one.
    """

    name: str
    tokens: Ints
    place: Ints
    bar_steps: Ints
    fifths: int | None
    fermata: Bools
    split: Split = Split.TRAIN

    def __len__(self) -> int:
        return len(self.tokens)

    def notes(self) -> list[GridNote]:
        """The notes that the tokens tell."""
        return decode(self.tokens.tolist())

    def sounding(self) -> Ints:
        """[T, 4]: REST or the token of the pitch that each voice has at each step."""
        steps = np.arange(len(self))[:, None]
        told = np.maximum.accumulate(np.where(self.tokens != HOLD, steps, 0), axis=0)
        return np.take_along_axis(self.tokens, told, axis=0)

    def settings(self) -> Ints:
        """[T, 4]: the classes of place, meter, key and cadence, as `grid.setting` tells them."""
        ahead = steps_to_next(self.fermata)
        rows = [
            setting(int(place), int(bar), self.fifths, cadence)
            for place, bar, cadence in zip(self.place, self.bar_steps, ahead, strict=True)
        ]
        return np.array([(s.place, s.meter, s.key, s.cadence) for s in rows], dtype=np.int64)

    def transpositions(self) -> range:
        """By how many semitones every voice can move and stay in its range of `RANGES`."""
        sounding = self.sounding()
        lowest, highest = -6, 6
        for voice, (low, high) in enumerate(RANGES):
            line = sounding[:, voice]
            line = line[line >= FIRST_PITCH]
            if line.size:
                lowest = max(lowest, token_of(low) - int(line.min()))
                highest = min(highest, token_of(high) - int(line.max()))
        return range(min(lowest, 0), max(highest, 0) + 1)

    def transposed(self, semitones: int) -> Piece:
        """The same piece `semitones` higher; the key signature moves along."""
        moved = np.where(self.tokens >= FIRST_PITCH, self.tokens + semitones, self.tokens)
        fifths = None if self.fifths is None else transposed_fifths(self.fifths, semitones)
        return replace(self, tokens=moved, fifths=fifths)


def without_onsets(piece: Piece) -> Piece:
    """The piece as pitches only: a repeated pitch is held."""
    sounding = piece.sounding()
    before = np.vstack([np.full_like(sounding[:1], REST), sounding[:-1]])
    held = (sounding >= FIRST_PITCH) & (sounding == before)
    return replace(piece, tokens=np.where(held, HOLD, sounding))


def transposed_fifths(fifths: int, semitones: int) -> int:
    """The key signature `semitones` higher, with the fewest accidentals (sharps for six)."""
    if semitones == 0:
        return fifths
    return (fifths + 7 * semitones + 5) % 12 - 5


def steps_to_next(marks: Bools) -> list[int | None]:
    """For each step how far ahead the next marked step lies, 0 on it, None after the last one."""
    ahead: list[int | None] = []
    distance: int | None = None
    for mark in marks[::-1]:
        distance = 0 if mark else None if distance is None else distance + 1
        ahead.append(distance)
    return ahead[::-1]


def places(measures: Sequence[tuple[int, int]]) -> Ints:
    """The place in the bar of each step, for successive measures of (steps, bar's length in steps).

    A short first measure is a pickup, and ends on its bar line. A short one later is the first part
    of a bar that a repeat cuts, if the next one is its other part.
    """
    runs = []
    done = 0
    for number, (steps, length) in enumerate(measures):
        if number == 0:
            begin = max(0, length - steps)
        else:
            begin = done if steps <= length - done else 0
        runs.append((begin + np.arange(steps)) % length)
        done = (begin + steps) % length
    return np.concatenate(runs)


def tokens_from(pitch: Ints, onset: Bools) -> Ints:
    """Tokens [T, 4] from MIDI numbers (below 0: a rest) and marks of the steps that strike.

    A pitch that appears without a mark is struck too: there is nothing it could hold.
    """
    before = np.vstack([np.full((1, len(VOICES)), -1, dtype=pitch.dtype), pitch[:-1]])
    struck = np.where(pitch >= 0, [[token_of(max(int(p), 0)) for p in row] for row in pitch], REST)
    holds = (pitch >= 0) & (pitch == before) & ~onset
    return np.where(holds, HOLD, struck).astype(np.int64)
