"""Answer: you play a phrase, the machine answers on your grid; play again and it yields at once.

While it listens, inference gets each of your steps as soon as the step is over. When you fall
silent it goes on from your phrase by itself, unheard, so that the answer costs one step and not a
whole prompt; when you go on after all, what it made up is replaced by what you played.
"""

from __future__ import annotations

from collections.abc import Callable

from ripieno.clock import GRID_TOLERANCE, Beats, ceil_to
from ripieno.events import Phase
from ripieno.modes import handover
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Hush, Move, Sow
from ripieno.modes.encore import Encore, Here
from ripieno.modes.first_tempo import FirstTempo
from ripieno.modes.handover import BEAT, Tied
from ripieno.modes.mode import (
    EVERYTHING,
    FORGET_AFTER,
    Again,
    Baton,
    earliest,
    half_bar,
    nearest_step,
    opening_beat,
)
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Passage, rests
from ripieno.modes.plan import Plan, context
from ripieno.modes.repeat import Repeat
from ripieno.modes.turn_taking import TurnTaking


class Answer(TurnTaking):
    """The tables below are the whole mode: in which phase, on what, do what."""

    def __init__(self, moment: Moment, encore: Encore) -> None:
        super().__init__(moment, encore)
        self.first_tempo = FirstTempo(moment)
        self.idle_since: Beats | None = None
        self.on_note: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.IDLE: self._begin_phrase,
            Phase.LISTENING: self._go_on_listening,
            Phase.ANSWERING: self._yield_to_player,
        }
        self.on_time: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.IDLE: self._rest,
            Phase.LISTENING: self._listen,
            Phase.ANSWERING: self._answer,
        }
        self.on_key: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.IDLE: self.answer_nobody,
            Phase.LISTENING: self.answer_soon,
            Phase.ANSWERING: self._finish,
        }

    # ---- the transport

    def start(self, beat: Beats) -> Effects:
        self.first_tempo.restart()
        return super().start(beat)

    def leave(self, beat: Beats) -> Baton:
        effects: Effects = NOTHING
        begin, going = beat, self.phase is not Phase.IDLE
        if self.phase is Phase.ANSWERING and self.plan is not None:
            begin = self.plan.committed(beat, self.moment.settings)
            effects = self._pile_up(begin)
        elif self.phase is Phase.LISTENING:
            begin = self.moment.soonest(beat)
            effects = self.listening.upto(begin)
        self.stop()
        return Baton(begin, going, effects)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        """The machine falls silent where the other mode ends; keys that are down are a phrase."""
        self.phase = Phase.IDLE
        if not baton.going:
            return NOTHING
        self.idle_since = baton.begin
        if self.moment.ear.held:
            self.listening.begin(nearest_step(baton.begin))
            self.moment.ear.start_phrase(self.listening.since)
            self.phase = Phase.LISTENING
        return (Sow(rests(self.moment.epoch, baton.begin)),)

    def located(self, beat: Beats) -> Effects:
        """The phrase, or the answer, ends with the jump; what comes next is a new piece."""
        self.stop()
        self.record.clear()
        self.phase = Phase.IDLE
        self.idle_since = None
        return super().located(beat)

    def anchor(self, beat: Beats) -> Beats:
        """The first note of a phrase sets where the bar begins, unless bars are being counted."""
        settings = self.moment.settings
        if self.phase is not Phase.IDLE or settings.turns.every_bars or not self.moment.ours:
            return beat
        return opening_beat(beat, settings.meter)

    def moved(self, by: Beats) -> None:
        if self.idle_since is not None:
            self.idle_since = Beats(self.idle_since + by)

    # ---- the player's notes

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        if self.phase is Phase.ANSWERING and not self.moment.settings.turns.yields:
            return super().note_on(pitch, velocity, beat, channel)
        move = self.on_note.get(self.phase)
        effects = NOTHING if move is None else move(beat)
        self.listening.goes_on(beat)
        return (*effects, *super().note_on(pitch, velocity, beat, channel))

    def note_off(self, pitch: int, beat: Beats, channel: int = 0) -> Effects:
        super().note_off(pitch, beat, channel)
        plan = self.plan
        waiting = self.phase is Phase.LISTENING and plan is not None and self.jump is None
        if not waiting or plan is None or not self.tied:
            return NOTHING
        if plan.begin < self.moment.soonest(beat):
            return NOTHING
        return self.plan_answer(plan.begin, beat)  # the key that was to be held is up

    def _begin_phrase(self, beat: Beats) -> Effects:
        settings, ear = self.moment.settings, self.moment.ear
        self.encore.drop()
        onset = nearest_step(beat)
        start = settings.meter.bar_start(onset) if settings.turns.every_bars else onset
        ear.start_phrase(start)
        forget = self.idle_since is None or beat - self.idle_since > FORGET_AFTER
        self.listening.begin(onset)
        self.phase = Phase.LISTENING
        effects: Effects = NOTHING
        if self.moment.machine:  # what another mode had committed
            effects = (Cut(self.moment.next_epoch(), EVERYTHING), Hush())
        if forget:
            told = context(self.moment.epoch, onset, onset, (), (), settings, fresh=True)
            effects += (Ask(told),)
        return effects

    def _go_on_listening(self, beat: Beats) -> Effects:
        """A note before the planned answer has begun: the player was not done."""
        self.encore.drop()
        if self.plan is None:
            return NOTHING
        self.plan = self.jump = None
        return (Cut(self.moment.next_epoch(), EVERYTHING),)

    def _yield_to_player(self, beat: Beats) -> Effects:
        effects = self._pile_up(beat)
        self.encore.drop()
        self.plan = None
        self.listening.begin(nearest_step(beat))
        self.moment.ear.start_phrase(self.listening.since)
        self.phase = Phase.LISTENING
        return (*effects, Cut(self.moment.next_epoch(), EVERYTHING), Hush())

    # ---- listening

    def advance(self, beat: Beats) -> Effects:
        move = self.on_time.get(self.phase)
        return NOTHING if move is None else move(beat)

    def _rest(self, beat: Beats) -> Effects:
        return self._again_from(beat) if self.encore.due(beat) else NOTHING

    def _listen(self, beat: Beats) -> Effects:
        if self.encore.due(beat):
            return self._again_from(beat)
        if self.plan is not None:
            return self._wait_for_turn(self.plan, beat)
        effects = self.listening.steps(beat)
        turn = self.next_turn()
        if turn is None or beat < handover.planning(self.moment, turn) - GRID_TOLERANCE:
            return effects
        found = self.first_tempo.look()
        if found:  # beats are others now: whoever tells us the time will come back with them
            self.listening.begin(self.moment.ear.phrase_start)
            return (*effects, *found)
        return (*effects, *self.plan_turn(turn, beat))

    def _wait_for_turn(self, plan: Plan, beat: Beats) -> Effects:
        at = plan.begin if self.jump is None else self.jump
        if beat < at - GRID_TOLERANCE:
            return plan.top_up(beat, self.moment.settings)
        self.phase = Phase.ANSWERING
        self.first_tempo.settled = True
        if self.jump is None:
            return self._answer(beat)
        self.jump = None
        by = Beats(plan.begin - beat + GRID_TOLERANCE)
        return (Move(by), *self._answer(plan.begin))

    def _answer(self, beat: Beats) -> Effects:
        if self.encore.due(beat):
            return self._again_from(beat)
        plan = self.plan
        if plan is None:
            return NOTHING
        effects = self.settle()
        if plan.stop is not None and beat >= plan.stop - GRID_TOLERANCE:
            return (*effects, *self._end(plan.stop))
        return (*effects, *plan.top_up(beat, self.moment.settings))

    def _end(self, beat: Beats) -> Effects:
        effects = self._pile_up(beat)
        self.plan = None
        self.idle_since = beat
        self.phase = Phase.IDLE
        return (*effects, Hush())

    # ---- wishes

    def answer_now(self, beat: Beats) -> Effects:
        move = self.on_key.get(self.phase)
        return NOTHING if move is None else move(beat)

    def _finish(self, beat: Beats) -> Effects:
        """Asked while answering: stop, and listen."""
        effects = self._end(beat)
        self.encore.drop()
        return (Cut(self.moment.next_epoch(), EVERYTHING), *effects)

    def cadence(self, beat: Beats) -> Effects:
        """The answer closes early: it ends a beat after the fermata."""
        plan = self.plan
        if self.phase is not Phase.ANSWERING or plan is None:
            return NOTHING
        if isinstance(plan, Repeat):
            return self.encore.end_loop(beat, self._here(beat)) if self.encore.looping else NOTHING
        if plan.stop is None:
            return NOTHING
        plan.cadence = ceil_to(Beats(beat + BEAT), half_bar(self.moment.settings.meter))
        plan.stop = min(plan.stop, Beats(plan.cadence + BEAT))
        return self.changed(beat)

    def again(self, wish: Again, beat: Beats) -> Effects:
        effects = self.encore.wish(wish, beat, self._here(beat))
        if self.phase is Phase.LISTENING and self.encore.wanted and self.plan is not None:
            self.plan = self.jump = None
            effects = (Cut(self.moment.next_epoch(), EVERYTHING), *effects)
        return effects

    def _here(self, beat: Beats) -> Here:
        bar = self.bar(beat)
        if self.phase is not Phase.ANSWERING or self.plan is None:
            return Here(None, False, bar, bar)
        repeat, stop = self.repeating(beat), self.plan.stop
        if repeat is not None:
            return Here(repeat, repeat.fresh, repeat.round_end(beat), bar)
        end = bar if stop is None else self.moment.settings.meter.next_bar(stop)
        return Here(None, True, end, bar)

    def _pile_up(self, end: Beats) -> Effects:
        """What plays ends at `end`: if it is new, it is the last answer now."""
        plan = self.plan
        if plan is None or (isinstance(plan, Repeat) and not plan.fresh):
            return NOTHING
        return self.encore.ended(self._played(plan, end))

    def _played(self, plan: Plan, end: Beats) -> Passage | None:
        meter = self.moment.settings.meter
        first, last = meter.bar_start(plan.begin), meter.next_bar(end)
        return self.record.passage(first, last, plan.begin, end)

    def _again_from(self, beat: Beats) -> Effects:
        """A repetition begins, whatever played until now."""
        at = beat if self.wanted_at is None else self.wanted_at
        effects = self._pile_up(at) if self.phase is Phase.ANSWERING else NOTHING
        if self.phase is Phase.LISTENING:
            effects = self.listening.upto(at)
        begun = self.encore.begin(beat, stop=True)
        if begun is None:
            return (*effects, *self._end(at)) if self.phase is Phase.ANSWERING else effects
        self.plan, more = begun
        self.ideal = at
        self.tied = Tied()
        self.phase = Phase.ANSWERING
        return (*effects, *more)

    # ---- what the screen asks

    def wake(self) -> Beats | None:
        if self.phase is not Phase.LISTENING:
            stop = None if self.plan is None else self.plan.stop
            return earliest((stop, super().wake()))
        if self.plan is not None:
            at = self.plan.begin if self.jump is None else self.jump
            return earliest((at, super().wake()))
        turn = self.next_turn()
        due = None if turn is None else handover.planning(self.moment, turn)
        return earliest((self.wanted_at, self.listening.wake(), due))

    def expects(self, step: Beats) -> bool:
        return self.phase is Phase.ANSWERING and super().expects(step)

    def phase_beats(self, beat: Beats) -> Beats:
        if self.phase is Phase.ANSWERING and self.plan is not None and self.plan.stop is not None:
            return Beats(self.plan.stop - beat)
        if self.phase is Phase.LISTENING:
            return Beats(beat - self.moment.ear.phrase_start)
        return Beats(0.0)
