"""Solo: the machine plays the seed phrase and goes on from there, until it is stopped."""

from __future__ import annotations

from ripieno.clock import Beats, ceil_to
from ripieno.commands import Keep
from ripieno.events import Phase
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Say
from ripieno.modes.encore import NONE_YET, Encore, Here
from ripieno.modes.mode import Again, Baton
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Part, Passage
from ripieno.modes.plan import ALL_VOICES, Plan, context
from ripieno.modes.repeating import Repeating

REPEATED = 4
"""Bars that are looped, mutated or kept, if `Turns.bars` does not say how many."""


class Solo(Repeating):
    """Idle → playing. Your own notes sound with it and do not disturb it, nor a loop of it."""

    def __init__(self, moment: Moment, encore: Encore) -> None:
        super().__init__(moment, encore)
        self._now = Beats(0.0)

    # ---- the transport

    def start(self, beat: Beats) -> Effects:
        self.phase = Phase.PLAYING
        meter = self.moment.settings.meter
        return self._play_from(meter.next_bar(self.moment.soonest(beat)), beat, fresh=True)

    def arm(self, beat: Beats) -> Effects:
        """The first step is ready before the transport runs, so nothing need wait for it."""
        self.phase = Phase.PLAYING
        return self._play_from(self.moment.settings.meter.next_bar(beat), beat, fresh=True)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        """Music that sounds goes on without a break; else it begins with the seed phrase."""
        if not baton.going:
            return self.start(beat)
        self.phase = Phase.PLAYING
        return self._go_on_from(ceil_to(baton.begin, STEP), beat)

    def located(self, beat: Beats) -> Effects:
        """It goes on at the new place from the bar that was heard last at the old one."""
        cut = super().located(beat)
        self.encore.drop()
        settings = self.moment.settings
        bar, last = settings.meter.bar, ceil_to(self._now, STEP)
        heard = self.record.passage(Beats(last - bar), last)
        self.record.clear()
        begin = self.moment.soonest(beat)
        notes = heard.at(Beats(begin - bar)).notes if heard else ()
        since = Beats(begin - bar) if heard else begin
        epoch = self.moment.epoch
        told = context(epoch, since, begin, notes, ALL_VOICES, settings, fresh=True)
        self.plan = Plan.starting(epoch, begin, None, self.record)
        return (*cut, Ask(told), *self.plan.top_up(beat, settings))

    # ---- the player, and time

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        """Who plays more is left more room, from the commit point on."""
        super().note_on(pitch, velocity, beat, channel)
        return self.changed(beat) if self.moment.listen(beat) else NOTHING

    def advance(self, beat: Beats) -> Effects:
        self._now = beat
        if self.encore.due(beat):
            return self._again_from(beat)
        return (*self.settle(), *super().advance(beat))

    # ---- wishes

    def reseed(self, beat: Beats) -> Effects:
        """The new phrase begins at the next bar line that is not committed yet."""
        if self.plan is None:
            return NOTHING
        self.encore.drop()
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

    def cadence(self, beat: Beats) -> Effects:
        """A loop ends with its round; what is new closes."""
        if self.encore.looping:
            return self.encore.end_loop(beat, self._here(beat))
        return super().cadence(beat)

    def again(self, wish: Again, beat: Beats) -> Effects:
        here = self._here(beat)
        if not isinstance(wish, Keep) or here.repeat is not None:
            return self.encore.wish(wish, beat, here)
        heard = self._last(self.moment.settings.meter.bar_start(beat))
        if heard is None:
            return (NONE_YET,)
        effects = self.encore.ended(heard)
        return (*effects, *self.encore.wish(wish, beat, Here(None, False, here.bar, here.bar)))

    def _here(self, beat: Beats) -> Here:
        bar, repeat = self.bar(beat), self.repeating(beat)
        if repeat is None:
            return Here(None, True, bar, bar)
        return Here(repeat, repeat.fresh, repeat.round_end(beat), bar)

    def _last(self, end: Beats) -> Passage | None:
        """The bars before `end`."""
        settings = self.moment.settings
        length = Beats((settings.turns.bars or REPEATED) * settings.meter.bar)
        return self.record.passage(max(Beats(0.0), Beats(end - length)), end)

    def _again_from(self, beat: Beats) -> Effects:
        at = beat if self.wanted_at is None else self.wanted_at
        repeat = self.repeating(Beats(at - STEP))
        effects: Effects = NOTHING
        if repeat is None:
            effects = self.encore.ended(self._last(at))
        elif repeat.fresh:
            effects = self.encore.ended(self.record.passage(repeat.begin, at))
        begun = self.encore.begin(beat, stop=False)
        if begun is None:
            return effects
        self.plan, more = begun
        return (*effects, *more)

    # ---- plans

    def _go_on_from(self, begin: Beats, beat: Beats) -> Effects:
        epoch = self.moment.next_epoch()
        self.plan = Plan.starting(epoch, begin, None, self.record)
        return (Cut(epoch, begin), *self.plan.top_up(beat, self.moment.settings))

    def _play_from(self, begin: Beats, beat: Beats, *, fresh: bool) -> Effects:
        moment = self.moment
        epoch = moment.next_epoch()
        notes = moment.seed.notes if moment.seed else ()
        part = Part.of(notes, begin) if notes else None
        self.plan = plan = Plan.starting(epoch, begin, None, self.record, part)
        told: Effects = ()
        if fresh:
            told = (plan.context(begin, (), (), moment.settings, fresh=True),)
        return (
            Cut(epoch, begin),
            *told,
            *plan.sow(begin),
            *plan.top_up(max(beat, begin), moment.settings),
        )
