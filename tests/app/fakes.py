"""A whole fake of the screen's only boundary: the client."""

from __future__ import annotations

import os

from ripieno.channel import Closed
from ripieno.commands import Command
from ripieno.events import Telemetry


class FakeClient:
    """Remembers commands, and tells what the test gives it to tell."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.closed = False
        self._newest: Telemetry | None = None
        self._dead = False
        self._out, self._in = os.pipe()
        os.set_blocking(self._out, False)

    def tell(self, telemetry: Telemetry) -> None:
        """Telemetry comes from the engine."""
        self._newest = telemetry
        os.write(self._in, b".")

    def die(self) -> None:
        """The engine dies: its end of the pipe closes."""
        self._dead = True
        os.close(self._in)

    def break_sending(self) -> None:
        """The engine dies, and a command finds it out before the telemetry does."""
        self._dead = True

    def send(self, command: Command) -> None:
        if self._dead:
            raise Closed
        self.commands.append(command)

    def fileno(self) -> int:
        return self._out

    def latest(self) -> Telemetry | None:
        try:
            read = os.read(self._out, 1 << 16)
        except BlockingIOError:
            return None
        newest, self._newest = self._newest, None
        if newest is None and not read:
            raise Closed
        return newest

    def close(self) -> None:
        self.closed = True
