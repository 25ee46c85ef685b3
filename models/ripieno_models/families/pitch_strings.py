"""Pitch strings: a note by its name ("C4"), a chord as its normal order joined by dots ("0.4.7").

The normal order of a chord (Forte, 1973) is its pitch classes in the rotation that spans least.
A chord's string forgets octaves; it is played in the octave from middle C.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

CLASSES = 12
MIDDLE_C = 60
NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")


@dataclass(frozen=True, slots=True)
class Word:
    """A string of the vocabulary, and the pitches that it is played with, rising."""

    text: str
    pitches: tuple[int, ...]

    @property
    def classes(self) -> frozenset[int]:
        return frozenset(pitch % CLASSES for pitch in self.pitches)


def note(pitch: int) -> Word:
    """The word of one pitch, a MIDI number."""
    return Word(f"{NAMES[pitch % CLASSES]}{pitch // CLASSES - 1}", (pitch,))


def chord(classes: Sequence[int]) -> Word:
    """The word of two pitch classes or more."""
    told = ".".join(map(str, normal_order(classes)))
    return Word(told, tuple(sorted(MIDDLE_C + each % CLASSES for each in set(classes))))


def normal_order(classes: Sequence[int]) -> tuple[int, ...]:
    """The rotation of the pitch classes that spans least; of several the one that is packed most
    to the left, then the one that begins lowest."""
    each = sorted({number % CLASSES for number in classes})
    turns = [tuple(each[at:] + each[:at]) for at in range(len(each))]

    def spans(turn: tuple[int, ...]) -> tuple[list[int], int]:
        return [(number - turn[0]) % CLASSES for number in turn[:0:-1]], turn[0]

    return min(turns, key=spans)


def words(low: int, high: int, largest: int) -> list[Word]:
    """The vocabulary: all notes `low`…`high`, and all chords of up to `largest` classes."""
    notes = [note(pitch) for pitch in range(low, high + 1)]
    sizes = range(2, largest + 1)
    return notes + [chord(each) for size in sizes for each in combinations(range(CLASSES), size)]
