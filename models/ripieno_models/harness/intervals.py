"""How sure a figure is: percentile bootstrap over pieces (Efron, 1979), and Wilson's interval for
a share (Wilson, 1927)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeVar

import numpy as np

DRAWS = 500
"""How often pieces are drawn with replacement."""
SHARE = 95.0
"""Percent of the draws that lie within an interval."""
Z = 1.959963984540054
"""Standard deviations of the normal distribution within which 95 % lie."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure `value`, and the interval `low` … `high` in which 95 % of its draws lie."""

    value: float
    low: float
    high: float


def bootstrap(
    items: Sequence[Item], figure: Callable[[Sequence[Item]], float], seed: int = 1
) -> Estimate:
    """`figure` of `items`, one or more, with the interval that drawing whole items anew gives.

    Items are pieces, or what was counted in each: notes of one piece are no independent draws.
    """
    if not items:
        raise ValueError("no items to draw from")
    random = np.random.default_rng(seed)
    rows = random.integers(len(items), size=(DRAWS, len(items)))
    drawn = [figure([items[number] for number in row]) for row in rows]
    low, high = np.percentile(drawn, [(100 - SHARE) / 2, (100 + SHARE) / 2])
    return Estimate(float(figure(items)), float(low), float(high))


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return float(np.mean(values))


def share(hits: int, of: int) -> Estimate:
    """`hits` of `of` (1 or more) as a share, with Wilson's interval."""
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of} is no share")
    told = hits / of
    spread = 1 + Z * Z / of
    middle = (told + Z * Z / (2 * of)) / spread
    half = Z * sqrt(told * (1 - told) / of + Z * Z / (4 * of * of)) / spread
    return Estimate(told, max(0.0, middle - half), min(1.0, middle + half))
