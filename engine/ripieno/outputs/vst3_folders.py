"""Where VST3 plug-ins lie, after Steinberg's "VST 3 Plug-in Locations". Pure but for looking."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ripieno.errors import SoundError, nearest_name

SUFFIX = ".vst3"
VARIABLE = "VST3_PATH"
"""Folders that are searched first, with a colon between them, as other hosts do."""
_LINUX = ("~/.vst3", "/usr/local/lib/vst3", "/usr/lib/vst3")
_MAC = ("~/Library/Audio/Plug-Ins/VST3", "/Library/Audio/Plug-Ins/VST3")


def folders() -> list[Path]:
    """The folders that are searched, in this order."""
    told = [word for word in os.environ.get(VARIABLE, "").split(os.pathsep) if word]
    usual = _MAC if sys.platform == "darwin" else _LINUX
    return [Path(word).expanduser() for word in (*told, *usual)]


def installed() -> list[Path]:
    """All plug-ins that lie there, also one folder deeper, as makers like to have one of theirs."""
    return [path for folder in folders() for path in _inside(folder)]


def _inside(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob(f"*{SUFFIX}"))
    for inner in sorted(folder.glob("*/")):
        if inner.suffix != SUFFIX:
            yield from sorted(inner.glob(f"*{SUFFIX}"))


def find(wanted: str) -> Path:
    """The plug-in that `wanted` is the path or the name of. Raises SoundError."""
    if os.sep in wanted or wanted.startswith("~"):
        path = Path(wanted).expanduser()
        if path.suffix == SUFFIX and path.exists():
            return path
        raise SoundError(
            f"there is no VST3 plug-in at {wanted!r}",
            allowed=f"the path of a plug-in that ends in {SUFFIX}",
            nearest=_nearest(path.stem),
        )
    name = wanted.removesuffix(SUFFIX).casefold()
    for path in installed():
        if path.stem.casefold() == name:
            return path
    where = ", ".join(map(str, folders()))
    raise SoundError(
        f"there is no VST3 plug-in called {wanted!r} in {where}",
        allowed="the name of one that lies there, or its path",
        nearest=_nearest(name),
    )


def _nearest(name: str) -> str:
    return nearest_name(name, [path.stem for path in installed()])
