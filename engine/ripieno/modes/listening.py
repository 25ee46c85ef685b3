"""What the machine listens to in answer mode, and how inference is told of it, step by step."""

from __future__ import annotations

from ripieno.clock import GRID_TOLERANCE, Beats
from ripieno.modes import handover
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Ask, Effects
from ripieno.modes.mode import nearest_step
from ripieno.modes.moment import Moment
from ripieno.modes.plan import context
from ripieno.settings import HandOver


class Listening:
    """A phrase from its first step `since` on, told up to the step `told`."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.since = self.told = Beats(0.0)

    def begin(self, step: Beats) -> None:
        """A phrase begins at `step`."""
        self.since = self.told = step

    @property
    def edge(self) -> Beats | None:
        """The step with which the player's silence begins, None while a note sounds."""
        edge = self.moment.ear.silent_from
        return None if edge is None else max(edge, self.since)

    def goes_on(self, beat: Beats) -> None:
        """The player strikes a key after all: what was made up for the silence is told anew."""
        edge = self.told if self.edge is None else self.edge
        self.told = min(self.told, nearest_step(beat), edge)

    def steps(self, beat: Beats) -> Effects:
        """A step is told when no note of yours can belong to it any more, a thirty-second after."""
        until, edge = nearest_step(beat), self.edge
        if edge is not None and not self._tells_silence():
            until = min(until, edge)
        if until < self.told + STEP - GRID_TOLERANCE:
            return NOTHING
        effects = self.upto(until)
        self.told = until
        return effects

    def upto(self, until: Beats) -> Effects:
        """Tell [told, until): what you played, and in your silence what the machine makes of it."""
        moment, told, edge = self.moment, self.told, self.edge
        last = until if edge is None or not self._alone() else max(told, min(edge, until))
        asks: list[Ask] = []
        if last > told + GRID_TOLERANCE:
            heard = moment.ear.heard(told, last, moment.settings.turns.legato_beats)
            given = moment.ear.given(heard, moment.voicing)
            asks.append(Ask(context(moment.epoch, told, last, heard, given, moment.settings)))
        if until > last + GRID_TOLERANCE:
            asks.append(Ask(context(moment.epoch, last, until, (), (), moment.settings)))
        return tuple(asks)

    def wake(self) -> Beats | None:
        """When there is a step to be told next."""
        edge = self.edge
        silent = edge is not None and self.told >= edge - GRID_TOLERANCE
        return None if silent and not self._tells_silence() else Beats(self.told + STEP / 2)

    def _alone(self) -> bool:
        """Whether the machine goes on by itself, unheard, when the player falls silent."""
        return handover.policy(self.moment) in (HandOver.CATCH_UP, HandOver.FREEZE)

    def _tells_silence(self) -> bool:
        return self._alone() and self.moment.settings.turns.speculate
