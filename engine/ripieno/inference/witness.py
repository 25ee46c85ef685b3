"""Who had the word when a process died: the plug-in's part that is being called, in shared memory.

A part that is stuck inside a C library hears nothing, and its process with it. So the process
writes down whom it calls, the system ends it when the call takes too long, and whoever starts it
again knows whom to leave out.
"""

from __future__ import annotations

import mmap
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ripieno import plugins
from ripieno.clock import Seconds

GRACE = 0.25
"""Seconds of processor time after which the system ends what should have been broken off."""
ASLEEP = 2.0
"""Seconds on the clock after which one that computes nothing is ended by its host."""
_CALL = struct.Struct("<IfB")  # how many calls so far, seconds that this one may take, its length
SIZE = 512


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a plug-in by its `group` and its `name`."""

    group: str
    name: str


class Witness:
    """What is being called now, in `memory` of SIZE bytes."""

    def __init__(self, memory: mmap.mmap | bytearray | None = None) -> None:
        self._memory = bytearray(SIZE) if memory is None else memory
        self._calls = 0

    @classmethod
    def shared(cls, descriptor: int) -> Witness:
        """In an open file of SIZE bytes."""
        return cls(mmap.mmap(descriptor, SIZE))

    @property
    def calls(self) -> int:
        """How many calls were begun so far; the number of the one that is going on."""
        return int(_CALL.unpack_from(self._memory)[0])

    @property
    def seconds(self) -> float:
        """How long the call that is going on may take."""
        return float(_CALL.unpack_from(self._memory)[1])

    @property
    def part(self) -> Part | None:
        """Who is being called; None if nobody is."""
        length = _CALL.unpack_from(self._memory)[2]
        text = bytes(self._memory[_CALL.size : _CALL.size + length]).decode(errors="replace")
        group, _, name = text.partition(":")
        return Part(group, name) if length else None

    @contextmanager
    def watching(self, plugin: plugins.Plugin, seconds: float) -> Iterator[None]:
        """While `plugin` is called: `seconds` of processor time are what it may take."""
        before = bytes(self._memory[: _CALL.size]), bytes(self._memory[_CALL.size :])
        text = f"{plugin.group}:{plugin.name}".encode()[:255]
        self._calls += 1
        self._memory[_CALL.size : _CALL.size + len(text)] = text
        _CALL.pack_into(self._memory, 0, self._calls, seconds + ASLEEP, len(text))
        left = _limited(seconds + GRACE)
        try:
            yield
        finally:
            _limited(left)
            _, allowed, length = _CALL.unpack(before[0])
            self._memory[_CALL.size : _CALL.size + length] = before[1][:length]
            _CALL.pack_into(self._memory, 0, self._calls, allowed, length)


def _limited(seconds: float) -> float:
    """From now on this process may compute for so long (0: without end); what was left before."""
    if sys.platform == "win32":
        return 0.0
    return signal.setitimer(signal.ITIMER_PROF, seconds)[0]


class Onlooker:
    """Sees from another process whether a call takes too long on the clock."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._call, self._since, self._looked = 0, Seconds(0.0), Seconds(0.0)

    def stuck(self, now: Seconds) -> bool:
        """Whether the same call has gone on for longer than it may. Who did not look for so long
        has slept, and cannot tell."""
        call, slept = self._witness.calls, now - self._looked > ASLEEP
        self._looked = now
        if call != self._call or slept or self._witness.part is None:
            self._call, self._since = call, now
            return False
        return now - self._since > self._witness.seconds
