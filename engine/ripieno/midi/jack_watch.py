"""Notices that another program on JACK never finishes its part of a cycle."""

from __future__ import annotations

from ripieno.midi.jack import Patchbay


class JackWatch(Patchbay):
    """A patchbay with an ear, for one program. Raises PortError without a server.

    JACK calls whoever listens when the one that is heard has finished. So while the cycles of
    everybody else go on and `cycles` stands still, that one hangs.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._ear = self._client.inports.register("in")
        self.cycles = 0
        self._client.set_process_callback(self._count)
        self._client.activate()

    def _count(self, frames: int) -> None:
        self.cycles += 1

    def listen(self, port: str) -> bool:
        """Listen to the audio port called `port`; False when it does not exist."""
        return self.connect(port, self._ear.name)

    def close(self) -> None:
        self._client.deactivate()
        super().close()
