"""The models of those who are to come in, loaded beside those that play."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ripieno.clock import Seconds
from ripieno.inference.host import ModelHost
from ripieno.inference.link import ModelSpec
from ripieno.performance import Performance

Make = Callable[[ModelSpec, int, str], ModelHost]
"""Starts the model of the one at a place, who is called so."""


class Expected(Protocol):
    """One who is to come."""

    @property
    def model(self) -> ModelSpec: ...

    @property
    def name(self) -> str: ...


class Arrival:
    """The hosts of those who come in at `place` and on; what they say is kept, and not told.

    To start a process holds up whoever starts it for some milliseconds, so `start` starts one.
    """

    def __init__(
        self, seats: Sequence[Expected], place: int, show: Performance, make: Make
    ) -> None:
        self.hosts: list[ModelHost] = []
        self._waiting = list(seats)
        self._place, self._show, self._make = place, show, make
        self._said: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether all have been started."""
        return not self._waiting

    def start(self) -> None:
        """Start the next one."""
        seat = self._waiting.pop(0)
        host = self._make(seat.model, self._place + len(self.hosts), seat.name)
        host.join(self._show, _nothing, self._said.append)
        self.hosts.append(host)

    @property
    def ready(self) -> bool:
        """Whether all models are there."""
        return self.complete and all(host.loaded for host in self.hosts)

    @property
    def problem(self) -> str:
        """Why they cannot come, in a sentence; '' while they can."""
        if not any(host.ready and not host.loaded for host in self.hosts):
            return ""
        return self._said[0] if self._said else "a model cannot be had"


def _nothing(now: Seconds) -> None:
    """The music need not begin for those who are not there yet."""
