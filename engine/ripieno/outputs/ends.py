"""What a listener must still be told to end, when it comes back. Pure."""

from __future__ import annotations

from ripieno.outputs.messages import CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN, Message, control, note_off


class Ends:
    """The note-offs and pedal-ups that whoever went away may have missed."""

    def __init__(self) -> None:
        self._open: set[Message] = set()  # what would end that which sounds now
        self._lately: set[Message] = set()  # … or did at some time since the last look
        self._missing: set[Message] = set()

    def sent(self, message: Message) -> None:
        """A message has left."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == NOTE_ON:
            self._begin(note_off(channel, message[1]))
        elif kind == NOTE_OFF:
            self._open.discard(note_off(channel, message[1]))
        elif kind == CONTROL and message[1] == SUSTAIN:
            up = control(channel, SUSTAIN, 0)
            if message[2]:
                self._begin(up)
            else:
                self._open.discard(up)

    def _begin(self, end: Message) -> None:
        self._open.add(end)
        self._lately.add(end)

    def looked(self) -> None:
        """Everyone is still there, so all that was sent has been heard."""
        self._lately = set(self._open)

    def left(self) -> None:
        """Somebody has gone since the last look."""
        self._missing |= self._lately

    def came(self) -> list[Message]:
        """What is to be told to one who comes, before anything else."""
        owed, self._missing = sorted(self._missing), set()
        return owed
