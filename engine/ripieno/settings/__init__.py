"""What a player can set. Every value has its unit and its bounds, and is refused at construction.

A preset is a `Settings`; a knob turned while playing makes a new one (`knobs.py` names them all).
"""

from __future__ import annotations

from ripieno.settings.choices import (
    Assign,
    ClockSource,
    EnumT,
    HandOver,
    Late,
    Mode,
    OnLoss,
    Strength,
    check,
    one_of,
)
from ripieno.settings.tables import (
    DIRECTIONS,
    FARTHEST,
    FULL_RANGES,
    Blocks,
    Horizon,
    Key,
    Rules,
    Sampling,
    Sync,
    Turns,
)
from ripieno.settings.whole import (
    Settings,
)

__all__ = [
    "DIRECTIONS",
    "FARTHEST",
    "FULL_RANGES",
    "Assign",
    "Blocks",
    "ClockSource",
    "EnumT",
    "HandOver",
    "Horizon",
    "Key",
    "Late",
    "Mode",
    "OnLoss",
    "Rules",
    "Sampling",
    "Settings",
    "Strength",
    "Sync",
    "Turns",
    "check",
    "one_of",
]
