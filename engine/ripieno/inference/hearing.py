"""A model and what it was not told yet: rows wait until somebody asks, then go as one chunk.

So a step whose voices are all the player's costs no run of its own, and an event of several rows
is one run for a model with a cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Protocol

from ripieno.inference.model import Logits, Mark, Model, Row

MANY = 64
"""Rows that may wait."""


class Marked(Protocol):
    """Something that remembers where the model stood."""

    state: Mark | None


class Hearing:
    """Rows in order, as the log brings them; `seconds` counts what the model's runs have cost."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seconds = 0.0
        self._rows: list[Row] = []
        self._marked: list[tuple[Marked, int]] = []

    @property
    def waiting(self) -> int:
        """Rows that the model was not told yet."""
        return len(self._rows)

    def ask(self, row: Row) -> Logits:
        """The logits of `row`, after all that waits. Raises ModelFault."""
        if self._rows:
            self._rows.append(row)
            return self.catch_up()
        began = perf_counter()
        logits = self.model.step(row)
        self.seconds += perf_counter() - began
        return logits

    def later(self, row: Row) -> None:
        """`row` is told with the next that is asked. Raises ModelFault when too many wait."""
        self._rows.append(row)
        if len(self._rows) >= MANY:
            self.catch_up()

    def catch_up(self) -> Logits:
        """Tell all that waits, which must be something: the last row's logits. Raises ModelFault.

        What waits is no longer waiting afterwards, whatever happens.
        """
        rows, marked = self._rows, self._marked
        self._rows, self._marked = [], []
        began = perf_counter()
        logits, marks = self.model.feed(rows, [place for _, place in marked])
        self.seconds += perf_counter() - began
        for (entry, _), mark in zip(marked, marks, strict=True):
            entry.state = mark
        return logits

    def remember(self, entry: Marked) -> None:
        """Note in `entry` where the model stands after all that was told or waits."""
        if self._rows:
            self._marked.append((entry, len(self._rows)))
        else:
            entry.state = self.model.mark()

    def rewind(self, entry: Marked) -> bool:
        """Go back to where `entry` remembers; False if it does not."""
        for number, (marked, place) in enumerate(self._marked):
            if marked is entry:
                del self._rows[place:], self._marked[number:]
                return True
        if entry.state is None:
            return False
        self.model.rewind(entry.state)
        self.forget()
        return True

    def forget(self) -> None:
        """Nothing waits any more."""
        self._rows.clear()
        self._marked.clear()

    def replay(
        self, rows: Sequence[Row], entries: Sequence[tuple[Marked, int]], start: Mark | None
    ) -> None:
        """From `start`, or from nothing, tell `rows`, and note in each of `entries` where the model
        stood before that row. Raises ModelFault."""
        if start is None:
            self.model.reset()
        else:
            self.model.rewind(start)
        self._rows, self._marked = list(rows), list(entries)
        if rows:
            self.catch_up()
