"""When each message leaves: a queue by moment that never reorders the messages of one note.

Pure. Moments are Seconds in `lane.py` and frames in `jack_midi.py`; only their order matters here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush

from ripieno.outputs.messages import (
    CONTROL,
    NOTE_OFF,
    NOTE_ON,
    SILENCE,
    SYSTEM,
    Message,
    note_off,
)

Line = tuple[int, int]
"""What a message is about; for notes, 0x90 with the channel, and the pitch."""


class Pacing:
    """Messages that wait for their moment.

    Those of one line (one note, one controller, the clock) leave in the order in which they were
    put, and those of one note at least `gap` apart, so that a note that is struck again has
    ended before. Otherwise the earlier moment leaves first, and at one moment note-offs do.
    """

    def __init__(self, gap: float) -> None:
        self._gap = gap
        self._lines: dict[Line, deque[tuple[float, int, Message]]] = {}
        self._heads: list[tuple[float, bool, int, Line]] = []
        self._left: dict[Line, float] = {}  # when the last message of each line left
        self._on: set[Line] = set()  # notes whose last message that left was a note-on
        self._number = 0

    def put(self, at: float, message: Message) -> None:
        """Let `message` leave at `at`, or after what was put before about the same."""
        line = line_of(message)
        waiting = self._lines.setdefault(line, deque())
        self._number += 1
        waiting.append((at, self._number, message))
        if len(waiting) == 1:
            self._push(line)

    def put_back(self, at: float, message: Message) -> None:
        """Let a message that has just left, and could not be delivered, leave again at `at`."""
        line = line_of(message)
        self._number += 1
        self._lines.setdefault(line, deque()).appendleft((at, self._number, message))
        self._left.pop(line, None)
        self._push(line)

    def _push(self, line: Line) -> None:
        """The first message of `line` waits with the first ones of the other lines."""
        at, number, message = self._lines[line][0]
        heappush(self._heads, (at, not is_off(message), number, line))

    @property
    def next(self) -> float | None:
        """When the next message wants to leave; None when none waits."""
        while self._heads:
            at, _, number, line = self._heads[0]
            waiting = self._lines.get(line)
            if waiting and waiting[0][1] == number:
                return at
            heappop(self._heads)  # it was cancelled, or put back
        return None

    def due(self, until: float, floor: float) -> Iterator[tuple[float, Message]]:
        """All that leaves by `until`, each with its moment, which is `floor` at the earliest."""
        while (at := self.next) is not None and at <= until:
            _, _, _, line = heappop(self._heads)
            _, number, message = self._lines[line][0]
            moment = max(at, floor)
            if line in self._left:
                gap = self._gap if line[0] & 0xF0 == NOTE_ON else 0.0
                moment = max(moment, self._left[line] + gap)
            if moment > until:
                heappush(self._heads, (moment, not is_off(message), number, line))
                continue
            floor = moment  # none overtakes another that has left
            self._leave(line, moment)
            yield moment, message

    def _leave(self, line: Line, moment: float) -> None:
        waiting = self._lines[line]
        _, _, message = waiting.popleft()
        self._left[line] = moment
        if message[0] & 0xF0 == NOTE_ON:
            self._on.add(line)
        else:
            self._on.discard(line)
        if waiting:
            self._push(line)
        else:
            del self._lines[line]

    def cancel(self, channel: int, pitch: int, at: float) -> None:
        """What waits for this note does not leave; if the note has begun, it ends at `at`."""
        line = (NOTE_ON | channel, pitch)
        self._lines.pop(line, None)
        if line in self._on:
            self.put(at, note_off(channel, pitch))

    def busy(self, channel: int, pitch: int) -> bool:
        """Whether this note has begun and not ended, or something waits for it."""
        line = (NOTE_ON | channel, pitch)
        return line in self._on or line in self._lines

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and every note that has begun has ended."""
        return not self._on and not self._lines

    @property
    def notes_end(self) -> float | None:
        """When all messages of notes that wait now will surely have left; None without one."""
        ends = [
            max(waiting[-1][0], self._left.get(line, 0.0) + (len(waiting) + 1) * self._gap)
            for line, waiting in self._lines.items()
            if line[0] & 0xF0 == NOTE_ON
        ]
        return max(ends, default=None)

    def left(self, channel: int, pitch: int) -> float | None:
        """When the last message of this note left; None before the first."""
        return self._left.get((NOTE_ON | channel, pitch))


def is_off(message: Message) -> bool:
    return message[0] & 0xF0 == NOTE_OFF


def line_of(message: Message) -> Line:
    """What `message` is about."""
    status = message[0]
    kind = status & 0xF0
    if kind in (NOTE_OFF, NOTE_ON):
        return NOTE_ON | (status & 0x0F), message[1]
    if kind == CONTROL:
        return status, message[1]
    return (SYSTEM if kind == SYSTEM and message != SILENCE else status), 0
