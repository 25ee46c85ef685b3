"""How hard the machine plays: as the player does, with the accents of the metre, or as the model
says, where it was trained to."""

from __future__ import annotations

from ripieno.events import Request
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.tokens.states import Told
from ripieno.inference.decide import LARGEST_ACCENT
from ripieno.inference.heard import mean_velocity
from ripieno.settings import Settings

BAR, BEAT, OFFBEAT = 6, 3, -2


class Loudness:
    """The player's mean velocity, as far as known."""

    def __init__(self) -> None:
        self._heard: int | None = None

    def hear(self, request: Request) -> None:
        """Follow the player. A difference no larger than our own accents is no news: it may be our
        own playing, told again."""
        known = None if request.fresh else self._heard
        mean = mean_velocity(request.heard)
        if mean is not None and (known is None or abs(mean - known) > LARGEST_ACCENT):
            known = mean
        self._heard = known

    def of(self, note: Told, place: int, settings: Settings, told: bool) -> int:
        """The velocity of a `note` that begins `place` sixteenths after its bar line; its own if
        the model has `told` it."""
        if told:
            return max(1, min(127, note.velocity))
        if place == 0:
            accent = BAR
        elif place % STEPS_PER_BEAT == 0:
            accent = BEAT
        else:
            accent = OFFBEAT if place % 2 else 0
        loud = settings.velocity if self._heard is None else self._heard
        return max(1, min(127, loud + accent))
