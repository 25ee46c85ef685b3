"""A real model that takes as long as a test says, by a clock that only its runs move on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ripieno.clock import Seconds
from ripieno.inference.model import Logits, Mark, Model, ModelFault, Row

Harm = Callable[[int], str]
"""Given the number of a run: '' for a good one, 'nan', or what the model says as it fails."""


class RunClock:
    """Time that passes only in runs of a model."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Seconds:
        return Seconds(self.seconds)

    def sleep_until(self, at: Seconds) -> None:
        raise AssertionError("generating never waits")


class SlowModel:
    """`model`, with `cost` seconds for each row, and `harm` to some runs."""

    def __init__(
        self, model: Model, clock: RunClock, cost: float = 0.0, harm: Harm = lambda run: ""
    ) -> None:
        self.manifest, self.precision = model.manifest, model.precision
        self.marks_last, self.per_step = model.marks_last, model.per_step
        self.context = model.context
        self.cost, self.harm = cost, harm
        self.runs = 0
        self._model, self._clock = model, clock

    @property
    def length(self) -> int:
        return self._model.length

    def step(self, row: Row) -> Logits:
        return self._spent(1, self._model.step(row))

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        logits, marks = self._model.feed(rows, at)
        return self._spent(len(rows), logits), marks

    def mark(self) -> Mark:
        return self._model.mark()

    def rewind(self, mark: Mark) -> None:
        self._model.rewind(mark)

    def reset(self) -> None:
        self._model.reset()

    def _spent(self, rows: int, logits: Logits) -> Logits:
        self._clock.seconds += rows * self.cost
        self.runs += 1
        match self.harm(self.runs):
            case "":
                return logits
            case "nan":
                return np.full_like(logits, np.nan)
            case said:
                raise ModelFault(said)
