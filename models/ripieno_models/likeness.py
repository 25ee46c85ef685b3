"""How far two sets of pieces are apart, and how far real ones are from each other.

Distances are Jensen–Shannon divergences (Lin, 1991) in bits, 0 (alike) to 1 (nothing in common).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, LOWEST

from ripieno_models.faults import BASS, chords, melodic
from ripieno_models.piece import Piece

Count = Counter[Hashable]
DRAWS = 200
"""How often real pieces are drawn against real ones."""
RUN = 5
"""Chords in a run that counts as copied."""


def chord_classes(piece: Piece) -> Count:
    """Each chord's intervals above its bass, without octaves and doublings."""
    return Counter(
        frozenset((chord - chord[BASS]) % 12)
        for chord in chords(piece.sounding())
        if chord.min() >= FIRST_PITCH
    )


def degrees(piece: Piece) -> Count:
    """Each note's semitones above the tonic of the (major) key signature; none without a key."""
    if piece.fifths is None:
        return Counter()
    pitch = piece.tokens[piece.tokens >= FIRST_PITCH] - FIRST_PITCH + LOWEST
    return Counter(((pitch - 7 * piece.fifths) % 12).tolist())


def durations(piece: Piece) -> Count:
    """Each note's length in sixteenths."""
    return Counter(note.steps for note in piece.notes())


def intervals(piece: Piece) -> Count:
    """Each melodic move in semitones, in all voices."""
    return Counter(np.concatenate(melodic(piece)).tolist())


KINDS: Mapping[str, Callable[[Piece], Count]] = {
    "chord classes": chord_classes,
    "degrees": degrees,
    "durations": durations,
    "melodic intervals": intervals,
}


def distance(one: Count, other: Count) -> float:
    """The Jensen–Shannon divergence of two counts, in bits."""
    keys = list(one.keys() | other.keys())
    shares = [np.array([count[key] for key in keys], dtype=float) for count in (one, other)]
    p, q = (share / share.sum() for share in shares)
    middle = (p + q) / 2
    return float(sum(divergence(share, middle) for share in (p, q)) / 2)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """The Kullback–Leibler divergence of `p` from `q`, in bits."""
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def distances(pieces: Sequence[Piece], real: Sequence[Piece]) -> dict[str, float]:
    """The distance of `pieces` from `real` by each of `KINDS`."""
    return {
        name: distance(total(map(kind, pieces)), total(map(kind, real)))
        for name, kind in KINDS.items()
    }


def real_against_real(
    pool: Sequence[Piece], sizes: tuple[int, int], percentile: float = 95, seed: int = 1
) -> dict[str, float]:
    """The percentile of distances between two sets of these sizes, drawn from `pool` without a
    piece in common. The pool must hold at least as many pieces as both."""
    random = np.random.default_rng(seed)
    found: dict[str, float] = {}
    for name, kind in KINDS.items():
        counted = [kind(piece) for piece in pool]
        drawn = []
        for _ in range(DRAWS):
            rows = random.permutation(len(pool))
            one, other = rows[: sizes[0]], rows[sizes[0] : sum(sizes)]
            drawn.append(distance(*(total(counted[row] for row in some) for some in (one, other))))
        found[name] = float(np.percentile(drawn, percentile))
    return found


def total(counts: Iterator[Count]) -> Count:
    """The sum of counts."""
    found: Count = Counter()
    for count in counts:
        found.update(count)
    return found


def runs_of(piece: Piece, length: int = RUN) -> list[tuple[int, ...]]:
    """Every run of `length` successive chords, as semitones above its first bass: the same in every
    key and every rhythm."""
    every = chords(piece.sounding())
    windows = (every[at : at + length] for at in range(len(every) - length + 1))
    return [tuple((window - window[0, BASS]).ravel().tolist()) for window in windows
            if window.min() >= FIRST_PITCH]  # fmt: skip


def copied(pieces: Sequence[Piece], trained: Sequence[Piece]) -> tuple[float, int]:
    """(share of runs of `RUN` chords that also stand in `trained`, the longest copied run in
    chords)."""
    known = {run for piece in trained for run in runs_of(piece)}
    found, count, longest = 0, 0, 0
    for piece in pieces:
        length = 0
        for run in runs_of(piece):
            count += 1
            length = length + 1 if run in known else 0
            found += run in known
            longest = max(longest, length + RUN - 1 if length else 0)
    return found / max(1, count), longest
