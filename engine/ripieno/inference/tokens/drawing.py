"""One sixteenth, drawn from a model of event tokens: the ids that begin notes there, and those that
say how long nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ripieno.clock import Clock, Seconds
from ripieno.grammar.tokens.states import Bounds, Next, State, Told
from ripieno.grammar.tokens.vocabulary import Kind
from ripieno.inference.decide import NONSENSE
from ripieno.inference.model import Logits, ModelFault
from ripieno.inference.sampling import pick, uniform
from ripieno.inference.tokens.speaker import Speaker
from ripieno.settings import Sampling

Legal = list[tuple[int, State]]
_LASTS = {Kind.DURATION, Kind.VELOCITY, Kind.NOTE_ON, Kind.NOTE_OFF}
"""With which a note can end as it is told."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a step, and by when.

    bounds: the strictest first, each with the soft rules that it gives up. asks: how often the
    model may be asked. lean: nats by which a beat of waiting is made less likely. theirs: what the
    player's notes may be, where the model tells them apart: to draw one is to wait for it.
    """

    step: int
    bounds: tuple[tuple[Bounds, tuple[str, ...]], ...]
    sampling: Sampling
    clock: Clock
    deadline: Seconds
    asks: int
    reroll: int
    lean: float | None = None
    theirs: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The notes that were drawn, some for later perhaps; whether the step was done in time; which
    soft rules were given up; how often the model was asked; what it did wrong, if anything."""

    notes: tuple[Told, ...]
    served: bool
    relaxed: tuple[str, ...]
    asked: int
    fault: str = ""
    waits: bool = False
    """The next note is the player's, as the model sees it."""


class Drawing:
    """The drawing of one step; a note that is half told when time runs out is taken back."""

    def __init__(self, speaker: Speaker, wish: Wish) -> None:
        self._speaker, self._wish = speaker, wish
        self._notes: list[Told] = []
        self._relaxed: list[str] = []
        self._asked = 0
        self._fault = ""
        self._waits = False
        self._safe = (len(speaker.stream.ids), speaker.state, 0)

    def run(self) -> Drawn:
        """Draw until all that begins in the step is known."""
        speaker = self._speaker
        here = self._wish.step * speaker.sixteenth
        served = True
        while not self._complete(here):
            legal = self._legal(speaker.state)
            if not legal:
                self._take_back()
                break
            theirs = self._theirs(speaker.state, here)
            chosen = legal[0] if len(legal) + len(theirs) == 1 else self._ask(legal, theirs)
            if self._waits:
                break
            if chosen is None:
                served = False
                self._take_back()
                break
            self._go(*chosen)
        relaxed, fault = tuple(self._relaxed), self._fault
        return Drawn(tuple(self._notes), served, relaxed, self._asked, fault, self._waits)

    def _theirs(self, state: State, here: int) -> Legal:
        """What would be the next note of the player, later than `here`, or here in the machine's
        stead. To leave these out would make chords thicker, wherever the model sees the player go
        on."""
        theirs, reader = self._wish.theirs, self._speaker.reader
        instead = state.next is Next.NOTE and state.top is None
        if theirs is None or not (instead or state.next is Next.ANY):
            return []
        spelled = reader.vocabulary.spelled
        return [
            (number, after)
            for number, after in reader.onward(state, theirs)
            if (instead or after.now > here)
            and any(event.kind is Kind.PROGRAM for event in spelled[number])
        ]

    def _complete(self, here: int) -> bool:
        """Whether nothing more can begin `here`: time has passed, or no further note may sound."""
        state, bounds = self._speaker.state, self._wish.bounds[-1][0]
        if not state.between:
            return False
        self._safe = (len(self._speaker.stream.ids), state, len(self._notes))
        if state.now > here:
            return True
        ours = [n for n in state.sounding if bounds.program in (None, n.program)]
        return sum(note.sounds(here) for note in ours) >= bounds.most and not self._can_end(ours)

    def _can_end(self, ours: Sequence[Told]) -> bool:
        """Whether a note may have to be told the end of."""
        return any(note.end is None for note in ours)

    def _legal(self, state: State) -> Legal:
        """What may come next, with as few soft rules given up as can be."""
        for bounds, given_up in self._wish.bounds:
            legal = self._speaker.reader.onward(state, bounds)
            if legal:
                self._relaxed += (name for name in given_up if name not in self._relaxed)
                return self._merged(legal, bounds) or legal
        return []

    def _merged(self, legal: Legal, bounds: Bounds) -> Legal:
        """Without what would have been merged in training: an id that makes another one together
        with the last, or a bar without the metre that must follow it."""
        vocabulary, ids = self._speaker.reader.vocabulary, self._speaker.stream.ids
        if not vocabulary.merges:
            return legal
        ranks, last = vocabulary.ranks, ids[-1]
        # A note that is told is the end of what was merged here, though not in any vocabulary.
        over = vocabulary.spelled[last][-1].kind in _LASTS
        meter = self._speaker.writer.meter_id(bounds.meter)
        return [
            (number, after)
            for number, after in legal
            if (over or (last, number) not in ranks)
            and not (after.next is Next.METER and (number, meter) in ranks)
        ]

    def _ask(self, legal: Legal, theirs: Legal) -> tuple[int, State] | None:
        """What the model makes of the choice; None if there is no time, or it fails, or the next
        note is not the machine's."""
        wish = self._wish
        if self._asked >= wish.asks or wish.clock.now() >= wish.deadline:
            return None
        chance = uniform(wish.sampling.seed, wish.step, self._asked, wish.reroll)
        self._asked += 1
        try:
            logits = self._speaker.stream.logits()
        except ModelFault as error:
            self._fault = str(error)
            return None
        ids = np.array(sorted(number for number, _ in (*legal, *theirs)))
        if not np.isfinite(logits[ids]).all():
            self._fault = NONSENSE
            return None
        if wish.lean is not None:
            logits = self._leaning(logits, [*legal, *theirs], wish.lean)
        chosen = pick(logits, ids, wish.sampling, chance)
        found = next((way for way in legal if way[0] == chosen), None)
        self._waits = found is None
        return found

    def _leaning(self, logits: Logits, legal: Legal, lean: float) -> Logits:
        """Every beat that an id lets pass costs `lean` nats: waiting times are tilted as those of a
        busier, or a calmer, player."""
        leaning = logits.copy()
        quarter, one = 4 * self._speaker.sixteenth, self._wish.bounds[-1][0].most == 1
        now = self._speaker.state.now
        for number, after in legal:
            reached = after.now
            if one and after.told is not None and after.told.end is not None:
                reached = max(reached, after.told.end)
            leaning[number] -= np.float32(lean * (reached - now) / quarter)
        return leaning

    def _go(self, number: int, after: State) -> None:
        speaker = self._speaker
        loosest = self._wish.bounds[-1][0]
        state: State | None = speaker.state
        for event in speaker.reader.vocabulary.spelled[number]:
            assert state is not None
            state = speaker.reader.advance(state, event, loosest)
            if state is not None and state.told is not None:
                self._notes.append(state.told)
        speaker.state = after
        speaker.stream.push(number)

    def _take_back(self) -> None:
        """Back to where no note was half told."""
        length, state, count = self._safe
        self._speaker.stream.cut(length)
        self._speaker.state = replace(state, told=None)
        del self._notes[count:]
