"""Solo: the machine plays the seed phrase and goes on from there, until it is stopped."""

from __future__ import annotations

from ripieno.clock import Beats
from ripieno.events import Phase
from ripieno.modes.effects import NOTHING, Cut, Effects, Say
from ripieno.modes.mode import Mode
from ripieno.plan import Part, Plan


class Solo(Mode):
    """Idle → playing. Your own notes sound with it and do not disturb it."""

    def start(self, beat: Beats) -> Effects:
        self.phase = Phase.PLAYING
        meter = self.moment.settings.meter
        return self._play_from(meter.next_bar(self.moment.soonest(beat)), beat, fresh=True)

    def reseed(self, beat: Beats) -> Effects:
        """The new phrase begins at the next bar line that is not committed yet."""
        if self.plan is None:
            return NOTHING
        settings = self.moment.settings
        begin = settings.meter.next_bar(
            max(self.plan.committed(beat, settings), self.moment.soonest(beat))
        )
        before = self.plan
        effects = self._play_from(begin, beat, fresh=False)
        if before.received < begin:  # the old plan must still reach the new one
            before.epoch, before.stop = self.moment.epoch, begin
            before.asked = before.received
            bridge = before.top_up(begin, settings)
            effects = (effects[0], *bridge, *effects[1:])
            assert self.plan is not None
            self.plan.received = before.received
        bar = round(begin / settings.meter.bar) + 1
        return (*effects, Say(f"The phrase comes in at bar {bar}"))

    def _play_from(self, begin: Beats, beat: Beats, *, fresh: bool) -> Effects:
        moment = self.moment
        epoch = moment.next_epoch()
        plan = Plan.starting(epoch, begin)
        if moment.seed is not None and moment.seed.notes:
            plan.part = Part.of(moment.seed.notes, begin)
        self.plan = plan
        told: Effects = ()
        if fresh:
            told = (plan.context(begin, (), (), moment.settings, fresh=True),)
        return (
            Cut(epoch, begin),
            *told,
            *plan.sow(begin),
            *plan.top_up(max(beat, begin), moment.settings),
        )
