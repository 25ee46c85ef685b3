"""Terms that judge a drawn chord by what the trainer counted in its corpus.

One term, one function, one sentence; each gives nats (0 is neutral, below is worse) and has a
weight. A bundle that brings the file `tables.npz` has its candidates judged so: many chords are
drawn for a sixteenth, and the best is kept. Only what the machine's voices do is judged.

The file holds plain arrays: `ranges` int [4, 2], the lowest and highest pitch of each voice;
`frequencies` float [4, 128], the logarithm of each pitch's share of a voice's notes; `onsets`
float [4, 4], the probability that a voice strikes, for each sixteenth of a beat; `leaps` int
[4, 2], the largest move down and up; `chords` int [M, 3], the intervals from soprano to alto, alto
to tenor and tenor to bass of the chords that occur, with `qualities` float [M], the logarithm of
each one's share; `unseen` float, the same for all others; `weights` float [5], of the terms in the
order of `TERMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np

from ripieno.errors import BundleError
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.inference.plain_file import NEXT

FILE = "tables.npz"
OUTSIDE = -20.0
"""Nats for a note that no voice of the corpus ever had: as good as forbidden."""
BEYOND = -1.0
"""Nats for each semitone that a leap is larger than any in the corpus."""
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "ranges": (len(VOICES), 2),
    "frequencies": (len(VOICES), 128),
    "onsets": (len(VOICES), STEPS_PER_BEAT),
    "leaps": (len(VOICES), 2),
    "chords": (None, len(VOICES) - 1),
    "qualities": (None,),
    "unseen": (),
    "weights": (5,),
}
Pitches = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is judged: pitches of S, A, T, B `before` and `now` (None: a rest), the voices that
    `strike`, those that are `ours`, and the sixteenth of the beat, 0…3."""

    before: Pitches
    now: Pitches
    strike: frozenset[int]
    ours: frozenset[int]
    place: int

    def struck(self) -> list[tuple[int, int]]:
        """(voice, pitch) of the notes that the machine strikes."""
        return [(v, p) for v, p in enumerate(self.now) if p is not None and v in self.strike]


@dataclass(frozen=True, slots=True)
class Tables:
    """What was counted; see the file's description above."""

    ranges: tuple[tuple[int, int], ...]
    frequencies: tuple[tuple[float, ...], ...]
    onsets: tuple[tuple[float, ...], ...]
    leaps: tuple[tuple[int, int], ...]
    chords: dict[tuple[int, ...], float]
    unseen: float
    weights: tuple[float, ...]

    def score(self, choice: Choice) -> float:
        """What all terms say together, in nats."""
        return sum(
            weight * term(choice, self)
            for (term, weight) in zip(TERMS, self.weights, strict=True)
            if weight
        )


Term = Callable[[Choice, Tables], float]


def observed_range(choice: Choice, tables: Tables) -> float:
    """A voice strikes only what lies between the lowest and the highest note it was seen with."""
    outside = (not tables.ranges[v][0] <= p <= tables.ranges[v][1] for v, p in choice.struck())
    return OUTSIDE * sum(outside)


def frequency(choice: Choice, tables: Tables) -> float:
    """A voice strikes rather what it often strikes."""
    return sum(tables.frequencies[v][p] for v, p in choice.struck())


def new_note(choice: Choice, tables: Tables) -> float:
    """A voice strikes where in the beat it is used to, and holds elsewhere."""
    told = 0.0
    for voice in choice.ours:
        chance = tables.onsets[voice][choice.place]
        told += log(chance if voice in choice.strike else 1 - chance)
    return told


def leap(choice: Choice, tables: Tables) -> float:
    """A voice leaps no further than it was seen to."""
    beyond = 0
    for voice, pitch in choice.struck():
        before = choice.before[voice]
        if before is not None:
            down, up = tables.leaps[voice]
            beyond += max(0, pitch - before - up, before - pitch - down)
    return BEYOND * beyond


def chord(choice: Choice, tables: Tables) -> float:
    """Four voices sound a chord that occurs: told by its three intervals and by no pitch."""
    pitches = [pitch for pitch in choice.now if pitch is not None]
    if len(pitches) < len(VOICES):
        return 0.0
    intervals = tuple(upper - lower for upper, lower in pairwise(pitches))
    return tables.chords.get(intervals, tables.unseen)


TERMS: tuple[Term, ...] = (observed_range, frequency, new_note, leap, chord)


def load(folder: Path) -> Tables:
    """The tables in `folder`. Raises BundleError where they are damaged; unpickles nothing."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: np.asarray(file[name]) for name in _SHAPES}
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"cannot be read ({error})", where=str(path), nearest=NEXT) from None
    for name, shape in _SHAPES.items():
        _refuse_shape(name, found[name], shape, path)
    if len(found["chords"]) != len(found["qualities"]):
        raise BundleError("chords and qualities differ in number", where=str(path), nearest=NEXT)
    if not ((found["onsets"] > 0) & (found["onsets"] < 1)).all():
        raise BundleError("onsets are no probabilities", where=str(path), allowed="between 0 and 1")
    rows = {name: tuple(map(tuple, found[name].tolist())) for name in ("ranges", "leaps")}
    return Tables(
        ranges=rows["ranges"],
        frequencies=tuple(map(tuple, found["frequencies"].tolist())),
        onsets=tuple(map(tuple, found["onsets"].tolist())),
        leaps=rows["leaps"],
        chords=dict(
            zip(map(tuple, found["chords"].tolist()), found["qualities"].tolist(), strict=True)
        ),
        unseen=float(found["unseen"]),
        weights=tuple(found["weights"].tolist()),
    )


def _refuse_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...], path: Path) -> None:
    sizes = array.shape
    fits = len(sizes) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(sizes, shape, strict=False)
    )
    if not fits or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        allowed = "×".join("any" if size is None else str(size) for size in shape) or "one number"
        raise BundleError(
            f"{name} is {array.dtype} {list(sizes)}",
            where=str(path),
            allowed=f"finite numbers, {allowed}",
            nearest=NEXT,
        )
