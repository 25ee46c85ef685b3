"""Whose turn it is: the machine's is planned before it comes, and may still be taken back."""

from __future__ import annotations

from ripieno.clock import GRID_TOLERANCE, Beats, ceil_to
from ripieno.events import Phase, Planned
from ripieno.modes import handover
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Move
from ripieno.modes.encore import Encore
from ripieno.modes.handover import BEAT, Tied, Turn
from ripieno.modes.listening import Listening
from ripieno.modes.mode import EVERYTHING, half_bar
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Part
from ripieno.modes.plan import Plan, context
from ripieno.modes.repeating import Repeating
from ripieno.settings import HandOver


class TurnTaking(Repeating):
    """While it listens it plans its turn; `jump` is the beat at which the score leaps to it."""

    def __init__(self, moment: Moment, encore: Encore) -> None:
        super().__init__(moment, encore)
        self.listening = Listening(moment)
        self.tied = Tied()
        self.jump: Beats | None = None

    def stop(self) -> None:
        super().stop()
        self.jump = None

    def planned(self, planned: Planned) -> Planned | None:
        wanted = super().planned(planned)
        if wanted is None or not self.tied:
            return wanted
        own = self.tied.without(wanted)
        self.record.add(own)  # what is repeated is what the machine sounded
        return own

    def next_turn(self) -> Turn | None:
        """The machine's next turn; None while you play, or when a repetition is to come."""
        return handover.next_turn(self.moment) if self.encore.wanted is None else None

    def plan_turn(self, turn: Turn, beat: Beats) -> Effects:
        moment, begin = self.moment, turn.begin
        self.ideal = begin
        match handover.policy(moment):
            case HandOver.SNAP:
                reached = Beats(beat + moment.reaction)
                self.jump = turn.at if turn.at >= reached - GRID_TOLERANCE else reached
                if begin <= self.jump + GRID_TOLERANCE:
                    self.jump, begin = None, max(begin, moment.soonest(beat))
            case HandOver.FREEZE:
                by = Beats(begin - moment.reaction - beat)
                if by < -GRID_TOLERANCE:
                    self.listening.told = min(self.listening.told, begin)
                    return (Move(by), *self.plan_answer(begin, Beats(beat + by)))
                begin = max(begin, moment.soonest(beat))
            case HandOver.NEXT_BAR:
                begin = moment.settings.meter.next_bar(max(begin, moment.soonest(beat)))
            case HandOver.CATCH_UP:
                begin = max(begin, moment.soonest(beat))
        return self.plan_answer(begin, beat)

    def plan_answer(self, begin: Beats, beat: Beats) -> Effects:
        moment = self.moment
        meter = moment.settings.meter
        line = meter.bar_start(Beats(begin + meter.bar / 2))  # the bar line nearest to the answer
        stop = Beats(line + handover.bars(moment, begin) * meter.bar)
        epoch = moment.next_epoch()
        self.plan = Plan.starting(epoch, begin, stop, self.record)
        self.plan.cadence = Beats(stop - min(2 * BEAT, half_bar(meter)))
        self.tied.take(moment.ear)
        return (*self.listening.upto(begin), *self.plan.top_up(beat, moment.settings))

    def answer_nobody(self, beat: Beats) -> Effects:
        """Nobody has played: the seed phrase, unheard, is what there is to answer."""
        moment = self.moment
        self.encore.drop()
        begin = moment.soonest(beat)
        if handover.policy(moment) is HandOver.NEXT_BAR:
            begin = moment.settings.meter.next_bar(begin)
        self.ideal = begin
        self.listening.begin(begin)
        moment.ear.start_phrase(Beats(begin - 4 * moment.settings.meter.bar))
        notes = moment.seed.notes if moment.seed else ()
        since, part = begin, None
        if notes:
            since = Beats(begin - Part.of(notes, Beats(0.0)).end)
            part = Part.of(notes, since)
        heard, voices = (part.notes, part.voices) if part else ((), ())
        told = context(moment.epoch, since, begin, heard, voices, moment.settings, fresh=True)
        self.phase = Phase.LISTENING
        return (Ask(told), *self.plan_answer(begin, beat))

    def answer_soon(self, beat: Beats) -> Effects:
        moment = self.moment
        self.encore.drop()
        effects: Effects = NOTHING
        if self.plan is not None:
            self.plan = self.jump = None
            effects = (Cut(moment.next_epoch(), EVERYTHING),)
        soon = Beats(beat + moment.reaction)
        turn = handover.turn_from(moment, soon, STEP, self.listening.edge)
        effects += self.plan_turn(turn, beat)
        if handover.policy(moment) is HandOver.CATCH_UP:
            self.ideal = ceil_to(beat, STEP)
        return effects
