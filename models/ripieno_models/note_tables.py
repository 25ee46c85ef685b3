"""Counts what the engine's note sampler judges by, and writes it as a bundle's `tables.npz`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ripieno.grammar.grid import FIRST_PITCH, LOWEST, STEPS_PER_BEAT, VOICES
from ripieno.inference.note_sampler import TERMS

from ripieno_models.faults import chords
from ripieno_models.piece import Ints, Piece

PITCHES = 128
ONE = 1.0
"""Added to every count, so that nothing is impossible (Laplace)."""
WEIGHTS = (1.0, 0.1, 0.5, 1.0, 0.5)
"""Of the terms, in their order: a prior that weighs one would draw nothing but common notes."""
Tables = dict[str, NDArray[np.generic]]


def tables(pieces: Sequence[Piece], weights: Sequence[float] = WEIGHTS) -> Tables:
    """The statistics of `pieces`, each in all the transpositions that the voices' ranges leave."""
    if len(weights) != len(TERMS):
        raise ValueError(f"{len(weights)} weights for {len(TERMS)} terms")
    every = [piece.transposed(by) for piece in pieces for by in piece.transpositions()]
    struck = np.concatenate([piece.tokens >= FIRST_PITCH for piece in pieces])
    places = np.concatenate([piece.place for piece in pieces]) % STEPS_PER_BEAT
    counted = Counter(tuple(row) for piece in every for row in intervals(piece.sounding()).tolist())
    told = sorted(counted.items())
    whole = sum(counted.values()) + ONE * (len(told) + 1)
    return {
        "ranges": np.array([span(every, voice) for voice in range(len(VOICES))], np.int32),
        "frequencies": np.stack([frequencies(every, voice) for voice in range(len(VOICES))]),
        "onsets": np.stack([onsets(struck[:, voice], places) for voice in range(len(VOICES))]),
        "leaps": np.array([leaps(pieces, voice) for voice in range(len(VOICES))], np.int32),
        "chords": np.array([key for key, _ in told], np.int32).reshape(-1, len(VOICES) - 1),
        "qualities": np.log(np.array([count + ONE for _, count in told]) / whole).astype("f4"),
        "unseen": np.array(np.log(ONE / whole), np.float32),
        "weights": np.array(weights, np.float32),
    }


def write(pieces: Sequence[Piece], path: Path, weights: Sequence[float] = WEIGHTS) -> None:
    """Write the statistics of `pieces` to `path`."""
    np.savez_compressed(path, **tables(pieces, weights))  # type: ignore[arg-type]


def intervals(sounding: Ints) -> Ints:
    """[M, 3]: from soprano to alto, alto to tenor, tenor to bass, in semitones, of each chord of
    four voices in `sounding` [T, 4] that differs from the one before."""
    four = chords(sounding)
    four = four[(four >= FIRST_PITCH).all(axis=1)]
    return np.asarray(-np.diff(four, axis=1))


def pitches(pieces: Sequence[Piece], voice: int) -> Ints:
    """The MIDI numbers of all notes of a voice."""
    column = np.concatenate([piece.tokens[:, voice] for piece in pieces])
    return np.asarray(column[column >= FIRST_PITCH] - FIRST_PITCH + LOWEST)


def span(pieces: Sequence[Piece], voice: int) -> tuple[int, int]:
    """The lowest and the highest note of a voice."""
    found = pitches(pieces, voice)
    return int(found.min()), int(found.max())


def frequencies(pieces: Sequence[Piece], voice: int) -> NDArray[np.float32]:
    """[128]: the logarithm of each pitch's share of the notes of a voice."""
    counts = np.bincount(pitches(pieces, voice), minlength=PITCHES) + ONE
    return np.asarray(np.log(counts / counts.sum()), np.float32)


def onsets(struck: NDArray[np.bool_], places: Ints) -> NDArray[np.float32]:
    """[4]: how often a voice strikes on each sixteenth of a beat."""
    told = [
        (struck[places == place].sum() + ONE) / ((places == place).sum() + 2 * ONE)
        for place in range(STEPS_PER_BEAT)
    ]
    return np.array(told, np.float32)


def leaps(pieces: Sequence[Piece], voice: int) -> tuple[int, int]:
    """The largest moves of a voice, down and up, in semitones; across rests there are none."""
    down = up = 0
    for piece in pieces:
        line = piece.sounding()[:, voice]
        both = (line[1:] >= FIRST_PITCH) & (line[:-1] >= FIRST_PITCH)
        moves = np.where(both, np.diff(line), 0)
        down, up = max(down, -int(moves.min(initial=0))), max(up, int(moves.max(initial=0)))
    return down, up
