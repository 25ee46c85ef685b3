"""What a clock that is followed does to the transport, whichever clock it is.

Tempo maps in here count straight beats and are without swing: whoever takes one over keeps the
swing that is set.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Beats, Seconds, TempoMap


@dataclass(frozen=True, slots=True)
class Steer:
    """The same music goes on under this map. It meets the former one at `tempo.at`."""

    tempo: TempoMap


@dataclass(frozen=True, slots=True)
class Begin:
    """The transport rolls: the straight beat `tempo.beat` is at `tempo.at`.

    Also while it rolls already: then the clock's owner has looped or located, and what was planned
    for another place is void.
    """

    tempo: TempoMap


@dataclass(frozen=True, slots=True)
class Halt:
    """The transport stands still since `at`."""

    at: Seconds


@dataclass(frozen=True, slots=True)
class Jump:
    """The transport stands still, and will begin at the straight `beat`: be armed there."""

    beat: Beats


@dataclass(frozen=True, slots=True)
class Lost:
    """The clock fell silent while the transport rolled."""


@dataclass(frozen=True, slots=True)
class Found:
    """The clock is there again."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Something about the clock that the player should read."""

    sentence: str


SyncEffect = Steer | Begin | Halt | Jump | Lost | Found | Warn
SyncEffects = tuple[SyncEffect, ...]
