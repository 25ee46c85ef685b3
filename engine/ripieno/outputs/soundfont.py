"""What every soundfont player here agrees on. Pure, but for looks into a file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ripieno.errors import SoundError

RATE = 44100
"""Frames a second of what is rendered to a file."""


KIT_BANK = 128
"""Where soundfonts keep their percussion."""
_PRESET = struct.Struct("<20xHH14x")
"""Of a preset's header, after the SoundFont 2.04 specification: its number and its bank."""


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


def has_percussion(path: Path) -> bool:
    """Whether the soundfont at `path`, which was checked, has drums for the metronome to click on.

    True also where its list of presets cannot be found: then nobody knows.
    """
    with path.open("rb") as file:
        file.seek(12)
        for name, size in _chunks(file):
            if name == b"LIST" and file.read(4) == b"pdta":
                for inner, length in _chunks(file):
                    if inner == b"phdr":
                        presets = file.read(length - length % _PRESET.size)
                        return any(bank == KIT_BANK for _, bank in _PRESET.iter_unpack(presets))
                    file.seek(length, os.SEEK_CUR)
                return True
            file.seek(size - 4 if name == b"LIST" else size, os.SEEK_CUR)
    return True


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length, to the next even byte, of each chunk; who asks goes to the next one."""
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        yield head[:4], size + size % 2


def not_a_soundfont(path: Path) -> SoundError:
    """The error for a file that no player can load."""
    return SoundError(
        "this is not a soundfont, or it is damaged",
        where=str(path),
        allowed="a SoundFont 2 or 3 file (.sf2, .sf3)",
        nearest="Leave --soundfont out to hear the built-in one.",
    )
