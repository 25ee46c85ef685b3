"""Which end of which voice's range is in hand, by the name of its knob. Pure."""

from __future__ import annotations

from ripieno.grammar.grid import VOICES

ENDS = ("lowest", "highest")
FIRST = f"{VOICES[0]}_{ENDS[0]}"
"""What is in hand before anything was taken."""


def knob_of(voice: int, end: int) -> str:
    """The knob of the lowest (0) or highest (1) note of a voice."""
    return f"{VOICES[voice]}_{ENDS[end]}"


def place_of(name: str) -> tuple[int, int]:
    """The voice and the end of `knob_of`."""
    voice, _, end = name.partition("_")
    return VOICES.index(voice), ENDS.index(end)


def next_voice(name: str) -> str:
    """The same end of the next voice, around all of them."""
    voice, end = place_of(name)
    return knob_of((voice + 1) % len(VOICES), end)


def other_end(name: str) -> str:
    """The other end of the same voice."""
    voice, end = place_of(name)
    return knob_of(voice, 1 - end)


def told(name: str) -> str:
    """What it is, and what turns it; where it stands is on the screen."""
    voice, end = place_of(name)
    return f"The {VOICES[voice]}'s {ENDS[end]} note: {{ and }} turn it."
