"""The ledger of what sounds: the promise that no note hangs.

One byte for each channel and pitch, and one for each channel's sustain pedal, in memory that may
be shared: realtime writes it before each note-on and after each note-off has surely left, and the
guard reads it when realtime has died.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import IO

CHANNELS, PITCHES = 16, 128
_PEDALS = CHANNELS * PITCHES
SIZE = _PEDALS + CHANNELS


class Ledger:
    """Which (channel, pitch) sound. Channels 0…15, pitches 0…127."""

    def __init__(self, memory: mmap.mmap | bytearray | None = None) -> None:
        self._memory = bytearray(SIZE) if memory is None else memory
        self.count = sum(1 for cell in self._memory[:_PEDALS] if cell)
        """How many notes are in it."""

    @classmethod
    def shared(cls, descriptor: int) -> Ledger:
        """The ledger behind an open file of SIZE bytes, such as one from `shared_file`."""
        return cls(mmap.mmap(descriptor, SIZE))

    def strike(self, channel: int, pitch: int) -> None:
        """Note that this pitch is about to sound."""
        cell = channel * PITCHES + pitch
        self.count += not self._memory[cell]
        self._memory[cell] = 1

    def release(self, channel: int, pitch: int) -> None:
        """Note that this pitch has been released."""
        cell = channel * PITCHES + pitch
        self.count -= bool(self._memory[cell])
        self._memory[cell] = 0

    def sounds(self, channel: int, pitch: int) -> bool:
        return bool(self._memory[channel * PITCHES + pitch])

    def sounding(self) -> list[tuple[int, int]]:
        """All (channel, pitch) that sound."""
        return [divmod(cell, PITCHES) for cell in range(_PEDALS) if self._memory[cell]]

    def pedal(self, channel: int, down: bool) -> None:
        """Note that the sustain pedal of a channel is about to go down, or has come up."""
        self._memory[_PEDALS + channel] = down

    def pedals(self) -> list[int]:
        """All channels whose sustain pedal is down."""
        return [channel for channel in range(CHANNELS) if self._memory[_PEDALS + channel]]


def shared_file(size: int = SIZE) -> IO[bytes]:
    """A nameless file of zeros; its descriptor is inherited, its memory dies with the last."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it is the caller's to close
    file.truncate(size)
    return file
