"""Which ends a listener may have missed, because a cycle of messages was lost. Pure."""

from __future__ import annotations

from ripieno.outputs.messages import CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN, Message, control, note_off


class Reminders:
    """The note-offs and pedal-ups that have left within the last `memory` frames.

    What has begun anew meanwhile is none of them, so saying them again never ends what sounds.
    What is said again has left again: in a storm of lost cycles it is said until the storm ends.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._left: dict[Message, int] = {}  # each end, and the frame on which it left

    def sent(self, message: Message, frame: int) -> None:
        """A message has left on `frame`."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind in (NOTE_ON, NOTE_OFF):
            self._note(note_off(channel, message[1]), frame, ends=kind == NOTE_OFF)
        elif kind == CONTROL and message[1] == SUSTAIN:
            self._note(control(channel, SUSTAIN, 0), frame, ends=not message[2])

    def _note(self, end: Message, frame: int, *, ends: bool) -> None:
        self._left.pop(end, None)
        if ends:
            self._left[end] = frame

    def lately(self, frame: int) -> list[Message]:
        """What is to be said once more at `frame`, in the order in which it left."""
        return [end for end, left in self._left.items() if left >= frame - self.memory]
