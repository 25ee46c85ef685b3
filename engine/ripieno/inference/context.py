"""What the model has been told: the token log, and how to go back in it.

The log is the truth; the model's state is a position in it. Every step keeps the cursor and a mark
from before it, so that going back costs one copy, or none. Marks older than `kept_states` steps are
dropped: going back so far tells the last `window` steps before the place again. So does a context
that is full, with its newer half, and a change to another model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf

from ripieno.events import Sounding
from ripieno.grammar.grid import HOLD, REST, VOICES, Setting, token_of
from ripieno.inference.entries import Entry, Fork, Hand
from ripieno.inference.hearing import Hearing
from ripieno.inference.model import Logits, Model, ModelFault, Row

KEPT_STATES = 1024
WINDOW = 256
SHORT_WINDOW = 64
"""Steps that a shortened context, or a model that takes over, is told at least."""
_LONGEST_LOG = 8192
_EARLY = 0.85
"""Share of a context that may be taken when there is time to make room."""
_SPARE = 24
"""Positions left free in a context, for the rows of a step and what waits with them."""


class Context:
    """The log of one performance, its present end, and the model that has heard it."""

    def __init__(
        self, model: Model, *, kept_states: int = KEPT_STATES, window: int = WINDOW
    ) -> None:
        self._hearing = Hearing(model)
        self._kept_states, self._window = kept_states, window
        self._rolls: dict[int, int] = {}
        self._stale = False
        self._short = False
        self.entries: list[Entry] = []
        self.hand = Hand()
        self.reset()

    @property
    def model(self) -> Model:
        """The one that is asked now."""
        return self._hearing.model

    @property
    def lost(self) -> bool:
        """The model does not know where the log stands: it failed, or was left alone."""
        return self._stale

    @property
    def waiting(self) -> int:
        """Rows that the model was not told yet."""
        return self._hearing.waiting

    @property
    def model_seconds(self) -> float:
        """What model runs have cost so far."""
        return self._hearing.seconds

    def reset(self) -> None:
        """Forget everything."""
        self.model.reset()
        self._hearing.forget()
        self._rolls.clear()
        self._stale = False
        self.entries.clear()
        self.hand = Hand()

    def at(self, step: int) -> Entry | None:
        """What the log tells of `step`, None if it does not."""
        place = bisect_left(self.entries, step, key=lambda entry: entry.step)
        there = place < len(self.entries) and self.entries[place].step == step
        return self.entries[place] if there else None

    def rewind(self, step: int) -> None:
        """Forget `step` and all after it."""
        place = bisect_left(self.entries, step, key=lambda entry: entry.step)
        if place == len(self.entries):
            return
        entry = self.entries[place]
        self.hand = entry.before
        if place and entry.step > step:  # back into a gap: what sounded before it may be held again
            self.hand.held = [v.pitch if v else None for v in self.entries[place - 1].voices]
        if not self._stale and not self._hearing.rewind(entry):
            self._tell_again(place, self._window, self._nearest(place))
        del self.entries[place:]

    def open_step(self, step: int, here: Setting) -> int:
        """Go on to `step`, which lies after all in the log: how often it was decided before.

        After a gap nothing can be held any more: whatever sounded before it has ended.
        """
        if self.entries and self.entries[-1].step != step - 1:
            self.hand.held = [None] * len(VOICES)
        entry = Entry(step, here, self.hand.copy())
        if not self._stale:
            self._hearing.remember(entry)
        self.entries.append(entry)
        if len(self.entries) > self._kept_states:
            self.entries[-1 - self._kept_states].state = None
        if len(self.entries) > _LONGEST_LOG:
            self._trim()
        reroll = self._rolls.get(step, 0)
        self._rolls[step] = reroll + 1
        return reroll

    def ask(self, voice: int) -> Logits:
        """The logits for the next decision, which is `voice`'s. `tell` must follow.

        Raises ModelFault; then the model is no longer in step with the log: see `revive`.
        """
        try:
            return self._hearing.ask(self.hand.cursor.features(voice, self.entries[-1].here))
        except ModelFault:
            self.fail()
            raise

    def later(self, voice: int) -> None:
        """As `ask`, but without an answer: the model hears of it with the next that is asked."""
        if not self._stale:
            try:
                self._hearing.later(self._row(voice))
            except ModelFault:
                self.fail()

    def catch_up(self) -> None:
        """Tell the model what it was not asked in time, or, if it has lost its way, all anew."""
        if self._stale:
            self._stale = False
            self._tell_again(len(self.entries), SHORT_WINDOW)
        elif self._hearing.waiting:
            try:
                self._hearing.catch_up()
            except ModelFault:
                self.fail()

    def leave(self) -> None:
        """The model is not asked for a while; `catch_up` comes back to it."""
        self._stale = True
        self._hearing.forget()

    def fail(self) -> None:
        """The model has failed: what it remembers of late is worth nothing."""
        self.leave()
        for entry in self.entries[-SHORT_WINDOW:]:
            entry.state = None

    def use(self, model: Model, *, short: bool) -> None:
        """Ask `model` from now on, with a context that is kept `short`, or as long as it can be.

        A model that takes over is told the last `SHORT_WINDOW` steps.
        """
        self._short = short
        if model is self.model:
            return
        seconds = self._hearing.seconds
        self._hearing = Hearing(model)
        self._hearing.seconds = seconds
        for entry in self.entries:
            entry.state = None
        self._stale = False
        self._tell_again(len(self.entries), SHORT_WINDOW)

    def make_room(self, *, early: bool = False) -> None:
        """When the context is full, or longer than it may be now, go on with its newer half.

        To be called before each step; `early`, where there is time, when it soon would be full.
        """
        model = self.model
        if model.context == inf or self._stale:
            return
        most = model.context - _SPARE
        if self._short:
            most = min(most, 2 * SHORT_WINDOW * model.per_step)
        allowed = most * _EARLY if early else most
        if model.length + self._hearing.waiting > allowed:
            self._tell_again(len(self.entries), int(most) // 2 // model.per_step)

    def fork(self) -> Fork:
        """Where drawing stands in this step; nothing may wait to be told."""
        entry = self.entries[-1]
        return Fork(
            self.hand.copy(),
            tuple(entry.decisions),
            tuple(entry.frame),
            tuple(entry.voices),
            self.model.mark(),
        )

    def back(self, fork: Fork) -> None:
        """Go back to `fork`, in this step."""
        self._restore(fork)
        self._hearing.forget()
        self.model.rewind(fork.mark)

    def adopt(self, best: Fork, start: Fork) -> None:
        """Take what led from `start`, where one decision was asked but not told, to `best`."""
        self._restore(best)
        self._hearing.forget()
        if self.model.marks_last:
            self.model.rewind(best.mark)
            return
        self.model.rewind(start.mark)
        for row in self.entries[-1].rows()[len(start.decisions) + 1 :]:
            self._hearing.later(row)

    def tell(self, voice: int, token: int, sounding: Sounding) -> None:
        """`voice` does `sounding`, which the model knows as `token`; the fourth ends the step."""
        hand, entry = self.hand, self.entries[-1]
        hand.cursor.decide(voice, token)
        hand.held[voice] = sounding.pitch
        if sounding.pitch is not None:
            hand.last[voice] = sounding.pitch
            hand.velocities[voice] = sounding.velocity
        entry.decisions.append((voice, token))
        entry.frame[voice] = token
        entry.voices[voice] = sounding
        if entry.complete:
            hand.cursor.next_step()

    def token(self, told: Sounding) -> int:
        """How the model hears `told`. A note held from before the log is one struck now."""
        if told.pitch is None:
            return REST
        if not told.struck and self.hand.held[told.voice] == told.pitch:
            return HOLD
        return token_of(told.pitch)

    def agrees(self, step: int, told: Sequence[Sounding]) -> bool:
        """The log has `step`, and there the voices of `told` did just that."""
        entry = self.at(step)
        if entry is None or not entry.complete:
            return False
        return all(_same(entry.voices[t.voice], t) for t in told)

    def _row(self, voice: int) -> Row:
        return self.hand.cursor.features(voice, self.entries[-1].here)

    def _restore(self, fork: Fork) -> None:
        entry = self.entries[-1]
        self.hand = fork.hand.copy()
        entry.decisions[:], entry.frame[:] = fork.decisions, fork.frame
        entry.voices[:] = fork.voices

    def _nearest(self, place: int) -> Entry | None:
        """The last entry of the window before `place` whose mark is still kept."""
        window = reversed(self.entries[max(0, place - self._window) : place])
        return next((entry for entry in window if entry.state is not None), None)

    def _tell_again(self, place: int, window: int, since: Entry | None = None) -> None:
        """Bring the model to just before entry `place`: from before the entry `since`, or from
        nothing through the last `window` steps, as far as they fit."""
        model = self.model
        if model.context < inf:
            window = min(window, int(model.context - _SPARE) // model.per_step)
        start = max(0, place - window)
        if since is not None:
            start = bisect_left(self.entries, since.step, key=lambda entry: entry.step)
        elif not model.marks_last:
            for entry in self.entries:
                entry.state = None
        rows: list[Row] = []
        told: list[tuple[Entry, int]] = []
        for entry in self.entries[start:place]:
            told.append((entry, len(rows)))
            rows += entry.rows()
        try:
            self._hearing.replay(rows, told, since.state if since else None)
        except ModelFault:
            self.fail()

    def _trim(self) -> None:
        """Forget the older half of a log that has grown too long."""
        del self.entries[: _LONGEST_LOG // 2]
        first = self.entries[0].step
        self._rolls = {step: count for step, count in self._rolls.items() if step >= first}


def _same(known: Sounding | None, told: Sounding) -> bool:
    return known is not None and (known.pitch, known.struck) == (told.pitch, told.struck)
