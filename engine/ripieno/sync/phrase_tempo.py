"""The tempo of a phrase that somebody just played, when nothing else gives one.

Many tempi are tried: how well do the distances between onsets fit simple note values, how usual
are those values, and do long notes stand on beats? The likeliest is taken, as in A. T. Cemgil and
B. Kappen, "Monte Carlo Methods for Tempo Tracking and Rhythm Quantization" (JAIR 18, 2003), but
note by note: a tempo that breathes does not add up to nonsense.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ripieno.clock import Beats, Seconds

FEWEST, MOST = 4, 25
"""Onsets that are needed; of more than `MOST` only the last are looked at."""
CHORD = 0.04
"""Seconds within which onsets are one chord."""
SLOWEST_PHRASE, FASTEST_PHRASE = 40.0, 210.0
"""Quarter notes a minute that are tried."""
VALUES = {
    0.25: 0.05,
    0.5: 0.25,
    0.75: 0.03,
    1.0: 0.40,
    1.5: 0.08,
    2.0: 0.11,
    3.0: 0.04,
    4.0: 0.02,
}
"""Note values in beats, and how usual each is in a melody."""
STYLE = 4
"""A phrase in quarters stays in quarters: its values tell as much as so many free choices."""
BREATH, SLIP = 0.04, 0.02
"""How far distances differ from written ones: by this share, and by so many seconds."""
NEAR, USUAL = 0.35, 0.35
"""Standard deviations of the tempo, as a logarithm, about `near` and about `MIDDLE`."""
MIDDLE = math.sqrt(60 * 160)
CLEAR = 1.5
"""The log-likelihood by which the answer leads any other than its own double and half."""
WORST = 1.6
"""The mean square of what does not fit, in variances, above which no tempo does."""
_TRIED = 1.025


@dataclass(frozen=True, slots=True)
class Estimate:
    """A tempo of `bpm` quarter notes a minute.

    A beat was at `origin`, with the first onset or just before it. The last onset, at `last`, is
    written `beats` after it: where the player's time is now, if it breathed.
    """

    bpm: float
    origin: Seconds
    last: Seconds
    beats: Beats


@dataclass(frozen=True, slots=True)
class _Distance:
    """From one onset to the next: `log` of its seconds, with a standard deviation."""

    log: float
    scatter: float

    @classmethod
    def of(cls, seconds: float) -> _Distance:
        return cls(math.log(seconds), math.hypot(BREATH, SLIP / seconds))


@dataclass(frozen=True, slots=True)
class _Reading:
    """A way to write the phrase down: its values in beats, from `offset` beats after a beat."""

    log_beat: float
    values: tuple[float, ...]
    offset: float
    score: float
    """Log-likelihood."""


def estimate(onsets: Sequence[Seconds], near: float) -> Estimate | None:
    """The tempo of at least four `onsets`; where several fit, the one nearest to `near` (bpm).

    None when there are too few, or none fits, or several do. Takes a few milliseconds.
    """
    struck = _melody(onsets)
    if len(struck) < FEWEST:
        return None
    distances = [_Distance.of(later - sooner) for sooner, later in pairwise(struck)]
    readings = [_read(distances, beat, near) for beat in _tried()]
    best = max(readings, key=lambda reading: reading.score)
    log_beat, misfit = _fitted(distances, best)
    if misfit > WORST or any(_rivals(best, other) for other in readings):
        return None
    beat = math.exp(log_beat)
    origin = Seconds(struck[0] - best.offset * beat)
    return Estimate(60 / beat, origin, struck[-1], Beats(best.offset + sum(best.values)))


def _melody(onsets: Sequence[Seconds]) -> list[Seconds]:
    """The last onsets in order; those of a chord are one."""
    struck: list[Seconds] = []
    for onset in sorted(onsets):
        if not struck or onset - struck[-1] > CHORD:
            struck.append(onset)
    return struck[-MOST:]


def _tried() -> Iterator[float]:
    """Logarithms of the beats that are tried, in seconds."""
    bpm = SLOWEST_PHRASE
    while bpm <= FASTEST_PHRASE:
        yield math.log(60 / bpm)
        bpm *= _TRIED


def _read(distances: Sequence[_Distance], log_beat: float, near: float) -> _Reading:
    """The likeliest way to write the distances down at this tempo."""
    score, values = 0.0, []
    weight = min(1.0, STYLE / len(distances))
    for distance in distances:
        ratio = distance.log - log_beat
        fits = [
            (weight * usual - _square(ratio - log, distance), value) for log, usual, value in _KNOWN
        ]
        likeliest, value = max(fits)
        score += likeliest
        values.append(value)
    offset, standing = max((_standing(values, offset), offset) for offset in _OFFSETS)[::-1]
    tempo = math.log(60) - log_beat
    score += weight * standing - ((tempo - math.log(near)) / NEAR) ** 2 / 2
    score -= ((tempo - math.log(MIDDLE)) / USUAL) ** 2 / 2
    return _Reading(log_beat, tuple(values), offset, score)


_KNOWN = [(math.log(value), math.log(usual), value) for value, usual in VALUES.items()]
_OFFSETS = {0.0: 0.0, 0.5: -0.7, 0.25: -2.0, 0.75: -2.0}
"""Where in a beat a phrase begins, and how unlikely that is."""


def _square(miss: float, distance: _Distance) -> float:
    return (miss / distance.scatter) ** 2 / 2


def _standing(values: Sequence[float], offset: float) -> float:
    """How likely the notes' places are: long notes stand on beats, short ones anywhere."""
    place, score = offset, _OFFSETS[offset]
    for value in values:
        part = place % 1
        if part == 0.5:
            score -= 1.0 if value >= 1 else 0.1
        elif part != 0:
            score -= 1.5 if value > 0.25 else 0.3
        place += value
    return score


def _fitted(distances: Sequence[_Distance], reading: _Reading) -> tuple[float, float]:
    """The logarithm of the beat that fits the reading best, and the mean square of the rest."""
    written = [math.log(value) for value in reading.values]
    pairs = list(zip(distances, written, strict=True))
    weights = [1 / distance.scatter**2 for distance in distances]
    beats = (weight * (d.log - log) for weight, (d, log) in zip(weights, pairs, strict=True))
    log_beat = sum(beats) / sum(weights)
    squares = (2 * _square(d.log - log - log_beat, d) for d, log in pairs)
    return log_beat, sum(squares) / len(pairs)


def _rivals(best: _Reading, other: _Reading) -> bool:
    """Whether the other is as good, and neither the same tempo nor its double or half."""
    octaves = (other.log_beat - best.log_beat) / math.log(2)
    same = abs(octaves - round(octaves)) < 0.08
    return not same and other.score > best.score - CLEAR
