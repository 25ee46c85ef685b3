"""The built-in sounds by name, and what was turned, in words. Pure."""

from __future__ import annotations

from ripieno.grammar.grid import VOICES
from ripieno.preset.values import SOUNDS


def next_sound(program: int, clicks: int) -> int:
    """The built-in sound so many places on from `program`."""
    programs = sorted(SOUNDS.values())
    place = programs.index(program) if program in programs else -1 if clicks > 0 else 0
    return programs[(place + clicks) % len(programs)]


def sound_name(program: int) -> str:
    """'organ', or 'program 12' for a sound that is not built in."""
    names = {number: name for name, number in SOUNDS.items()}
    return names.get(program, f"program {program}")


def told(name: str | None) -> str:
    """'Key lock' or 'Mute alto': what was turned, at the beginning of a sentence; None: all."""
    if name is None:
        return "The preset"
    what, _, voice = name.partition(" ")
    shown = f"{what} {VOICES[int(voice)]}" if voice.isdigit() else name.replace("_", " ")
    return shown.capitalize()
