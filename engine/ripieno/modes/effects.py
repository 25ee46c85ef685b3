"""What a mode can want: the only ways in which a conductor acts on the world.

Effects are applied in their order. Beats in what follows a `Move` or a `Retempo` are on the new
score, and the mode that asked for it has moved all that it remembers itself.
"""

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
    """Plan a step that no model decided: the seed phrase, or a rest."""

    planned: Planned


@dataclass(frozen=True, slots=True)
class Recall:
    """Plan a step that the model decided before: it sounds again."""

    planned: Planned


@dataclass(frozen=True, slots=True)
class Hush:
    """Release every note of the machine, now."""


@dataclass(frozen=True, slots=True)
class Move:
    """The score's beats move against the clock: now it is so many beats later (earlier if < 0)."""

    by: Beats


@dataclass(frozen=True, slots=True)
class Retempo:
    """The player's tempo was `bpm` all along: the score is stretched around `origin`.

    A beat that lay `x` after `origin` now lies `x · bpm / old bpm` after it, the present one too.
    """

    bpm: float
    origin: Beats


@dataclass(frozen=True, slots=True)
class Keepsake:
    """Mark this place in the take."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the player something."""

    text: str


Effect = Ask | Cut | Sow | Recall | Hush | Move | Retempo | Keepsake | Say
Effects = tuple[Effect, ...]
NOTHING: Effects = ()
