"""MIDI in: an instrument's port, or one of our own, each message stamped as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.events import (
    ClockTick,
    ClockTransport,
    ControlChange,
    MidiMessage,
    NoteOff,
    NoteOn,
    PitchBend,
    ProgramChange,
    SongPosition,
    Stamped,
    Transport,
)
from ripieno.midi.connection import open_port
from ripieno.midi.echo import Echo
from ripieno.midi.rtmidi_ports import Api, Direction
from ripieno.midi.stream import MidiStream
from ripieno.outputs.messages import SUSTAIN
from ripieno.routing import InputKind, InputSpec


class Input:
    """An instrument that is heard. `name` is for the player.

    A message is stamped when it comes. On JACK its frame tells when it was played, a period
    before; but a clock's messages are stamped with the very frame, which may lie up to a period
    ahead: what is played at that moment is on the same frame.
    """

    def __init__(
        self,
        client: str,
        name: str,
        *,
        virtual: bool,
        on_message: Callable[[Stamped], None],
        place: int = 0,
    ) -> None:
        """Open it. `on_message` is called in the MIDI system's own thread, and returns at once.

        `place` is the `source` of its messages.
        """
        self._place = place
        self.echo = Echo(lambda: Seconds(time.perf_counter()))
        """What does not count as played: our outputs tell it what they send."""
        own = f"{client}-in" if virtual else client
        self._on_message = on_message
        self._stream = MidiStream()
        self._held: set[tuple[int, int]] = set()
        self._pedals: set[int] = set()
        self._delay = Seconds(0.0)
        self._connection = open_port(
            Direction.INPUT, own, name, virtual=virtual, heard=self._heard, left=self._let_go
        )
        if self._connection.api is Api.JACK:
            self._delay = Seconds(self._connection.lead / 2)
        self.name = f'port "{self._connection.title}"'

    def _heard(self, data: bytes, at: Seconds) -> None:
        for whole in self._stream.feed(data):
            message = parse(whole)
            if message is not None:
                self._hear(message, at)

    def _hear(self, message: MidiMessage, at: Seconds) -> None:
        if not isinstance(message, ClockTick | ClockTransport | SongPosition):
            at = Seconds(at - self._delay)
            if self.echo.is_ours(message, at):
                return
            self._note_down(message)
        self._on_message(Stamped(at, message, self._place))

    def _note_down(self, message: MidiMessage) -> None:
        match message:
            case NoteOn(channel, pitch, _):
                self._held.add((channel, pitch))
            case NoteOff(channel, pitch):
                self._held.discard((channel, pitch))
            case ControlChange(channel, controller, value) if controller == SUSTAIN:
                (self._pedals.add if value else self._pedals.discard)(channel)

    @property
    def target(self) -> str:
        """The port that is heard; '' where others connect to ours."""
        return self._connection.target

    @property
    def lost(self) -> bool:
        """Whether the port has gone; what it held down has been released."""
        return self._connection.lost

    def check(self) -> str:
        """See `Connection.check`."""
        return self._connection.check()

    def _let_go(self) -> None:
        """Somebody has gone: what their hands held down is released."""
        at = Seconds(time.perf_counter())
        for channel, pitch in sorted(tuple(self._held)):
            self._on_message(Stamped(at, NoteOff(channel, pitch), self._place))
        for channel in sorted(tuple(self._pedals)):
            release = ControlChange(channel, SUSTAIN, 0)
            self._on_message(Stamped(at, release, self._place))
        self._held.clear()
        self._pedals.clear()

    def close(self) -> None:
        self._connection.close()


def open_input(
    spec: InputSpec, client: str, on_message: Callable[[Stamped], None], place: int = 0
) -> Input:
    """Open a port by name, or one of our own; its messages come from `place`. Raises PortError.

    A file is not a port: it is a `midifile.FileInput`, and plays by the beat.
    """
    virtual = spec.kind is InputKind.VIRTUAL
    if spec.kind is InputKind.FILE:
        raise PortError(f"{spec.name!r} is a MIDI file and no port")
    return Input(client, spec.name, virtual=virtual, on_message=on_message, place=place)


_CLOCK: dict[int, MidiMessage] = {
    0xF8: ClockTick(),
    0xFA: ClockTransport(Transport.START),
    0xFB: ClockTransport(Transport.CONTINUE),
    0xFC: ClockTransport(Transport.STOP),
}


def parse(data: Sequence[int]) -> MidiMessage | None:
    """The message in these bytes; None for what a performance does not use, and for nonsense.

    A note-on with velocity 0 is a note-off, as the MIDI 1.0 specification has it.
    """
    if len(data) == 1:
        return _CLOCK.get(data[0])
    if len(data) == 2 and data[0] & 0xF0 == 0xC0 and data[1] <= 127:
        return ProgramChange(data[0] & 0x0F, data[1])
    if len(data) != 3 or max(data[1], data[2]) > 127:
        return None
    status, first, second = data
    kind, channel = status & 0xF0, status & 0x0F
    if kind == 0x90 and second > 0:
        return NoteOn(channel, first, second)
    if kind in (0x80, 0x90):
        return NoteOff(channel, first)
    if kind == 0xB0:
        return ControlChange(channel, first, second)
    if kind == 0xE0:
        return PitchBend(channel, (first | second << 7) - 8192)
    if status == 0xF2:
        return SongPosition(first | second << 7)
    return None
