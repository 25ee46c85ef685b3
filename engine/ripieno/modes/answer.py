"""Answer: you play a phrase, the machine answers on your grid; play again and it yields at once.

While it listens, inference gets each of your steps as soon as the step is over, so that the answer
costs one step and not a whole prompt; the voices that you leave out are filled silently.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ripieno.clock import GRID_TOLERANCE, Beats, ceil_to
from ripieno.ear import STEP
from ripieno.events import Phase
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Hush
from ripieno.modes.mode import FORGET_AFTER, Mode, Moment, earliest, nearest_step, opening_beat
from ripieno.plan import Part, Plan, context

LEAD = Beats(0.5)
"""An answer is planned this long before it begins; a note of yours before that voids it."""
BEAT = Beats(1.0)
LONGEST_ANSWER = 8


class Answer(Mode):
    """The table below is the whole mode: in which phase, on what, do what."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self.told = Beats(0.0)
        self.idle_since: Beats | None = None
        self.on_note: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.IDLE: self._begin_phrase,
            Phase.LISTENING: self._go_on_listening,
            Phase.ANSWERING: self._yield_to_player,
        }
        self.on_time: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.LISTENING: self._listen,
            Phase.ANSWERING: self._answer,
        }
        self.on_key: dict[Phase, Callable[[Beats], Effects]] = {
            Phase.IDLE: self._answer_soon,
            Phase.LISTENING: self._answer_soon,
            Phase.ANSWERING: self._finish,
        }

    # ---- the player's notes

    def anchor(self, beat: Beats) -> Beats:
        """The first note of a phrase sets where the bar begins, unless bars are being counted."""
        settings = self.moment.settings
        if self.phase is not Phase.IDLE or settings.turns.every_bars:
            return beat
        return opening_beat(beat, settings.meter)

    def moved(self, by: Beats) -> None:
        if self.idle_since is not None:
            self.idle_since = Beats(self.idle_since + by)

    def note_on(self, pitch: int, velocity: int, beat: Beats) -> Effects:
        move = self.on_note.get(self.phase)
        effects = NOTHING if move is None else move(beat)
        onset = nearest_step(beat)
        if self.phase is Phase.LISTENING:
            onset = max(onset, self.told)
        self.moment.ear.note_on(pitch, velocity, beat, onset, self.moment.settings.player_voice)
        return effects

    def _begin_phrase(self, beat: Beats) -> Effects:
        settings, ear = self.moment.settings, self.moment.ear
        onset = nearest_step(beat)
        start = settings.meter.bar_start(onset) if settings.turns.every_bars else onset
        ear.start_phrase(start)
        forget = self.idle_since is None or beat - self.idle_since > FORGET_AFTER
        self.told = onset
        self.phase = Phase.LISTENING
        if not forget:
            return NOTHING
        return (Ask(context(self.moment.epoch, onset, onset, (), (), settings, fresh=True)),)

    def _go_on_listening(self, beat: Beats) -> Effects:
        """A note before the planned answer has begun: the player was not done."""
        if self.plan is None:
            return NOTHING
        self.plan = None
        return (Cut(self.moment.next_epoch(), self.told),)

    def _yield_to_player(self, beat: Beats) -> Effects:
        self.plan = None
        self.told = nearest_step(beat)
        self.moment.ear.start_phrase(self.told)
        self.phase = Phase.LISTENING
        return (Cut(self.moment.next_epoch(), Beats(-math.inf)), Hush())

    # ---- time

    def advance(self, beat: Beats) -> Effects:
        move = self.on_time.get(self.phase)
        return NOTHING if move is None else move(beat)

    def _listen(self, beat: Beats) -> Effects:
        if self.plan is not None and beat >= self.plan.begin - GRID_TOLERANCE:
            self.phase = Phase.ANSWERING
            return self._answer(beat)
        effects = self._tell_steps(beat)
        due = self._trigger()
        if self.plan is None and due is not None and beat >= due - LEAD - GRID_TOLERANCE:
            effects += self._plan_answer(max(due, self.moment.soonest(beat)), beat)
        elif self.plan is not None:
            effects += self.plan.top_up(beat, self.moment.settings)
        return effects

    def _tell_steps(self, beat: Beats) -> Effects:
        """A step is told when no note of yours can belong to it any more, a thirty-second after."""
        asks: list[Ask] = []
        while self.plan is None and self.told + STEP / 2 <= beat + GRID_TOLERANCE:
            asks.append(self._context(Beats(self.told + STEP), self.moment.epoch))
            self.told = Beats(self.told + STEP)
        return tuple(asks)

    def _context(self, until: Beats, epoch: int) -> Ask:
        settings, ear = self.moment.settings, self.moment.ear
        gap = max(settings.turns.legato_beats, Beats(settings.turns.after_beats + BEAT))
        heard = ear.heard(self.told, until, gap)
        given = ear.given(heard, settings.player_voice)
        return Ask(context(epoch, self.told, until, heard, given, settings))

    def _trigger(self) -> Beats | None:
        """When the answer is to begin, as things stand: None while you play."""
        turns, ear = self.moment.settings.turns, self.moment.ear
        if turns.every_bars:
            return Beats(ear.phrase_start + turns.every_bars * self.moment.settings.meter.bar)
        released = ear.last_release
        if released is None:
            return None
        return ceil_to(Beats(released + turns.after_beats), BEAT)

    def _plan_answer(self, begin: Beats, beat: Beats, *, aligned: bool = True) -> Effects:
        moment, meter = self.moment, self.moment.settings.meter
        begin = ceil_to(begin, BEAT) if aligned else begin
        length = moment.settings.turns.bars or moment.settings.turns.every_bars
        if not length:
            played = (begin - moment.ear.phrase_start) / meter.bar if moment.ear.notes else 4.0
            length = min(LONGEST_ANSWER, max(1, round(played)))
        line = meter.bar_start(Beats(begin + meter.bar / 2))  # the bar line nearest to the answer
        stop = Beats(line + length * meter.bar)
        epoch = moment.next_epoch()
        self.plan = Plan.starting(epoch, begin, stop)
        self.plan.cadence = Beats(stop - min(2 * BEAT, meter.bar / 2))
        told = self._context(begin, epoch)
        return (told, *self.plan.top_up(beat, moment.settings))

    def _answer(self, beat: Beats) -> Effects:
        if self.plan is None or self.plan.stop is None:
            return NOTHING
        if beat >= self.plan.stop - GRID_TOLERANCE:
            self.idle_since = self.plan.stop
            self.plan = None
            self.phase = Phase.IDLE
            return (Hush(),)
        return self.plan.top_up(beat, self.moment.settings)

    # ---- wishes

    def answer_now(self, beat: Beats) -> Effects:
        move = self.on_key.get(self.phase)
        return NOTHING if move is None else move(beat)

    def _answer_soon(self, beat: Beats) -> Effects:
        begin = self.moment.soonest(beat)
        effects: Effects = ()
        if self.phase is Phase.IDLE:
            effects = self._set_the_scene(begin)
        elif self.plan is not None:
            self.plan = None
            effects = (Cut(self.moment.next_epoch(), self.told),)
        effects += self._plan_answer(begin, beat, aligned=False)
        self.phase = Phase.LISTENING
        return effects

    def _set_the_scene(self, begin: Beats) -> Effects:
        """Nobody has played: the seed phrase, unheard, is what there is to answer."""
        moment = self.moment
        self.told = begin
        moment.ear.start_phrase(Beats(begin - 4 * moment.settings.meter.bar))
        notes = moment.seed.notes if moment.seed else ()
        since = begin
        if notes:
            length = Part.of(notes, Beats(0.0)).end
            since = Beats(begin - length)
        part = Part.of(notes, since) if notes else None
        heard = part.notes if part else ()
        voices = part.voices if part else ()
        return (
            Ask(context(moment.epoch, since, begin, heard, voices, moment.settings, fresh=True)),
        )

    def _finish(self, beat: Beats) -> Effects:
        """Asked while answering: stop, and listen."""
        self.plan = None
        self.idle_since = beat
        self.phase = Phase.IDLE
        return (Cut(self.moment.next_epoch(), Beats(-math.inf)), Hush())

    def cadence(self, beat: Beats) -> Effects:
        """The answer closes early: it ends a beat after the fermata."""
        if self.phase is not Phase.ANSWERING or self.plan is None or self.plan.stop is None:
            return NOTHING
        half_bar = Beats(self.moment.settings.meter.bar / 2)
        self.plan.cadence = ceil_to(Beats(beat + BEAT), half_bar)
        self.plan.stop = min(self.plan.stop, Beats(self.plan.cadence + BEAT))
        return self.changed(beat)

    # ---- what the screen asks

    def wake(self) -> Beats | None:
        if self.phase is Phase.LISTENING:
            due = self._trigger()
            return earliest(
                (
                    Beats(self.told + STEP / 2) if self.plan is None else self.plan.begin,
                    Beats(due - LEAD) if due is not None and self.plan is None else None,
                )
            )
        if self.phase is Phase.ANSWERING and self.plan is not None:
            return earliest((self.plan.stop, super().wake()))
        return None

    def expects(self, step: Beats) -> bool:
        return self.phase is Phase.ANSWERING and super().expects(step)

    def phase_beats(self, beat: Beats) -> Beats:
        if self.phase is Phase.ANSWERING and self.plan is not None and self.plan.stop is not None:
            return Beats(self.plan.stop - beat)
        if self.phase is Phase.LISTENING:
            return Beats(beat - self.moment.ear.phrase_start)
        return Beats(0.0)
