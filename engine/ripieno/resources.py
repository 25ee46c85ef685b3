"""Where things lie: presets, phrases, models and soundfonts, in a wheel and in a checkout.

The player's own folders come first, so that a preset or a model of the same name replaces ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import platformdirs

from ripieno.errors import (
    BundleError,
    PhraseError,
    PresetError,
    RipienoError,
    SoundError,
    nearest_name,
)
from ripieno.outputs.soundfont import check_soundfont

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parents[1]
GENERAL_MIDI = "gm"
"""As a soundfont's name: the first General MIDI font that is installed."""
SYSTEM_SOUNDFONTS = tuple(
    Path(folder)
    for folder in (
        "/usr/share/sounds/sf2",
        "/usr/share/sounds/sf3",
        "/usr/share/soundfonts",
        "/usr/local/share/soundfonts",
        "/opt/homebrew/share/soundfonts",
    )
)
_FONT_SUFFIXES = (".sf2", ".sf3")


class Kind(StrEnum):
    """A kind of thing that ships; the value is its folder's name in the package."""

    PRESETS = "presets"
    PHRASES = "presets/phrases"
    ZOO = "zoo"
    SOUNDFONTS = "soundfonts"


_IN_CHECKOUT = {Kind.ZOO: "models/zoo"}


def data_home() -> Path:
    """The player's own folder; it has `presets`, `phrases`, `zoo` and `soundfonts` inside."""
    return platformdirs.user_data_path("ripieno", appauthor=False)


def cache_home() -> Path:
    """Where logs go. The folder may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ripieno"


def shipped(kind: Kind) -> Path:
    """The folder of `kind` that came with Ripieno."""
    inside = PACKAGE / kind
    return inside if inside.is_dir() else CHECKOUT / _IN_CHECKOUT.get(kind, kind)


def folders(kind: Kind) -> tuple[Path, ...]:
    """Where to look for `kind`, the player's own folder first."""
    return (data_home() / Path(kind).name, shipped(kind))


def _named(kind: Kind, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files of `kind` by name, sorted; the player's own ones win."""
    found: dict[str, Path] = {}
    for folder in folders(kind):
        for file in sorted(folder.glob("*")):
            if file.suffix in suffixes:
                found.setdefault(file.stem, file)
    return dict(sorted(found.items()))


def presets() -> dict[str, Path]:
    """All presets by name."""
    return _named(Kind.PRESETS, (".toml",))


def phrases() -> dict[str, Path]:
    """All seed phrases by name."""
    return _named(Kind.PHRASES, (".txt", ".mid"))


def bundles() -> dict[str, Path]:
    """All model bundles by name."""
    found: dict[str, Path] = {}
    for folder in folders(Kind.ZOO):
        for manifest in sorted(folder.glob("*/manifest.toml")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return dict(sorted(found.items()))


def soundfonts() -> dict[str, Path]:
    """All soundfonts by name: the player's, ours, and those installed on this machine."""
    found = _named(Kind.SOUNDFONTS, _FONT_SUFFIXES)
    for file in _system_soundfonts():
        found.setdefault(file.stem, file)
    return found


def _system_soundfonts() -> Iterator[Path]:
    for folder in SYSTEM_SOUNDFONTS:
        for file in sorted(folder.glob("*")):
            if file.suffix in _FONT_SUFFIXES and not file.is_symlink():
                yield file


def preset_path(name: str) -> Path:
    """The file of the preset `name`, which may also be a path. Raises PresetError."""
    return _find(name, "preset", (".toml",), presets(), PresetError)


def phrase_path(name: str) -> Path:
    """The file of the seed phrase `name`, which may also be a path. Raises PhraseError."""
    return _find(name, "phrase", (".txt", ".mid", ".midi"), phrases(), PhraseError)


def bundle_folder(name: str) -> Path:
    """The folder of the model `name`, which may also be a path. Raises BundleError."""
    folder = _find(name, "model", (), bundles(), BundleError)
    if not (folder / "manifest.toml").is_file():
        raise BundleError(
            "this is not a model",
            where=str(folder),
            allowed="a folder with a manifest.toml in it",
            nearest=_installed(bundles()),
        )
    return folder


def soundfont_path(name: str = "") -> Path:
    """The soundfont `name`: '' is ours, 'gm' an installed General MIDI font, else a name or path.

    Raises SoundError when there is none or when the file is something else.
    """
    if name == GENERAL_MIDI:
        found = next(_system_soundfonts(), None)
        if found is None:
            raise SoundError(
                "no General MIDI soundfont is installed",
                nearest="Install one (on Debian: apt install timgm6mb-soundfont), or leave it out.",
            )
        return found
    file = _find(name or "ripieno", "soundfont", _FONT_SUFFIXES, soundfonts(), SoundError)
    check_soundfont(file)
    return file


def _find(
    name: str,
    what: str,
    suffixes: tuple[str, ...],
    known: dict[str, Path],
    error: type[RipienoError],
) -> Path:
    """`name` as one of `known`, else as a path."""
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if os.sep in name or path.suffix.lower() in suffixes or (not suffixes and path.is_dir()):
        if path.exists() and path.is_dir() == (not suffixes):
            return path
        kind = "a file" if suffixes else "a folder"
        what_happened = f"this is not {kind}" if path.exists() else "there is no such file"
        raise error(what_happened, where=str(path), nearest=_nearest(path.stem, known))
    raise error(f"there is no {what} called {name!r}", nearest=_nearest(name, known))


def _nearest(name: str, known: Iterable[str]) -> str:
    return nearest_name(name, known) or _installed(known)


def _installed(known: Iterable[str]) -> str:
    names = ", ".join(known)
    return f"There are: {names}." if names else "None is installed."
