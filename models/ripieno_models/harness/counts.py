"""What is counted in a piece: repetition, loops, silence, unisons, lengths of notes.

Repetition is counted in *chords*: the successive different sets of four pitches of a piece, in
order, so that neither tempo nor length of notes matters.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, STEPS_PER_BEAT

from ripieno_models.faults import chords
from ripieno_models.piece import Bools, Ints, Piece

SIZES = (2, 4, 8, 16)
"""Of n-grams, in chords."""
LONGEST_PERIOD = 16 * STEPS_PER_BEAT
"""Sixteenths of the longest passage that is looked for as a loop."""


def grams(piece: Piece, size: int) -> list[bytes]:
    """Every run of `size` successive chords of a piece."""
    every = chords(piece.sounding())
    return [every[at : at + size].tobytes() for at in range(len(every) - size + 1)]


def repetition(piece: Piece, size: int) -> float:
    """The share of runs of `size` chords that occurred before in the piece; 0 without any."""
    every = grams(piece, size)
    return 1 - len(set(every)) / len(every) if every else 0.0


def unique(piece: Piece, size: int) -> float:
    """The share of runs of `size` chords that occur only once in the piece; 1 without any."""
    every = Counter(grams(piece, size))
    return sum(count == 1 for count in every.values()) / max(1, every.total()) if every else 1.0


def silence(piece: Piece) -> float:
    """The share of sixteenths and voices that rest, in the piece or in its second half if that is
    more: a model that falls silent begins well."""
    rests = piece.sounding() < FIRST_PITCH
    return max(float(rests.mean()), float(rests[len(rests) // 2 :].mean()))


def unisons(piece: Piece) -> float:
    """The share of sixteenths in which two voices or more sound the same pitch."""
    ordered = np.sort(piece.sounding(), axis=1)
    same = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= FIRST_PITCH)
    return float(same.any(axis=1).mean())


def short_notes(piece: Piece) -> float:
    """The share of notes that last one sixteenth; 0 without notes."""
    notes = piece.notes()
    return sum(note.steps == 1 for note in notes) / len(notes) if notes else 0.0


def loops(piece: Piece) -> tuple[int, int]:
    """(how often in a row the passage came that came most often, sixteenths that took).

    A passage is 1 to 64 sixteenths long and strikes something; a chord that is held is none.
    """
    tokens = piece.tokens
    strikes: Bools = np.any(tokens >= FIRST_PITCH, axis=1)
    best = (1, 0)
    for period in range(1, min(LONGEST_PERIOD, len(tokens) // 2) + 1):
        same: Bools = np.all(tokens[period:] == tokens[:-period], axis=1)
        for begin, end in stretches(same).tolist():
            times = 1 + (end - begin) // period
            if times > best[0] and strikes[begin : begin + period].any():
                best = (times, end - begin + period)
    return best


def stretches(marks: Bools) -> Ints:
    """[M, 2]: first and one past the last of each run of true `marks`."""
    edges = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def alike(one: Piece, other: Piece, most: int | None = None) -> float:
    """The share of sixteenths and voices in which two pieces sound the same, over the shorter, or
    over its first `most` sixteenths."""
    steps = min(len(one), len(other), most or len(one))
    same = one.sounding()[:steps] == other.sounding()[:steps]
    return float(same.mean())
