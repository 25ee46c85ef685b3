"""The second line of a take: what a performance started with."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Seconds
from ripieno.commands import Seed
from ripieno.ensemble import YOU
from ripieno.settings import Settings


@dataclass(frozen=True, slots=True)
class Chair:
    """One who played in an ensemble: see `ensemble.Member`, and `Header` for all else."""

    name: str
    hears: tuple[str, ...]
    settings: Settings
    channels: tuple[int, ...]
    programs: tuple[int, ...]
    model: str
    precision: str
    bundle: str = ""
    smaller: str = ""
    smaller_bundle: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a performance started with. No paths: a take may be handed on."""

    model: str
    precision: str
    preset: str
    phrase: str
    """Name of the seed phrase, '' if there was none."""
    settings: Settings
    channels: tuple[int, ...]
    """MIDI channels 0…15 of the voices, from the highest."""
    programs: tuple[int, ...]
    thru_channel: int
    thru_program: int
    started: Seconds
    bundle: str = ""
    """SHA-256 of the bundle's manifest, which holds those of its files; '' if nobody knows."""
    seed: Seed | None = None
    thru: bool = True
    """Whether the player's notes sounded through the outputs too."""
    computer: str = ""
    """What computed, as `computer.this_computer` says it: a sum of floats is only sure to be the
    same again where this is the same."""
    smaller: str = ""
    """Name of the smaller model that played where time was short; '' if there was none."""
    smaller_bundle: str = ""
    """SHA-256 of its manifest."""
    ensemble: tuple[Chair, ...] = ()
    """All who played, where they were several; what stands above is of the first."""

    @property
    def chairs(self) -> tuple[Chair, ...]:
        """All who played, also where there was one alone."""
        return self.ensemble or (
            Chair(
                "",
                (YOU,),
                self.settings,
                self.channels,
                self.programs,
                self.model,
                self.precision,
                self.bundle,
                self.smaller,
                self.smaller_bundle,
            ),
        )
