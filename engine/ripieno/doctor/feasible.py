"""How often to plan and how far, so that the music never waits for the model. Pure.

A plan is asked for every `interval` steps and reaches `length` steps ahead. With r the round trip
in whole steps (the 95th percentile, rounded up), playback never starves exactly when
r ≤ interval ≤ length - r: no plan is asked for before the last one is there, and what has been
planned lasts until the next plan arrives. To play from the newest plan while the next one is made
is the protocol of Scarlatos et al., "ReaLJam" (2025, arXiv 2502.21267), whose look-ahead and commit
this bounds from below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ripieno.clock import Seconds
from ripieno.grammar.grid import STEPS_PER_BEAT


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of `length` steps is asked for every `interval` steps; both are sixteenths, from 1."""

    interval: int
    length: int


def step_seconds(bpm: float) -> Seconds:
    """How long a sixteenth lasts at `bpm` quarter notes a minute."""
    return Seconds(60.0 / bpm / STEPS_PER_BEAT)


def steps_for(round_trip: Seconds, step: Seconds) -> int:
    """`round_trip` in whole steps, rounded up, at least 1: less than a step is not planned for."""
    return max(1, math.ceil(round_trip / step - 1e-9))


def never_starves(plan: Plan, behind: int) -> bool:
    """Whether playback never waits when each plan arrives within `behind` steps."""
    return behind <= plan.interval <= plan.length - behind


def intervals(length: int, round_trip: Seconds, step: Seconds) -> range:
    """All feasible intervals for plans of `length` that take `round_trip`; there may be none."""
    behind = steps_for(round_trip, step)
    return range(behind, length - behind + 1)


def feasible(trips: Mapping[int, Seconds], step: Seconds) -> Iterator[Plan]:
    """The feasible region: every plan that never starves, by interval and then length.

    trips: the 95th percentile of the round trip in seconds, for each length in steps.
    """
    plans = [
        Plan(interval, length)
        for length, trip in trips.items()
        for interval in intervals(length, trip, step)
    ]
    yield from sorted(plans, key=lambda plan: (plan.interval, plan.length))


def smallest(trips: Mapping[int, Seconds], step: Seconds) -> Plan | None:
    """The plan that follows the player most closely; None when no plan keeps up."""
    return next(feasible(trips, step), None)


def table(trips: Mapping[int, Seconds], tempos: tuple[float, ...]) -> Iterator[str]:
    """The region as lines of text: a row for each tempo, a column for each length.

    A cell says how often to ask, in sixteenths; the one that is picked has a star.
    """
    lengths = sorted(trips)
    yield "  bpm  sixteenth " + "".join(f"{f'L={length}':>9}" for length in lengths)
    for bpm in tempos:
        step = step_seconds(bpm)
        picked = smallest(trips, step)
        cells = [
            _cell(length, intervals(length, trips[length], step), picked) for length in lengths
        ]
        yield f"{bpm:5g} {1000 * step:7.0f} ms " + "".join(f"{cell:>9}" for cell in cells)


def _cell(length: int, region: range, picked: Plan | None) -> str:
    if not region:
        return "–"
    first, last = region[0], region[-1]
    star = "*" if picked == Plan(first, length) else ""
    return (f"{first}…{last}" if last > first else f"{first}") + star
