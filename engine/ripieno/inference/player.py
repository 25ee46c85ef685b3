"""What the engine asks of whatever plays a model: requests in, steps out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from ripieno.clock import Beats, Clock
from ripieno.events import Planned, Request
from ripieno.inference.generate import Effort


class Player(Protocol):
    """Plays requests with one bundle, and remembers what was heard and planned."""

    faults: list[str]
    """What went wrong, in sentences; whoever tells the player clears it."""

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """Bring the context up to `begin`, then yield each sixteenth of [begin, end) as soon as it
        is decided. Whoever has a newer request stops iterating. See `generate.Generator.plan`."""

    def reset(self) -> None:
        """Forget everything."""
