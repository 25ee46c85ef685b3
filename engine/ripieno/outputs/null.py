"""No sound: a performance that only fills its take."""

from __future__ import annotations


class NullOutput:
    """Takes everything and says nothing."""

    name = "none"
    problem = ""

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        return

    def note_off(self, channel: int, pitch: int) -> None:
        return

    def control(self, channel: int, controller: int, value: int) -> None:
        return

    def program(self, channel: int, program: int) -> None:
        return

    def silence(self) -> None:
        return

    def check(self) -> None:
        return

    def close(self) -> None:
        return
