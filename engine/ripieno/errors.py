"""Errors for musicians: what happened, where, what is allowed, and the nearest right thing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RipienoError(Exception):
    """Something that the player can mend. `str()` is one or two plain sentences.

    what: what happened, without a full stop. where: the file, port or key. allowed: what would
    have been right. nearest: the nearest right thing, or what to do next.
    """

    def __init__(self, what: str, *, where: str = "", allowed: str = "", nearest: str = "") -> None:
        self.what, self.where, self.allowed, self.nearest = what, where, allowed, nearest
        sentence = f"{where}: {what}" if where else what
        if allowed:
            sentence += f"; allowed: {allowed}"
        if nearest:
            sentence += f". {nearest}"
        super().__init__(sentence if sentence.endswith((".", "?", "!")) else sentence + ".")

    def __reduce__(self) -> tuple[type[RipienoError], tuple[str], dict[str, str]]:
        """Lets an error cross a process boundary whole."""
        return type(self), (self.what,), {"args": self.args, **self.__dict__}


class SettingError(RipienoError):
    """A value that a preset, a knob or an option cannot take."""


class PresetError(RipienoError):
    """A preset that cannot be read."""


class PhraseError(RipienoError):
    """A seed phrase or a MIDI file that cannot be read or played."""


class BundleError(RipienoError):
    """A model bundle that is missing, broken or not for this engine."""


class PluginError(RipienoError):
    """A part of another package that is missing or cannot be used."""


class PortError(RipienoError):
    """A MIDI port that cannot be opened or that went away."""


class SoundError(RipienoError):
    """A soundfont, a synthesiser or an audio device that cannot be used."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """'Did you mean …?' for a misspelt `name`, or '' when nothing known is near."""
    folded = {each.casefold(): each for each in known}
    matches = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"Did you mean {folded[matches[0]]!r}?" if matches else ""
