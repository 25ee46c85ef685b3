"""MIDI out: to a port of this machine, or through one of our own."""

from __future__ import annotations

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.midi.connection import open_port
from ripieno.midi.echo import Echo
from ripieno.midi.rtmidi_ports import Api, Direction
from ripieno.outputs import messages
from ripieno.outputs.messages import Message
from ripieno.routing import OutputKind, OutputSpec

ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123


class PortOutput:
    """A MIDI port as an output. `client` and `port` are the names that other programs see."""

    def __init__(self, client: str, name: str, *, virtual: bool) -> None:
        """Open it. Raises PortError."""
        self._connection = open_port(Direction.OUTPUT, client, name, virtual=virtual)
        self.name = f'port "{self._connection.title}"'
        self.echoes: list[Echo] = []
        """What listens for our own messages coming back."""
        self._problem = ""

    @property
    def virtual(self) -> bool:
        return self._connection.virtual

    @property
    def api(self) -> Api:
        return self._connection.api

    @property
    def client(self) -> str:
        return self._connection.client

    @property
    def port(self) -> str:
        """Our own port's name, or the name of the port that is played to."""
        return self._connection.port if self.virtual else self._connection.target

    @property
    def lead(self) -> Seconds:
        return self._connection.lead

    @property
    def problem(self) -> str:
        return self._problem

    def check(self) -> bool:
        """Once a second: notice that the port has gone, or open it again when it is back."""
        news = self._connection.check()
        if news:
            self._problem = news if self._connection.lost else ""
        return self._connection.newcomer()

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._send(messages.note_on(channel, pitch, velocity), at)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._send(messages.note_off(channel, pitch), at)

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        for echo in self.echoes:
            echo.sent(messages.note_off(channel, pitch))
        self._connection.revoke(channel, pitch, at)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.control(channel, controller, value), at)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._send(messages.program(channel, program), at)

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.bend(channel, value), at)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        self._send(data, at)

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self.control(channel, ALL_NOTES_OFF, 0, at)
            self.control(channel, ALL_SOUND_OFF, 0, at)

    def _send(self, message: Message, at: Seconds | None) -> None:
        for echo in self.echoes:
            echo.sent(message)
        self._connection.send(message, at)

    def close(self) -> None:
        self._connection.close()


def open_output(spec: OutputSpec, client: str) -> PortOutput:
    """Open the MIDI port that `spec` names, or one of our own. Raises PortError."""
    if spec.kind not in (OutputKind.PORT, OutputKind.VIRTUAL):
        raise PortError(f"an output of kind {spec.kind.value!r} is no MIDI port")
    return PortOutput(client, spec.name, virtual=spec.kind is OutputKind.VIRTUAL)
