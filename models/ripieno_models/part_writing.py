"""Counts what a teacher of part-writing would: the same counter for Bach and for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, HOLD, LOWEST, REST, STEPS_PER_BEAT, VOICES

from ripieno_models.piece import Bools, Ints, Piece

MAJOR = (0, 2, 4, 5, 7, 9, 11)
PERFECT = (0, 7)
"""Octaves (and unisons) and fifths, in semitones within an octave."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Shares and rates over all pieces; tuples are by voice, soprano first.

    `holds`, `rests`, `onsets`: shares of decisions. `notes_per_quarter`: onsets per quarter note.
    `lowest`, `highest`: tokens' MIDI numbers. `parallels`: parallel fifths and octaves per 100
    chord changes. `crossings`: share of steps where a voice is above its upper neighbour.
    `outside_key`: share of notes that the key signature does not hold (a minor key's raised degrees
    are among them), over the pieces that have one.
    """

    holds: tuple[float, ...]
    rests: tuple[float, ...]
    onsets: tuple[float, ...]
    notes_per_quarter: tuple[float, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    parallels: float
    crossings: float
    outside_key: float


def writing(pieces: Sequence[Piece]) -> Writing:
    """The counts over all `pieces`."""
    tokens = np.concatenate([piece.tokens for piece in pieces])
    onsets = (tokens >= FIRST_PITCH).mean(axis=0)
    pitches = [column[column >= FIRST_PITCH] + LOWEST - FIRST_PITCH for column in tokens.T]
    counts = np.array([parallels(piece.sounding()) for piece in pieces]).sum(axis=0)
    crossed = np.concatenate([crossings(piece.sounding()) for piece in pieces])
    return Writing(
        holds=shares(tokens == HOLD),
        rests=shares(tokens == REST),
        onsets=tuple(onsets.tolist()),
        notes_per_quarter=tuple((onsets * STEPS_PER_BEAT).tolist()),
        lowest=tuple(int(line.min(initial=127)) for line in pitches),
        highest=tuple(int(line.max(initial=0)) for line in pitches),
        parallels=100 * float(counts[0]) / max(1, int(counts[1])),
        crossings=float(crossed.mean()),
        outside_key=float(np.concatenate([outside_key(piece) for piece in pieces]).mean()),
    )


def outside_key(piece: Piece) -> Bools:
    """Whether each note of a piece lies outside its key signature; none where that is unknown."""
    if piece.fifths is None:
        return np.zeros(0, dtype=bool)
    pitch = piece.tokens[piece.tokens >= FIRST_PITCH] - FIRST_PITCH + LOWEST
    return np.asarray(~np.isin((pitch - 7 * piece.fifths) % 12, MAJOR))


def shares(marks: Bools) -> tuple[float, ...]:
    return tuple(marks.mean(axis=0).tolist())


def parallels(sounding: Ints) -> tuple[int, int]:
    """(parallel fifths and octaves, chord changes) in `sounding` [T, 4].

    A chord change is a step whose four pitches differ from the step before. A pair of voices runs
    in parallel when both move the same way and keep a perfect interval.
    """
    changed = [
        row for row, before in zip(sounding[1:], sounding, strict=False) if any(row != before)
    ]
    chords = [sounding[0], *changed]
    found = 0
    for before, after in pairwise(chords):
        for low, high in combinations(range(len(VOICES)), 2):
            found += runs_parallel(before[[low, high]], after[[low, high]])
    return found, len(changed)


def runs_parallel(before: Ints, after: Ints) -> bool:
    """Whether two voices move the same way from one perfect interval to the same one."""
    if min(before.min(), after.min()) < FIRST_PITCH:
        return False
    moves = after - before
    interval, later = abs(int(before[0] - before[1])) % 12, abs(int(after[0] - after[1])) % 12
    return bool(moves[0] * moves[1] > 0 and interval == later and interval in PERFECT)


def crossings(sounding: Ints) -> Bools:
    """[T]: whether some voice is above its upper neighbour."""
    pairs = sounding[:, :-1] < sounding[:, 1:]
    both = (sounding[:, :-1] >= FIRST_PITCH) & (sounding[:, 1:] >= FIRST_PITCH)
    return np.asarray((pairs & both).any(axis=1))
