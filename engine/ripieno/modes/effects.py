"""What a mode can want: the only ways in which a conductor acts on the world."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Beats
from ripieno.events import Planned, Request


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this request to inference."""

    request: Request


@dataclass(frozen=True, slots=True)
class Cut:
    """Everything planned at or after `begin` is void; the requests of `epoch` replace it."""

    epoch: int
    begin: Beats


@dataclass(frozen=True, slots=True)
class Sow:
    """Plan a step that no model decided: the seed phrase."""

    planned: Planned


@dataclass(frozen=True, slots=True)
class Hush:
    """Release every note of the machine, now."""


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the player something."""

    text: str


Effect = Ask | Cut | Sow | Hush | Say
Effects = tuple[Effect, ...]
NOTHING: Effects = ()
