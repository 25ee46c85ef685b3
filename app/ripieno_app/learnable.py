"""What a pad, a pedal or a knob can be taught, by the keys that do the same."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ripieno.commands import Action as Trigger
from ripieno.grammar.grid import VOICES

from ripieno_app.keys import (
    ANSWER,
    CADENCE,
    DISLIKE,
    KEEP,
    LIKE,
    LOOP,
    MUTATE,
    NEXT,
    UNDO,
    Action,
    Cycle,
    Deed,
    Dial,
    ToggleMute,
    ToggleSolo,
)

LEARNABLE: Mapping[Action, Trigger] = MappingProxyType(
    {
        ANSWER: Trigger.ANSWER,
        CADENCE: Trigger.CADENCE,
        LOOP: Trigger.LOOP,
        MUTATE: Trigger.MUTATE,
        UNDO: Trigger.UNDO,
        KEEP: Trigger.KEEP,
        Deed.PANIC: Trigger.PANIC,
        Deed.TRANSPORT: Trigger.PLAY,
        Deed.TAP: Trigger.TAP,
        NEXT: Trigger.NEXT,
        LIKE: Trigger.LIKE,
        DISLIKE: Trigger.DISLIKE,
    }
)
"""What a pad, a pedal or a controller can be taught to do."""


def turned_by(action: Action) -> str | None:
    """The name of what `action` turns, for a controller to learn; None where it turns nothing."""
    match action:
        case Dial(name) | Cycle(name):
            return name
        case ToggleMute(voice):
            return f"mute_{VOICES[voice]}"
        case ToggleSolo(voice):
            return f"solo_{VOICES[voice]}"
        case _:
            return None
