"""Measuring ways to do the same thing in turns, so that whatever else goes on befalls all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench_table import Row, Sample, Target

GAP = 0.010
"""Seconds between two steps when a player is waited for."""
BLOCK = 12
"""Runs of one way before it is the next one's turn; the first two warm the caches up again."""
_UNCOUNTED = 2
_DRAWS = 2000


def nothing() -> None:
    """Nothing has to be made ready."""


class Stopwatch:
    """What the time is taken with: the wall's clock, or this thread's processor time."""

    now: Callable[[], float] = staticmethod(time.perf_counter)


@dataclass(frozen=True, slots=True)
class Way:
    """`run` is timed, `ready` goes before it and is not."""

    name: str
    run: Callable[[], object]
    ready: Callable[[], object] = nothing


def in_turns(ways: Sequence[Way], count: int) -> dict[str, Sample]:
    """Milliseconds of `count` or a few more runs of each way, back to back in blocks."""
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    while len(taken[ways[-1].name]) < count:
        for way in ways:
            taken[way.name] += [_timed(way) for _ in range(BLOCK)][_UNCOUNTED:]
    return {name: Sample(name, tuple(values)) for name, values in taken.items()}


def with_gaps(ways: Sequence[Way], count: int) -> dict[str, Sample]:
    """As `in_turns`, but one by one, each after a rest in which the caches go cold."""
    taken: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(count):
        for way in ways:
            time.sleep(GAP)
            taken[way.name].append(_timed(way))
    return {name: Sample(name, tuple(values)) for name, values in taken.items()}


def _timed(way: Way) -> float:
    way.ready()
    began = Stopwatch.now()
    way.run()
    return 1000 * (Stopwatch.now() - began)


def versus(title: str, ours: Sample, other: Sample) -> Row:
    """A line that says how many times faster ours is."""
    return Row(title, ours, other, f"{other.median / ours.median:.1f} × faster")


def times(title: str, ours: Sample, other: Sample) -> Row:
    """A line that says how many times as long ours takes."""
    return Row(title, ours, other, f"{ours.median / other.median:.2f} × as long")


def at_least(aim: str, ours: Sample, other: Sample, ratio: float) -> Target:
    """Ours takes at most 1 / `ratio` of the other's time, in medians."""
    found = other.median / ours.median
    return Target(f"{aim}: ≥ {ratio:g} × faster", f"{found:.2f} ×", found >= ratio)


def no_more(aim: str, ours: Sample, other: Sample, ratio: float) -> Target:
    """Ours takes at most `ratio` times the other's time, in medians."""
    found = ours.median / other.median
    return Target(f"{aim}: ≤ {ratio:g} × the time", f"{found:.2f} ×", found <= ratio)


def interval(one: Sample, other: Sample) -> tuple[float, float]:
    """95 % of the ratios of medians, one to other, of pairs drawn again and again."""
    pairs = np.array([one.values, other.values])
    rng = np.random.default_rng(1)
    drawn = pairs[:, rng.integers(0, pairs.shape[1], (_DRAWS, pairs.shape[1]))]
    ratios = np.median(drawn[0], axis=1) / np.median(drawn[1], axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)
