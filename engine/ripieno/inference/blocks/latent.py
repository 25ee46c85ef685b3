"""Where a block lies in a model's space: between two phrases, and a step aside. Pure.

The way from one to the other is an arc: in many dimensions a straight line would lead through a
middle where no block of the training lies (White: Sampling Generative Networks, 2016).
"""

from __future__ import annotations

from functools import lru_cache
from math import cos, log, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from ripieno.inference.sampling import uniform

Floats = NDArray[np.float32]
_STRAIGHT = 1e-4
"""Below this angle (its sine) an arc is a line."""
_REMEMBERED = 64


def between(one: Floats, other: Floats, share: float) -> Floats:
    """The point [Z] on the arc from `one` (share 0) to `other` (share 1); its length goes evenly
    from that of the one to that of the other."""
    lengths = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if not min(lengths) > 0.0:
        return np.asarray((1 - share) * one + share * other, np.float32)
    ends = one / lengths[0], other / lengths[1]
    angle = float(np.arccos(np.clip(ends[0] @ ends[1], -1.0, 1.0)))
    length = (1 - share) * lengths[0] + share * lengths[1]
    if sin(angle) < _STRAIGHT:
        return np.asarray(length * ((1 - share) * ends[0] + share * ends[1]), np.float32)
    weights = sin((1 - share) * angle) / sin(angle), sin(share * angle) / sin(angle)
    return np.asarray(length * (weights[0] * ends[0] + weights[1] * ends[1]), np.float32)


def aside(point: Floats, chance: Floats, share: float) -> Floats:
    """`point` [Z] moved towards a draw `chance` [Z] of the prior; at share 1 it is that draw."""
    return np.asarray(sqrt(1.0 - share * share) * point + share * chance, np.float32)


@lru_cache(maxsize=_REMEMBERED)
def normal(size: int, seed: int, number: int, stream: int) -> Floats:
    """`size` numbers of a normal distribution, always the same for the same integers (Box and
    Muller: A Note on the Generation of Random Normal Deviates, 1958). Not to be written to."""
    found = np.empty(size, np.float32)
    for place in range(0, size, 2):
        radius = sqrt(-2.0 * log(1.0 - uniform(seed, number, stream, place)))
        turn = 2.0 * pi * uniform(seed, number, stream, place + 1)
        found[place] = radius * cos(turn)
        if place + 1 < size:
            found[place + 1] = radius * sin(turn)
    found.flags.writeable = False
    return found
