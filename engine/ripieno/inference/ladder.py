"""The ladder that a short budget walks down, and its way back.

fewer candidates → shorter context → smaller model → hold → rest. How many candidates there is time
for is decided step by step, and so is whether a late voice holds or rests. The rungs between change
what the model hears, so they are taken on evidence: down when the 95th percentile of what a step
costs comes near the budget, up again after a calm while, which doubles each time it was too early.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from ripieno.clock import Seconds
from ripieno.events import Rung

NEAR = 0.9
"""Share of the budget that the 95th percentile of a step's cost may come to."""
REMEMBERED = 32
"""Steps that the percentile is taken over."""
ENOUGH = 2
"""Steps that must be known before anything is concluded from them."""
HOPELESS, IN_A_ROW = 4.0, 4
"""The model is left alone only when so many steps in a row took so many times the budget: as long
as some voices come in time, they are worth having."""
CALM, LONGEST_CALM = 64, 1024
"""Steps in time before a rung is climbed, at first and at most."""
PAUSE, LONGEST_PAUSE = 8, 64
"""Steps without asking the model, at first and at most, before it is tried again."""
TRIAL = 16
"""Steps after a climb in which one late step is enough to go down again."""


class Ladder:
    """Where the generation stands on the ladder, and the evidence. `rungs`: those that exist here,
    best first, from `FULL` to `HOLD`."""

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self._rungs = rungs
        self._place = 0
        self._calm, self._pause = CALM, PAUSE
        self._costs: deque[float] = deque(maxlen=REMEMBERED)
        self._steps = self._hopeless = 0
        self._climbed = False

    @property
    def rung(self) -> Rung:
        """The one that the next step begins on."""
        return self._rungs[self._place]

    def tell(self, cost: Seconds, budget: Seconds, *, late: bool, fault: bool = False) -> None:
        """A step on this rung cost so much (its first candidate), and was `late`, or the model
        failed in it."""
        self._steps += 1
        if self.rung is Rung.HOLD:
            if self._steps >= self._pause:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._move(-1)
            return
        self._costs.append(cost)
        self._hopeless = self._hopeless + 1 if late and cost > HOPELESS * budget else 0
        if fault or self._too_slow(budget, late):
            if self._climbed and self._steps <= TRIAL:
                self._calm = min(2 * self._calm, LONGEST_CALM)
            self._move(1)
        elif self._steps >= self._calm and self._place:
            self._move(-1)
        elif self._climbed and self._steps == TRIAL + CALM:
            self._calm, self._pause = CALM, PAUSE

    def _too_slow(self, budget: Seconds, late: bool) -> bool:
        if self._rungs[self._place + 1] is Rung.HOLD:
            return self._hopeless >= IN_A_ROW
        if len(self._costs) < ENOUGH and not (late and self._climbed):
            return False
        ordered = sorted(self._costs)
        return ordered[ceil(0.95 * len(ordered)) - 1] > NEAR * budget

    def _move(self, places: int) -> None:
        self._place += places
        self._costs.clear()
        self._steps = self._hopeless = 0
        self._climbed = places < 0
