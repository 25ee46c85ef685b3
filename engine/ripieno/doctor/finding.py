"""What the doctor finds: one part, how it is, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a part is."""

    GOOD = "good"
    FAIR = "fair"
    """Ripieno plays, but not as well as it could."""
    BROKEN = "broken"
    """Ripieno cannot play."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part, and what to do about it ('' when there is nothing to do)."""

    part: str
    health: Health
    found: str
    advice: str = ""
    table: tuple[str, ...] = ()
    """More than a sentence: lines to show as they are."""
