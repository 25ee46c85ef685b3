"""Where in a preset's text something stands, for those who have to mend it."""

from __future__ import annotations

import re
from pathlib import Path

from ripieno.errors import PresetError, SettingError
from ripieno.preset.keys import KEYS

_HEADER = re.compile(r"\s*\[\s*([\w\-.\"' ]+?)\s*\]")


def line_of(text: str, section: str, name: str) -> int | None:
    """The line, from 1, of the key `name` in `section`, or of the section's header if '' ."""
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.match(line):
            here = match[1].strip("\"'")
            if here == section and not name:
                return number
        elif name and here == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return None


def blamed_line(error: SettingError, text: str, inside: str = "") -> int | None:
    """The first line whose key is named in what happened, `inside` a table or at the top."""
    words = set(re.findall(r"\w+", error.what))
    lines = [line_of(text, inside + key.section, key.name) for key in KEYS if key.field in words]
    return min((line for line in lines if line is not None), default=None)


def located(error: SettingError, path: Path, line: int | None) -> PresetError:
    return PresetError(
        error.what, where=place(path, line), allowed=error.allowed, nearest=error.nearest
    )


def place(path: Path, line: int | None) -> str:
    return f"{path}, line {line}" if line else str(path)
