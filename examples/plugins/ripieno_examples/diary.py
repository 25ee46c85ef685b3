"""An output: writes each note into a text file, a line for each. `--out plugin:diary:FILE`."""

from __future__ import annotations

from pathlib import Path

from ripieno.clock import Seconds
from ripieno.errors import SettingError
from ripieno.outputs.null import NullOutput
from ripieno.routing import OutputSpec


class Diary(NullOutput):
    """Silent as its parent; what it does not write down it need not know."""

    def __init__(self, file: Path) -> None:
        self.name = f"diary {file}"
        self._file = file.open("a", encoding="utf-8")

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        print("on", channel + 1, pitch, velocity, file=self._file, flush=True)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        print("off", channel + 1, pitch, file=self._file, flush=True)

    def close(self) -> None:
        self._file.close()


def open_diary(spec: OutputSpec, client: str, soundfont: Path) -> Diary:
    """`spec.name` is what stands after the plug-in's name: the file. Raises SettingError."""
    if not spec.name:
        raise SettingError("the diary needs a file", allowed="plugin:diary:FILE")
    return Diary(Path(spec.name).expanduser())
