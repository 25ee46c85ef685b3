"""Accompany: you are one voice or some, the machine is the others.

They sound at your onset where it lies near enough to a step, else on the step; while you hold,
they move on the grid; when you pause, they hold, and after a while they rest with you. A voice
that has just moved on the grid does not move again for a note of yours a moment later: it waits
for the next step, unless `settings.follow` says that it should go with you.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, ceil_to
from ripieno.events import Note, Phase, Planned
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Hush, Sow
from ripieno.modes.encore import Encore
from ripieno.modes.mode import (
    EVERYTHING,
    FORGET_AFTER,
    Baton,
    Mode,
    nearest_step,
    opening_beat,
)
from ripieno.modes.moment import Moment
from ripieno.modes.passage import rests
from ripieno.modes.plan import ALL_VOICES, context

CHORD_SPREAD = Seconds(0.035)
"""Keys of one hand that go down within this time are one chord."""
LEAD = Beats(STEP / 2)
"""The next step is asked for this long before it, when no early onset can belong to it any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The step that the player's newest onset belongs to, when it was struck, and the voices of
    the machine that had moved on that step already, and stay as they are."""

    step: Beats
    struck: Beats
    moved: tuple[Note, ...] = ()


class Accompany(Mode):
    """Idle ⇄ accompanying: from your first note until you have paused for a while."""

    def __init__(self, moment: Moment, encore: Encore | None = None) -> None:
        """It repeats nothing, so it needs no `encore`."""
        super().__init__(moment)
        self.decided = Beats(0.0)  # the first step that nothing was asked for
        self.received = Beats(0.0)
        self.claim: Claim | None = None
        self.paused: Beats | None = None

    # ---- the transport

    def start(self, beat: Beats) -> Effects:
        self.claim = self.paused = None
        return super().start(beat)

    def leave(self, beat: Beats) -> Baton:
        """What is decided still sounds."""
        going = self.phase is Phase.ACCOMPANYING
        begin = max(self.decided, ceil_to(beat, STEP)) if going else beat
        effects = (self._went_on(self.moment.epoch, self.decided, begin),) if going else NOTHING
        self.stop()
        return Baton(begin, going, effects if begin > self.decided else NOTHING)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        """With a key down it goes on from where the other mode ends, else it falls silent there."""
        effects = self.start(baton.begin)
        if not baton.going:
            return effects
        here = ceil_to(baton.begin, STEP)
        if not self.moment.ear.held:
            self.paused = here
            return (*effects, Sow(rests(self.moment.epoch, here)))
        self.phase = Phase.ACCOMPANYING
        self.decided = self.received = here
        self.moment.ear.start_phrase(here)
        mine = {note.voice for note in self.moment.ear.held if note.voice is not None}
        return (*effects, Sow(rests(self.moment.epoch, here, mine)))

    def located(self, beat: Beats) -> Effects:
        """With a key down it goes on at once at the new place, else it waits for you there."""
        effects = super().located(beat)
        self.claim = self.paused = None
        self.phase = Phase.ACCOMPANYING if self.moment.ear.held else Phase.IDLE
        here = ceil_to(beat, STEP)
        self.decided = self.received = here
        moment = self.moment
        told = context(moment.epoch, here, here, (), (), moment.settings, fresh=True)
        return (*effects, Ask(told))

    def anchor(self, beat: Beats) -> Beats:
        """Your first note is a bar line."""
        if self.phase is not Phase.IDLE or not self.moment.ours:
            return beat
        return opening_beat(beat, self.moment.settings.meter)

    def moved(self, by: Beats) -> None:
        if self.paused is not None:
            self.paused = Beats(self.paused + by)

    # ---- the player's notes

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        moment = self.moment
        if self.phase is Phase.STOPPED:
            return super().note_on(pitch, velocity, beat, channel)
        effects = self._enter(beat) if self.phase is Phase.IDLE else NOTHING
        step, at_once = self._place(beat)
        moment.ear.note_on(pitch, velocity, beat, step, moment.voicing, channel)
        gap = self._tell_gap(step)
        epoch = moment.next_epoch()
        moved: tuple[Note, ...] = ()
        if at_once:
            moved = self._moved(step, beat)
            self.claim = Claim(step, beat, moved)
        asks = self._ask(step, epoch, at_once=at_once, moved=moved)
        return (*effects, *gap, Cut(epoch, step), *self._give_up(min(step, beat), epoch), *asks)

    def _moved(self, step: Beats, beat: Beats) -> tuple[Note, ...]:
        """The machine's notes that began on the grid at `step`, before any note of yours there."""
        if self.moment.settings.follow:
            return ()
        if self.claim is not None and self.claim.step >= step - GRID_TOLERANCE:
            return self.claim.moved  # a further key of one chord: the others may still go with it
        return tuple(n for n in self.moment.machine if n.onset >= step - GRID_TOLERANCE)

    def _give_up(self, begin: Beats, epoch: int) -> Effects:
        """The player has taken voices that the machine sounds: there it falls silent."""
        mine = {note.voice for note in self.moment.ear.held}
        taken = [note.voice for note in self.moment.machine if note.voice in mine]
        return (Sow(rests(epoch, begin, taken)),) if taken else NOTHING

    def _enter(self, beat: Beats) -> Effects:
        """After a long pause your note starts a new piece."""
        moment, here = self.moment, nearest_step(beat)
        forget = self.paused is None or beat - self.paused > FORGET_AFTER
        self.paused = None
        self.phase = Phase.ACCOMPANYING
        self.decided = self.received = here
        moment.ear.start_phrase(here)
        if not forget:
            return NOTHING
        return (Ask(context(moment.epoch, here, here, (), (), moment.settings, fresh=True)),)

    def _place(self, beat: Beats) -> tuple[Beats, bool]:
        """The step that an onset at `beat` belongs to, and whether the others join it at once."""
        step = nearest_step(beat)
        near = abs(beat - step) <= self.moment.settings.onset_tolerance + GRID_TOLERANCE
        claim = self.claim
        if claim is not None and claim.step >= step - GRID_TOLERANCE:
            spread = Beats(CHORD_SPREAD * self.moment.settings.bpm / 60.0)
            if beat - claim.struck <= spread:
                return claim.step, True
            return Beats(claim.step + STEP), False
        if near:
            return step, True
        return (step if step > beat else Beats(step + STEP)), False

    def _tell_gap(self, step: Beats) -> Effects:
        """Steps between the last decided one and `step`: what sounded went on sounding."""
        if self.decided >= step - GRID_TOLERANCE:
            return NOTHING
        told = self._went_on(self.moment.epoch, self.decided, step)
        self.decided = step
        return (told,)

    def _went_on(self, epoch: int, begin: Beats, end: Beats) -> Ask:
        """Tell that in [begin, end) you did what was heard, and the others held what they had."""
        moment = self.moment
        mine = moment.ear.heard(begin, end, moment.settings.turns.legato_beats)
        voices = {note.voice for note in mine}
        others = tuple(note for note in moment.machine if note.voice not in voices)
        heard = (*mine, *others)
        return Ask(context(epoch, begin, end, heard, ALL_VOICES, moment.settings))

    def _ask(
        self, step: Beats, epoch: int, *, at_once: bool = False, moved: tuple[Note, ...] = ()
    ) -> tuple[Ask, ...]:
        """Decide `step`, with what you play in it, and what has `moved` in it already."""
        moment = self.moment
        end = Beats(step + STEP)
        mine = moment.ear.heard(step, end, moment.settings.turns.legato_beats)
        given = moment.ear.given(mine, moment.voicing)
        kept = tuple(note for note in moved if note.voice not in given)
        fixed = tuple(sorted({*given, *(note.voice for note in kept)}))
        self.decided = end
        request = context(epoch, step, step, (*mine, *kept), fixed, moment.settings)
        if set(ALL_VOICES) <= set(fixed):  # nobody is left who could move
            return (Ask(replace(request, begin=end, end=end)),)
        return (Ask(replace(request, end=end, player=fixed, at_once=at_once)),)

    def advance(self, beat: Beats) -> Effects:
        if self.phase is not Phase.ACCOMPANYING:
            return NOTHING
        released = self.moment.ear.last_release
        if released is not None:
            if beat < released + self.moment.settings.turns.legato_beats - GRID_TOLERANCE:
                return NOTHING
            self.phase = Phase.IDLE
            self.paused = beat
            self.claim = None
            return (Cut(self.moment.next_epoch(), EVERYTHING), Hush())
        asks: list[Ask] = []
        while beat >= self.decided - LEAD - GRID_TOLERANCE:
            asks += self._ask(self.decided, self.moment.epoch)
        return tuple(asks)

    def wake(self) -> Beats | None:
        if self.phase is not Phase.ACCOMPANYING:
            return None
        released = self.moment.ear.last_release
        if released is not None:
            return Beats(released + self.moment.settings.turns.legato_beats)
        return Beats(self.decided - LEAD)

    def planned(self, planned: Planned) -> Planned | None:
        if planned.epoch != self.moment.epoch or self.phase is not Phase.ACCOMPANYING:
            return None
        self.received = max(self.received, planned.end)
        return planned

    def expects(self, step: Beats) -> bool:
        """Only what was asked for before: a note of yours that just came is answered as it can."""
        at_once = self.claim is not None and abs(self.claim.step - step) < GRID_TOLERANCE
        return self.phase is Phase.ACCOMPANYING and not at_once and step < self.decided

    def missed(self, step: Beats) -> Effects:
        """The chord is held through `step`; the next step starts from there."""
        epoch = self.moment.next_epoch()
        self.decided = Beats(step + STEP)
        return (Cut(epoch, step), self._went_on(epoch, step, self.decided))

    def changed(self, beat: Beats) -> Effects:
        return NOTHING

    def settled(self, line: Beats, beat: Beats) -> bool:
        """Every step is asked for by itself: the last one before `line` has been."""
        decided = self.phase is Phase.ACCOMPANYING and self.decided >= line - GRID_TOLERANCE
        return decided or beat >= line - GRID_TOLERANCE

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        return beat, max(beat, self.received)

    def phase_beats(self, beat: Beats) -> Beats:
        if self.phase is Phase.ACCOMPANYING:
            return Beats(beat - self.moment.ear.phrase_start)
        return Beats(0.0)
