"""Sound that is made ahead of when it is needed, so that an instrument that hangs holds up nobody.

Two threads: one makes blocks with the instrument, one takes them for the loudspeakers and never
waits. Both go by the frames of the loudspeakers' clock.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from ripieno.outputs.messages import Message
from ripieno.outputs.pacing import Pacing

GAP = 0.001
"""Seconds between two messages of one note."""


class Instrument(Protocol):
    """Something that makes sound on demand."""

    def render(self, frames: int, events: list[tuple[int, bytes]]) -> list[bytes]:
        """The next `frames` frames of each side, with `events` (frame 0 … frames - 1, bytes)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Sound that begins on frame `start`; `sides` are 32-bit floats."""

    start: int
    frames: int
    sides: list[bytes]


class Ahead:
    """Blocks of `instrument`, made up to `depth` of them before they are taken."""

    def __init__(self, instrument: Instrument, rate: int, depth: int = 1) -> None:
        self.depth = depth
        self.made = 0
        """How many blocks were made: a number that stands still belongs to one that hangs …"""
        self.wanted = 0
        """… if this one goes on: how many were asked for."""
        self.late = 0
        """How many were not there when they were to sound."""
        self._instrument = instrument
        self._pacing = Pacing(GAP * rate)
        self._told: deque[tuple[int | None, Message, bool]] = deque()
        self._blocks: deque[Block] = deque()
        self._wish = threading.Semaphore(0)
        self._next: int | None = None  # where what was made ends
        self._wanted = (0, 0)  # the frame that is taken next, and how many are at once

    # ---- whoever hears the messages

    def tell(self, frame: int | None, message: Message, *, revokes: bool = False) -> None:
        """Let `message` sound on `frame`; None is at once. One that `revokes` takes back its note
        where it has not begun, and else ends it."""
        self._told.append((frame, message, revokes))

    # ---- the thread of the loudspeakers

    def take(self, start: int, frames: int) -> Block | None:
        """The block that begins on frame `start`; None where none is ready."""
        found: Block | None = None
        while self._blocks and found is None:
            block = self._blocks.popleft()
            if (block.start, block.frames) == (start, frames):
                found = block
        if found is None and self.made:
            self.late += 1
        self.wanted += 1
        self._wanted = (start + frames, frames)
        self._wish.release()
        return found

    # ---- the thread of the instrument

    def make(self) -> None:
        """Wait until sound is wanted, and make what is missing."""
        self._wish.acquire()
        start, frames = self._wanted
        expected = range(start, start + self.depth * frames + 1, frames)
        if self._next is None or self._next not in expected:
            self._next = start  # at the beginning, or when the loudspeakers have lost frames
        while self._next < self._wanted[0] + self.depth * frames:
            events = self._events(self._next, frames)
            sides = self._instrument.render(frames, events)
            self._blocks.append(Block(self._next, frames, sides))
            self._next += frames
            self.made += 1

    def _events(self, start: int, frames: int) -> list[tuple[int, bytes]]:
        """What sounds in the block of so many frames from `start`, in order."""
        while self._told:
            frame, message, revokes = self._told.popleft()
            if revokes:
                at = start if frame is None else frame
                self._pacing.cancel(message[0] & 0x0F, message[1], at)
            else:
                self._pacing.put(start if frame is None else frame, message)
        last = start + frames - 1
        return [
            (int(frame) - start, bytes(message)) for frame, message in self._pacing.due(last, start)
        ]
