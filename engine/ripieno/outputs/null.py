"""No sound: a performance that only fills its take."""

from __future__ import annotations

from ripieno.clock import Seconds


class NullOutput:
    """Takes everything and says nothing."""

    name = "none"
    problem = ""
    lead = Seconds(0.0)

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        return

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        return

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        return

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        return

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        return

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        return

    def silence(self, at: Seconds | None = None) -> None:
        return

    def check(self) -> bool:
        return False

    def close(self) -> None:
        return
