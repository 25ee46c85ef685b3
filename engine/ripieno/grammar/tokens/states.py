"""Where a reading of event tokens stands, which notes it tells, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ripieno.grammar.tokens.vocabulary import Kind, Meter

COMMON_TIME: Meter = (4, 4)


class Next(Enum):
    """What the last token left open."""

    ANY = auto()
    """Time may pass, or a note may begin."""
    METER = auto()
    NOTE = auto()
    """A time was told, so a note must be there."""
    PITCH = auto()
    VELOCITY = auto()
    DURATION = auto()
    SHIFT = auto()
    """A note is told, so the way to the next one must be."""


class Word(Enum):
    """How a reading stands to the beginning of a word, where a vocabulary marks these."""

    NONE = auto()
    DUE = auto()
    """Time has passed a line: the mark must come."""
    OPEN = auto()
    """The mark that was due has come."""
    BEGUN = auto()
    """A mark has come, so time must pass a line."""


NOTES = {Kind.PROGRAM, Kind.PITCH, Kind.NOTE_ON}
AFTER = {
    Next.ANY: {*NOTES, Kind.BAR, Kind.POSITION, Kind.SHIFT, Kind.NOTE_OFF, Kind.WORD},
    Next.METER: {Kind.METER},
    Next.NOTE: NOTES,
    Next.PITCH: {Kind.PITCH},
    Next.VELOCITY: {Kind.VELOCITY},
    Next.DURATION: {Kind.DURATION},
    Next.SHIFT: {Kind.SHIFT, Kind.WORD},
}
"""What kinds of base tokens can come."""


@dataclass(frozen=True, slots=True)
class Told:
    """A note as tokens tell it, in ticks; `end` is None until it is known."""

    onset: int
    end: int | None
    pitch: int
    velocity: int
    program: int

    def sounds(self, at: int) -> bool:
        """Whether it still sounds at the tick `at`, which is not before it began."""
        return self.end is None or self.end > at


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is asked of the notes that come. Times in ticks.

    earliest, latest: no note before and, if told, no time beyond. pitches: those allowed.
    program: the only one allowed, if told. most: notes at once, of that program. grid: onsets and
    durations are multiples of it. origin: where the first bar begins. meter: of every bar, if told.
    part: where a part begins, from which bars are counted if they are numbered.
    """

    pitches: frozenset[int]
    earliest: int = 0
    latest: int | None = None
    program: int | None = None
    most: int = 1 << 16
    grid: int = 1
    origin: int = 0
    meter: Meter | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Where a reading stands. `bar` is where the present one begins, None before the first.

    placed: notes may begin now. top: program and pitch of the last note that began now. pitch,
    velocity, program: of the note that is being told. told: the note that the last token completed
    or ended, if it did.
    """

    now: int
    next: Next = Next.ANY
    bar: int | None = None
    meter: Meter = COMMON_TIME
    placed: bool = False
    top: tuple[int, int] | None = None
    pitch: int = 0
    velocity: int = 0
    program: int = 0
    sounding: tuple[Told, ...] = ()
    told: Told | None = None
    word: Word = Word.NONE

    @property
    def between(self) -> bool:
        """Whether no note is half told, and no bar half begun."""
        whole = self.word in (Word.NONE, Word.DUE)
        return whole and self.next in (Next.ANY, Next.NOTE, Next.SHIFT)

    @property
    def open(self) -> bool:
        """Whether time may pass: no note has been promised."""
        return self.next in (Next.ANY, Next.SHIFT)
