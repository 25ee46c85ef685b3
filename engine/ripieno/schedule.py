"""What is planned and has not sounded: a heap in beats, so that a change of tempo moves it all."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from ripieno.clock import GRID_TOLERANCE, Beats
from ripieno.events import Planned
from ripieno.takes.take import Source


@dataclass(order=True, slots=True)
class _Entry:
    begin: Beats
    order: int
    planned: Planned = field(compare=False)
    source: Source = field(compare=False)


class Schedule:
    """Planned steps by their beat; those of one beat in the order in which they came."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._order = count()

    def add(self, planned: Planned, source: Source) -> None:
        heapq.heappush(self._heap, _Entry(planned.begin, next(self._order), planned, source))

    def cut(self, begin: Beats) -> None:
        """Void everything at or after `begin`."""
        self._heap = [e for e in self._heap if e.begin < begin - GRID_TOLERANCE]
        heapq.heapify(self._heap)

    def due(self, beat: Beats) -> Iterator[tuple[Planned, Source]]:
        """Take out, in order, what is to sound at or before `beat`."""
        while self._heap and self._heap[0].begin <= beat + GRID_TOLERANCE:
            entry = heapq.heappop(self._heap)
            yield entry.planned, entry.source

    @property
    def next(self) -> Beats | None:
        """When the next step is due, None when nothing is planned."""
        return self._heap[0].begin if self._heap else None

    def __iter__(self) -> Iterator[tuple[Planned, Source]]:
        return ((entry.planned, entry.source) for entry in sorted(self._heap))
