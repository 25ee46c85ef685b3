"""Bytes as they come over a wire, cut into whole MIDI messages. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ripieno.clock import Seconds

Heard = Callable[[bytes, Seconds], None]
"""Takes bytes and the moment at which they came; must return at once."""
Left = Callable[[], None]
"""Told when somebody who was heard has gone, perhaps in the middle of a note."""

_LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
"""Data bytes of a channel message, by its kind."""
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
"""Data bytes of a system common message."""
SYSEX, SYSEX_END, REALTIME = 0xF0, 0xF7, 0xF8


class MidiStream:
    """What one source sends, after the MIDI 1.0 specification: nothing in it is an error.

    A status may be left out when it is the last one again (running status); realtime messages may
    come in the middle of others; a message that is cut off ends with the next status, a system
    exclusive one too. Those, and bytes that belong to nothing, are dropped.
    """

    def __init__(self) -> None:
        self._status = 0  # 0: data bytes belong to nothing
        self._data: list[int] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole with these bytes."""
        for byte in data:
            if byte >= REALTIME:
                yield bytes((byte,))
            elif byte >= 0x80:
                self._status, self._data = byte, []
                if self._length() == 0:
                    yield self._whole()
            elif self._status:
                yield from self._more(byte)

    def _more(self, byte: int) -> Iterator[bytes]:
        length = self._length()
        if length is None:
            return  # in the middle of a system exclusive message
        self._data.append(byte)
        if len(self._data) == length:
            yield self._whole()

    def _length(self) -> int | None:
        """How many data bytes the message has; None when they are not for us."""
        if self._status < SYSEX:
            return _LENGTHS[self._status & 0xF0]
        return _SYSTEM.get(self._status)

    def _whole(self) -> bytes:
        message = bytes((self._status, *self._data))
        self._data = []
        if self._status >= SYSEX:
            self._status = 0  # only channel messages have a running status
        return message
