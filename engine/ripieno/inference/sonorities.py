"""Chords that a model writes too often, and what makes them as frequent as in its corpus.

A model that was learned step by step has habits of its own: some chords come more often than in the
music that it learned from, others less. The trainer counts both (`ripieno-models balance`), and a
bundle that brings `sonorities.npz` has each drawn chord of four voices taken with the probability
that makes them even, as far as the candidates reach (importance weights in a rejection sampler: von
Neumann, 1951).

The file holds plain arrays. `classes` int [M]: the chords, where bit n tells that a note sounds n
semitones above the bass, octaves apart; `nats` float [M], 0 or less: the logarithm of the share
that is taken; `unseen` float, the same for all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ripieno.errors import BundleError
from ripieno.inference.plain_file import NEXT

FILE = "sonorities.npz"
CLASSES = 1 << 12


@dataclass(frozen=True, slots=True)
class Sonorities:
    """`nats` for chords, each by its semitones above the bass; `unseen` for all others."""

    nats: Mapping[frozenset[int], float]
    unseen: float

    def of(self, chord: frozenset[int]) -> float:
        """Nats, 0 or less, for a chord of four voices."""
        return self.nats.get(chord, self.unseen)


def code(chord: frozenset[int]) -> int:
    """The chord as the file tells it."""
    return sum(1 << above for above in chord)


def chord_of(code: int) -> frozenset[int]:
    """The chord that the file tells so."""
    return frozenset(above for above in range(12) if code >> above & 1)


def load(folder: Path) -> Sonorities:
    """The file in `folder`. Raises BundleError where it is damaged; unpickles nothing."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as file:
            classes, nats, unseen = (np.asarray(file[n]) for n in ("classes", "nats", "unseen"))
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"cannot be read ({error})", where=str(path), nearest=NEXT) from None
    if classes.dtype.kind not in "iu" or classes.ndim != 1 or not _inside(classes):
        raise BundleError(
            "classes are no chords",
            where=str(path),
            allowed=f"a row of whole numbers, 1…{CLASSES - 1}",
            nearest=NEXT,
        )
    told = np.append(nats, unseen)
    if nats.shape != classes.shape or unseen.shape != () or told.dtype.kind != "f":
        raise BundleError("nats do not fit the classes", where=str(path), nearest=NEXT)
    if not (np.isfinite(told) & (told <= 0)).all():
        raise BundleError("nats are no logarithms of shares", where=str(path), allowed="0 or less")
    pairs = zip(map(chord_of, classes.tolist()), nats.tolist(), strict=True)
    return Sonorities(dict(pairs), float(unseen))


def _inside(classes: np.ndarray) -> bool:
    return bool(((classes > 0) & (classes < CLASSES)).all())
