"""What the modes share whose music can be heard again: answer and solo."""

from __future__ import annotations

from ripieno.clock import GRID_TOLERANCE, Beats
from ripieno.modes.effects import NOTHING, Effects
from ripieno.modes.encore import Encore
from ripieno.modes.mode import Mode, earliest
from ripieno.modes.moment import Moment
from ripieno.modes.repeat import Repeat


class Repeating(Mode):
    """A mode with an `encore`; one for all of them, so that the pile outlives a change of mode."""

    def __init__(self, moment: Moment, encore: Encore) -> None:
        super().__init__(moment, encore.record)
        self.encore = encore

    def stop(self) -> None:
        super().stop()
        self.encore.drop()

    def wake(self) -> Beats | None:
        return earliest((self.wanted_at, super().wake()))

    @property
    def wanted_at(self) -> Beats | None:
        """Where a repetition is to begin, if one is wanted."""
        return None if self.encore.wanted is None else self.encore.wanted.at

    def bar(self, beat: Beats) -> Beats:
        """The next bar line that can still be reached."""
        return self.moment.settings.meter.next_bar(self.moment.soonest(beat))

    def repeating(self, beat: Beats) -> Repeat | None:
        """The repetition that plays; None when something new does."""
        plan = self.plan
        if not isinstance(plan, Repeat):
            return None
        over = plan.until is not None and beat >= plan.until - GRID_TOLERANCE
        return None if over else plan

    def settle(self) -> Effects:
        """A repetition that was partly new, and has come, is an answer of its own."""
        return self.encore.settled(self.plan) if isinstance(self.plan, Repeat) else NOTHING
