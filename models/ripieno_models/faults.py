"""Part-writing as a teacher corrects it, and how near the music stays to Bach's habits.

The same counter for real and generated pieces, both on the sixteenth grid. A *chord change* is a
step whose four pitches differ from the step before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, HOLD, LOWEST, STEPS_PER_BEAT, VOICES

from ripieno_models.part_writing import PERFECT, crossings, parallels
from ripieno_models.piece import RANGES, Bools, Ints, Piece

SOPRANO, BASS = 0, len(VOICES) - 1
WIDEST = (12, 12, 24)
"""Semitones between neighbouring voices beyond which they are too far apart."""
LARGE_LEAP, OCTAVE = 7, 12
STEPWISE = 2
"""Semitones of the largest step; more is a leap."""
TRIADS = ({0, 4, 7}, {0, 3, 7}, {0, 4}, {0, 3})
"""Pitch classes above the bass on which a phrase can rest: triads, with or without the fifth."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates over all pieces.

    `parallels`: parallel fifths and octaves, and `hidden`: hidden ones between the outer voices,
    both per 100 chord changes. `crossings`, `spacing`: shares of steps where a voice is above its
    upper neighbour, and where neighbours are too far apart. `outside_range`: share of notes outside
    the voices' ranges. `large_leaps`, `beyond_octave`: shares of melodic moves larger than a fifth,
    and than an octave. `notes_per_quarter`: onsets per quarter note and voice, on average.
    `cadences`: share of fermatas that are cadences, see `cadence_share`.
    """

    parallels: float
    hidden: float
    crossings: float
    spacing: float
    outside_range: float
    large_leaps: float
    beyond_octave: float
    notes_per_quarter: float
    cadences: float


def faults(pieces: Sequence[Piece]) -> Faults:
    """The rates over all `pieces`."""
    sounding = [piece.sounding() for piece in pieces]
    changes = sum(parallels(each)[1] for each in sounding)
    per_100 = 100 / max(1, changes)
    moves = np.abs(np.concatenate([np.concatenate(melodic(piece)) for piece in pieces]))
    strikes = np.concatenate([piece.tokens >= FIRST_PITCH for piece in pieces])
    return Faults(
        parallels=per_100 * sum(parallels(each)[0] for each in sounding),
        hidden=per_100 * sum(hidden_outer(each) for each in sounding),
        crossings=float(np.concatenate([crossings(each) for each in sounding]).mean()),
        spacing=float(np.concatenate([too_wide(each) for each in sounding]).mean()),
        outside_range=outside_range(pieces),
        large_leaps=float((moves > LARGE_LEAP).mean()),
        beyond_octave=float((moves > OCTAVE).mean()),
        notes_per_quarter=float(strikes.mean()) * STEPS_PER_BEAT,
        cadences=cadence_share(pieces),
    )


def chords(sounding: Ints) -> Ints:
    """[N, 4]: the successive different chords of `sounding` [T, 4]."""
    changed = np.any(sounding[1:] != sounding[:-1], axis=1)
    return np.asarray(sounding[np.concatenate(([True], changed))])


def hidden_outer(sounding: Ints) -> int:
    """How often soprano and bass move the same way into a fifth or an octave from another interval
    while the soprano leaps."""
    found = 0
    for before, after in pairwise(chords(sounding)[:, [SOPRANO, BASS]]):
        if min(before.min(), after.min()) < FIRST_PITCH:
            continue
        high, low = after - before
        was, now = (int(pair[0] - pair[1]) % 12 for pair in (before, after))
        found += bool(high * low > 0 and now in PERFECT and was != now and abs(high) > STEPWISE)
    return found


def too_wide(sounding: Ints) -> Bools:
    """[T]: whether some neighbours are farther apart than `WIDEST`."""
    gaps = sounding[:, :-1] - sounding[:, 1:]
    both = (sounding[:, :-1] >= FIRST_PITCH) & (sounding[:, 1:] >= FIRST_PITCH)
    return np.asarray(((gaps > WIDEST) & both).any(axis=1))


def outside_range(pieces: Sequence[Piece]) -> float:
    """The share of notes outside `RANGES`."""
    outside, count = 0, 0
    for piece in pieces:
        for voice, (low, high) in enumerate(RANGES):
            line = struck(piece, voice)
            outside += int(((line < low) | (line > high)).sum())
            count += line.size
    return outside / max(1, count)


def struck(piece: Piece, voice: int) -> Ints:
    """The MIDI numbers that a voice strikes, in order."""
    line = piece.tokens[:, voice]
    return np.asarray(line[line >= FIRST_PITCH] - FIRST_PITCH + LOWEST)


def melodic(piece: Piece) -> list[Ints]:
    """For each voice the semitones between its successive notes."""
    return [np.diff(struck(piece, voice)) for voice in range(len(VOICES))]


def cadence_share(pieces: Sequence[Piece]) -> float:
    """The share of fermatas on which the phrase comes to rest: all four voices sound a major or
    minor triad in root position, with or without its fifth, at the fermata's first step, reached
    by a move of at least two voices, and none strikes again within the next two sixteenths."""
    rested, count = 0, 0
    for piece in pieces:
        begins = np.flatnonzero(np.diff(piece.fermata.astype(int), prepend=0) > 0)
        sounding = piece.sounding()
        for begin in begins:
            count += 1
            rested += rests_on(piece.tokens, sounding, int(begin))
    return rested / max(1, count)


def rests_on(tokens: Ints, sounding: Ints, begin: int) -> bool:
    """Whether the phrase comes to rest at step `begin`."""
    chord = sounding[begin]
    if chord.min() < FIRST_PITCH or (tokens[begin + 1 : begin + 3] != HOLD).any():
        return False
    classes = {int(pitch - chord[BASS]) % 12 for pitch in chord}
    return classes in TRIADS and int((tokens[begin] >= FIRST_PITCH).sum()) >= 2
