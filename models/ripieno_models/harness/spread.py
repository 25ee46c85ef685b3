"""How pitches, intervals, lengths and chords are spread, and how far from the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import log

from ripieno.grammar.grid import FIRST_PITCH, LOWEST

from ripieno_models.likeness import chord_classes, durations, intervals, total
from ripieno_models.piece import Piece

Count = Counter[Hashable]
ADDED = 0.5
"""Added to each count of both sides before they are compared (Jeffreys): without it one chord that
the corpus lacks makes a divergence infinite."""


def pitches(piece: Piece) -> Count:
    """Each note's MIDI number."""
    return Counter((piece.tokens[piece.tokens >= FIRST_PITCH] - FIRST_PITCH + LOWEST).tolist())


KINDS: Mapping[str, Callable[[Piece], Count]] = {
    "pitches": pitches,
    "intervals": intervals,
    "durations": durations,
    "chords": chord_classes,
}


def divergence(found: Count, corpus: Count) -> float:
    """The Kullback–Leibler divergence of `found` from `corpus`, in nats, 0 or more."""
    keys = found.keys() | corpus.keys()
    p, q = (smoothed(count, len(keys)) for count in (found, corpus))
    return sum(p(key) * log(p(key) / q(key)) for key in keys)


def overlap(found: Count, corpus: Count) -> float:
    """The area that both spreads share, 0 … 1."""
    one, other = max(1, found.total()), max(1, corpus.total())
    return sum(min(found[key] / one, corpus[key] / other) for key in found.keys() & corpus.keys())


def smoothed(count: Count, kinds: int) -> Callable[[Hashable], float]:
    whole = count.total() + ADDED * kinds
    return lambda key: (count[key] + ADDED) / whole


def summed(counts: Sequence[Count]) -> Count:
    """All counts together."""
    return total(iter(counts))
