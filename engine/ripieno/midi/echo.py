"""What we played and hear again, because an input and an output share a loop: it is not the player.

Pure, but for being written by one thread and read by another.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from ripieno.clock import Seconds
from ripieno.events import (
    ControlChange,
    MidiMessage,
    NoteOff,
    NoteOn,
    PitchBend,
    ProgramChange,
)
from ripieno.outputs.messages import Message, bend, control, note_off, note_on, program

EXPIRY = Seconds(0.2)
"""An echo comes within this time: a loop through a program with the longest buffers takes a tenth
of a second."""
_MOST = 4096
"""Messages that may wait for their echo: two seconds of a flood."""


class Echo:
    """Our own messages, on their way back to one input.

    A note counts as ours when the very bytes of its note-on were sent just now, and then its
    note-off does too: a note-off of the player's is never lost, even on a pitch that we play.
    """

    def __init__(self, now: Callable[[], Seconds]) -> None:
        """`now` tells when something is sent, on the clock of what is heard."""
        self._now = now
        self._sent: deque[tuple[Seconds, Message]] = deque(maxlen=_MOST)  # written by who sends
        self._waiting: deque[tuple[Seconds, Message]] = deque()
        self._expected: dict[Message, deque[Seconds]] = {}  # when each was sent, if not heard yet
        self._ours: Counter[tuple[int, int]] = Counter()  # notes heard that came from us
        self._theirs: Counter[tuple[int, int]] = Counter()  # and those that the player holds

    def sent(self, message: Message) -> None:
        """We play `message`, now or in a moment."""
        if message[0] < 0xF0:
            self._sent.append((self._now(), message))

    def is_ours(self, message: MidiMessage, at: Seconds) -> bool:
        """Whether what was heard at `at` is an echo. Every message heard must be asked about."""
        self._catch_up(at)
        match message:
            case NoteOn(channel, pitch, velocity):
                ours = self._take(note_on(channel, pitch, velocity))
                (self._ours if ours else self._theirs)[channel, pitch] += 1
                return ours
            case NoteOff(channel, pitch):
                return self._ends_ours(channel, pitch)
            case ControlChange(channel, controller, value):
                return self._take(control(channel, controller, value))
            case PitchBend(channel, value):
                return self._take(bend(channel, value))
            case ProgramChange(channel, number):
                return self._take(program(channel, number))
        return False

    def _ends_ours(self, channel: int, pitch: int) -> bool:
        cell = (channel, pitch)
        expected = self._take(note_off(channel, pitch))
        if self._ours[cell] and (expected or not self._theirs[cell]):
            self._ours[cell] -= 1
            return True
        self._theirs[cell] = max(0, self._theirs[cell] - 1)
        return False

    def _take(self, message: Message) -> bool:
        """Whether `message` was expected; then it is expected once less."""
        times = self._expected.get(message)
        if not times:
            return False
        times.popleft()
        return True

    def _catch_up(self, at: Seconds) -> None:
        """Take in what was sent since the last time, and give up what is too old."""
        while self._sent:
            entry = self._sent.popleft()
            self._waiting.append(entry)
            self._expected.setdefault(entry[1], deque()).append(entry[0])
        while self._waiting and self._waiting[0][0] < at - EXPIRY:
            sent, message = self._waiting.popleft()
            times = self._expected[message]
            if times and times[0] <= sent:
                times.popleft()
