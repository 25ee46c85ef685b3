"""What a comparison counts, for each of the two kinds of music: chorales, and tunes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ripieno_models.faults import LARGE_LEAP, melodic, outside_range, too_wide
from ripieno_models.harness import counts, spread, tune_counts
from ripieno_models.harness.failures import Failure, failures, tune_failures
from ripieno_models.part_writing import crossings, outside_key, parallels
from ripieno_models.piece import Piece
from ripieno_models.tokens.tune import Tune

Music = Any
"""A `Piece`, or a `Tune`."""
Measures = Mapping[str, tuple[str, Callable[[Music], float]]]


@dataclass(frozen=True, slots=True)
class Kit:
    """`measures`: each with what it says, counted piece by piece, told as the mean over pieces;
    `kinds`: what is spread, with its unit; `unit` of likelihoods."""

    unit: str
    measures: Measures
    kinds: Mapping[str, Callable[[Music], spread.Count]]
    units: Mapping[str, str]
    failures: Callable[[Sequence[Music], Sequence[Music]], list[Failure]]


def per_100_changes(piece: Piece) -> float:
    found, changes = parallels(piece.sounding())
    return 100 * found / max(1, changes)


def onsets_per_quarter(piece: Piece) -> float:
    return len(piece.notes()) / max(1, len(piece))


def large_leaps(piece: Piece) -> float:
    moves = np.abs(np.concatenate(melodic(piece)))
    return float((moves > LARGE_LEAP).mean()) if moves.size else 0.0


def chromatic(piece: Piece) -> float:
    """0 where there are no notes, or no key is known."""
    marks = outside_key(piece)
    return float(marks.mean()) if marks.size else 0.0


CHORALES = Kit(
    unit="decision",
    measures={
        **{f"repetition_{size}": (f"share of runs of {size} chords that came before",
                                  partial(counts.repetition, size=size)) for size in counts.SIZES},
        **{f"unique_{size}": (f"share of runs of {size} chords that come once",
                              partial(counts.unique, size=size)) for size in counts.SIZES},
        "loop": ("times that a passage comes in a row, at most",
                 lambda p: float(counts.loops(p)[0])),
        "silence": ("share of rests, in all or in the second half", counts.silence),
        "unisons": ("share of sixteenths with voices in unison", counts.unisons),
        "short_notes": ("share of notes of one sixteenth", counts.short_notes),
        "notes_per_quarter": ("notes per quarter and voice", onsets_per_quarter),
        "parallels": ("parallel fifths and octaves per 100 chord changes", per_100_changes),
        "crossings": ("share of sixteenths with crossed voices",
                      lambda p: float(crossings(p.sounding()).mean())),
        "spacing": ("share of sixteenths with neighbours too far apart",
                    lambda p: float(too_wide(p.sounding()).mean())),
        "outside_range": ("share of notes outside the voices' ranges",
                          lambda p: outside_range([p])),
        "large_leaps": ("share of moves larger than a fifth", large_leaps),
        "outside_key": ("share of notes outside the key signature", chromatic),
    },
    kinds=spread.KINDS,
    units={"pitches": "MIDI numbers", "intervals": "semitones, in each voice",
           "durations": "sixteenths", "chords": "semitones above the bass"},
    failures=failures,
)  # fmt: skip

TUNES = Kit(
    unit="note",
    measures={
        **{f"repetition_{size}": (f"share of runs of {size} notes that came before",
                                  partial(tune_counts.repetition, size=size))
           for size in counts.SIZES},
        **{f"unique_{size}": (f"share of runs of {size} notes that come once",
                              partial(tune_counts.unique, size=size)) for size in counts.SIZES},
        "loop": ("times that a passage comes in a row, at most",
                 lambda t: float(tune_counts.loops(t)[0])),
        "silence": ("share of sixteenths that rest, in all or in the second half",
                    tune_counts.silence),
        "unisons": ("share of notes that double another one", tune_counts.unisons),
        "short_notes": ("share of notes of one sixteenth", tune_counts.short_notes),
        "notes_per_quarter": ("notes per quarter", tune_counts.notes_per_quarter),
        "outside_range": ("share of notes outside the corpus's range", tune_counts.outside_range),
    },
    kinds=tune_counts.KINDS,
    units={"pitches": "MIDI numbers", "intervals": "semitones", "durations": "sixteenths",
           "chords": "semitones above the lowest"},
    failures=tune_failures,
)  # fmt: skip


def kit_of(music: Sequence[Music]) -> Kit:
    """What is counted in music of this kind."""
    return TUNES if isinstance(music[0], Tune) else CHORALES
