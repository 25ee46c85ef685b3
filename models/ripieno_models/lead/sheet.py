"""A lead sheet: a melody and chord symbols, as notes and as the tokens of the grammar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ripieno.grammar.lead_sheet import (
    CHANGES,
    CHORD,
    FIRST_CHORD,
    FIRST_PITCH,
    HOLD,
    LOWEST,
    MELODY,
    NO_CHORD,
    PART,
    REST,
    STAY,
    Chord,
    Frame,
    Hand,
    bar_steps,
    chord_token,
    features,
    inside,
)

from ripieno_models.piece import Split, transposed_fifths
from ripieno_models.tokens.tune import Note

Change = tuple[int, Chord | None]
"""From which step on which chord sounds, or none."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A `melody`, one note at a time, and the `chords`, rising, in sixteenths from the first bar
    line on; `length` steps in all. A pickup begins late in the first bar."""

    name: str
    melody: tuple[Note, ...]
    chords: tuple[Change, ...]
    length: int
    meter: tuple[int, int]
    fifths: int | None
    split: Split = Split.TRAIN

    @property
    def bar(self) -> int:
        """The length of a bar in sixteenths."""
        return bar_steps(self.meter)

    @property
    def pickup(self) -> bool:
        """Whether the first bar is no more than half full."""
        return bool(self.melody) and 2 * self.melody[0].onset >= self.bar

    def transposed(self, semitones: int) -> Sheet:
        """The same, `semitones` higher."""
        moved = tuple(replace(note, pitch=note.pitch + semitones) for note in self.melody)
        chords = tuple((at, chord and chord.transposed(semitones)) for at, chord in self.chords)
        fifths = None if self.fifths is None else transposed_fifths(self.fifths, semitones)
        return replace(self, melody=moved, chords=chords, fifths=fifths)

    def frame(self, step: int) -> Frame:
        """What a step stands in."""
        bar = step // self.bar - self.pickup
        return Frame(step % self.bar, self.meter, bar % PART, self.fifths)


def tokens(sheet: Sheet) -> tuple[list[int], list[int]]:
    """The tokens of the melody and of the chords, one a step each.

    A chord that is printed between two eighths sounds from the one before; one that is printed
    again stays.
    """
    melody = [REST] * sheet.length
    for note in sheet.melody:
        end = min(note.onset + note.duration, sheet.length)
        melody[note.onset : end] = [HOLD] * (end - note.onset)
        if note.onset < sheet.length:
            melody[note.onset] = FIRST_PITCH + inside(note.pitch) - LOWEST
    chords, sounding = [STAY] * sheet.length, None
    for at, chord in on_eighths(sheet):
        if chord != sounding and at < sheet.length:
            chords[at] = chord_token(chord)
            sounding = chord
    return melody, chords


def on_eighths(sheet: Sheet) -> list[Change]:
    """The changes on the grid on which chords change; of two at one place the later."""
    return sorted({at - at % sheet.bar % CHANGES: chord for at, chord in sheet.chords}.items())


def sheet_of(
    name: str,
    melody: Sequence[int],
    chords: Sequence[int],
    meter: tuple[int, int],
    fifths: int | None,
) -> Sheet:
    """The lead sheet that tokens tell."""
    notes: list[Note] = []
    changes: list[Change] = []
    for step, token in enumerate(melody):
        if token >= FIRST_PITCH:
            notes.append(Note(step, MELODY, token - FIRST_PITCH + LOWEST, 1))
        elif token == HOLD:
            notes[-1] = replace(notes[-1], duration=notes[-1].duration + 1)
    for step, token in enumerate(chords):
        if token != STAY:
            chord = None if token == NO_CHORD else Chord.numbered(token - FIRST_CHORD)
            changes.append((step, chord))
    return Sheet(name, tuple(notes), tuple(changes), len(melody), meter, fifths)


def rows(sheet: Sheet) -> Iterator[tuple[tuple[int, ...], int]]:
    """For each decision, the melody's and the chord's in turn, what is seen and what is told."""
    hand = Hand()
    for step, (pitch, chord) in enumerate(zip(*tokens(sheet), strict=True)):
        frame = sheet.frame(step)
        yield features(MELODY, hand, frame), pitch
        hand = hand.melody(pitch)
        yield features(CHORD, hand, frame), chord
        hand = hand.harmony(chord)
