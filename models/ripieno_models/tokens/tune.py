"""A piece for the models of tokens: notes on a grid of sixteenths, in one metre and key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from ripieno_models.piece import Split, transposed_fifths

MELODY, PIANO = 0, 1
"""What a note belongs to: the line that a player may give, and what goes with it."""
METERS = ((2, 4), (3, 4), (4, 4), (6, 4), (3, 8), (6, 8), (9, 8), (12, 8))
SAME_METER = {(2, 2): (4, 4), (3, 2): (6, 4), (4, 2): (4, 4), (2, 8): (2, 4), (4, 8): (2, 4)}
"""Metres that are written as another one of METERS."""


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """`onset` and `duration` in sixteenths from the first bar line, `pitch` a MIDI number,
    `velocity` 1…127."""

    onset: int
    part: int
    pitch: int
    duration: int
    velocity: int = 80


@dataclass(frozen=True, slots=True)
class Tune:
    """Notes in time order, by part and pitch where they begin together.

    `meter` is one of METERS; `fifths` the key signature, -7…7, None where it is not known. A tune
    that begins with a pickup begins late in its first bar.
    """

    name: str
    notes: tuple[Note, ...]
    meter: tuple[int, int]
    fifths: int | None
    split: Split = Split.TRAIN

    @property
    def bar(self) -> int:
        """The length of a bar in sixteenths."""
        return bar_steps(self.meter)

    @property
    def bars(self) -> int:
        """How many bars there are from the first bar line to the last note's onset."""
        return max((note.onset for note in self.notes), default=-1) // self.bar + 1

    def of(self, part: int) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.part == part)

    def transposed(self, semitones: int) -> Tune:
        """The same tune `semitones` higher; the key signature moves along."""
        moved = tuple(replace(note, pitch=note.pitch + semitones) for note in self.notes)
        fifths = None if self.fifths is None else transposed_fifths(self.fifths, semitones)
        return replace(self, notes=moved, fifths=fifths)


def bar_steps(meter: tuple[int, int]) -> int:
    """The sixteenths in a bar of `meter`."""
    return 16 * meter[0] // meter[1]


def meter_of(numerator: int, denominator: int) -> tuple[int, int] | None:
    """The metre of METERS that this one is written as; None where there is none."""
    told = SAME_METER.get((numerator, denominator), (numerator, denominator))
    return told if told in METERS else None


def one_line(notes: list[Note]) -> list[Note]:
    """One part's `notes` as a line: of notes that begin together the highest, each cut where the
    next one begins."""
    highest: dict[int, Note] = {}
    for note in notes:
        if note.onset not in highest or note.pitch > highest[note.onset].pitch:
            highest[note.onset] = note
    line = [highest[onset] for onset in sorted(highest)]
    cut = [
        replace(note, duration=min(note.duration, following.onset - note.onset))
        for note, following in pairwise(line)
    ]
    return cut + line[-1:]
