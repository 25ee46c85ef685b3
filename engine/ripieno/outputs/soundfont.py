"""What every soundfont player here agrees on. Pure, but for a look at a file's first bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ripieno.errors import SoundError

RATE = 44100
"""Frames a second of what is rendered to a file."""


class Renderer(Protocol):
    """A synthesiser that makes sound when it is asked to, not when a device wants it."""

    def note_on(self, channel: int, pitch: int, velocity: int) -> None: ...

    def note_off(self, channel: int, pitch: int) -> None: ...

    def control(self, channel: int, controller: int, value: int) -> None: ...

    def program(self, channel: int, program: int) -> None: ...

    def bend(self, channel: int, value: int) -> None:
        """The pitch wheel: -8192…8191, 0 in the middle."""

    def render(self, frames: int) -> bytes:
        """The next `frames` frames: interleaved stereo, 32-bit floats, full scale at 1."""

    def close(self) -> None: ...


def check_soundfont(path: Path) -> None:
    """Refuse a file that is no soundfont, before a library stumbles over it. Raises SoundError."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise SoundError(
            f"the soundfont cannot be read ({(error.strerror or 'unreadable').lower()})",
            where=str(path),
            nearest="Leave --soundfont out to hear the built-in one.",
        ) from None
    length = 8 + int.from_bytes(head[4:8], "little")  # of the RIFF chunk, with its own head
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk" or size < length:
        raise not_a_soundfont(path)


def not_a_soundfont(path: Path) -> SoundError:
    """The error for a file that no player can load."""
    return SoundError(
        "this is not a soundfont, or it is damaged",
        where=str(path),
        allowed="a SoundFont 2 or 3 file (.sf2, .sf3)",
        nearest="Leave --soundfont out to hear the built-in one.",
    )
