"""How busy the machine is, and how much it leaves for a busy player. Pure."""

from __future__ import annotations

from ripieno.clock import Beats

WINDOW = Beats(4.0)
"""The player's activity is that of this long a time before."""
BUSY = 2.0
"""Onsets per beat at which a player leaves no room: eighth notes without a rest."""
NATURAL = 0.95
"""Onsets per beat and voice in a chorale that nobody disturbs."""
DEAD_BAND = 0.12
"""A change of the share that is left, 0…1, smaller than this is no change."""


class Space:
    """The share of its natural density that the machine keeps back, with hysteresis."""

    def __init__(self) -> None:
        self.kept_back = 0.0

    def listen(self, share: float, activity: float) -> bool:
        """Follow the player's `activity` in onsets per beat; `share` is `Turns.space`, 0…1.

        Whether what the machine keeps back has changed.
        """
        wanted = share * min(1.0, activity / BUSY)
        at_an_end = wanted in (0.0, share) and wanted != self.kept_back
        if abs(wanted - self.kept_back) < DEAD_BAND and not at_an_end:
            return False
        changed = wanted != self.kept_back
        self.kept_back = wanted
        return changed

    def density(self, times: float = 1.0) -> float | None:
        """How busy the machine should be, in onsets per beat and voice; None: as it likes.

        `times` is `Turns.density`, 0.25…2 times what it would play when nobody disturbs it.
        """
        natural = not self.kept_back and times == 1.0
        return None if natural else NATURAL * times * (1.0 - self.kept_back)
