"""The cycles of a client of JACK: how many there were, and on which frame each begins."""

from __future__ import annotations

import time
from typing import Any

from ripieno.clock import Seconds
from ripieno.midi.frame_clock import FrameClock

_SIGHT = 50e-6
"""Seconds; a look at two clocks that took longer was interrupted, and does not count."""


class JackCycles:
    """Told by `client`, of JACK-Client's own class, in JACK's thread."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.count = 0
        """How often JACK has called: a number that stands still belongs to a dead server."""
        self.clock = FrameClock(client.samplerate)

    def begin(self) -> int:
        """A cycle begins: its first frame, on the clock's own count."""
        self.count += 1
        before = time.perf_counter()
        since = self._client.frames_since_cycle_start
        frame = self._client.last_frame_time
        if time.perf_counter() - before > _SIGHT and self.clock.running:
            return self.clock.cycle(frame, None)
        return self.clock.cycle(frame, Seconds(before - since / self.clock.rate))
