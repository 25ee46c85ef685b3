"""MIDI in: an instrument's port, or one of our own, each message stamped as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, Stamped
from ripieno.midi import Direction
from ripieno.midi_port import Connection
from ripieno.routing import InputKind, InputSpec


class Input:
    """An instrument that is heard. `name` is for the player."""

    def __init__(
        self, client: str, name: str, *, virtual: bool, on_message: Callable[[Stamped], None]
    ) -> None:
        """Open it. `on_message` is called in RtMidi's own thread and must return at once."""

        def heard(event: tuple[list[int], float], _: object) -> None:
            at = Seconds(time.perf_counter())
            message = parse(event[0])
            if message is not None:
                on_message(Stamped(at, message))

        own = f"{client}-in" if virtual else client
        self._connection = Connection(Direction.INPUT, own, name, virtual=virtual, heard=heard)
        self.name = f'port "{self._connection.title}"'

    @property
    def lost(self) -> bool:
        """Whether the port has gone; what it held down should be released."""
        return self._connection.lost

    def check(self) -> str:
        """See `Connection.check`."""
        return self._connection.check()

    def close(self) -> None:
        self._connection.close()


def open_input(spec: InputSpec, client: str, on_message: Callable[[Stamped], None]) -> Input:
    """Open a port by name, or one of our own. Raises PortError.

    A file is not a port: it is a `midifile.FileInput`, and plays by the beat.
    """
    virtual = spec.kind is InputKind.VIRTUAL
    if spec.kind is InputKind.FILE:
        raise PortError(f"{spec.name!r} is a MIDI file and no port")
    return Input(client, spec.name, virtual=virtual, on_message=on_message)


def parse(data: Sequence[int]) -> MidiMessage | None:
    """The message in these bytes; None for what a performance does not use.

    A note-on with velocity 0 is a note-off, as the MIDI 1.0 specification has it.
    """
    if len(data) != 3:
        return None
    kind, channel = data[0] & 0xF0, data[0] & 0x0F
    if kind == 0x90 and data[2] > 0:
        return NoteOn(channel, data[1], data[2])
    if kind in (0x80, 0x90):
        return NoteOff(channel, data[1])
    if kind == 0xB0:
        return ControlChange(channel, data[1], data[2])
    return None
