"""Accompany: you are one voice, the machine is the others.

They sound at your onset where it lies near enough to a step, else on the step; while you hold,
they move on the grid; when you pause, they hold, and after a while they rest with you.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds
from ripieno.ear import STEP
from ripieno.events import Phase, Planned
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Hush
from ripieno.modes.mode import FORGET_AFTER, Mode, Moment, nearest_step, opening_beat
from ripieno.plan import ALL_VOICES, context

CHORD_SPREAD = Seconds(0.035)
"""Keys of one hand that go down within this time are one chord."""
LEAD = Beats(STEP / 2)
"""The next step is asked for this long before it, when no early onset can belong to it any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The step that the player's newest onset belongs to, and when it was struck."""

    step: Beats
    struck: Beats


class Accompany(Mode):
    """Idle ⇄ accompanying: from your first note until you have paused for a while."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self.decided = Beats(0.0)  # the first step that nothing was asked for
        self.received = Beats(0.0)
        self.claim: Claim | None = None
        self.paused: Beats | None = None

    def start(self, beat: Beats) -> Effects:
        self.claim = self.paused = None
        return super().start(beat)

    def anchor(self, beat: Beats) -> Beats:
        """Your first note is a bar line."""
        if self.phase is not Phase.IDLE:
            return beat
        return opening_beat(beat, self.moment.settings.meter)

    def moved(self, by: Beats) -> None:
        if self.paused is not None:
            self.paused = Beats(self.paused + by)

    def note_on(self, pitch: int, velocity: int, beat: Beats) -> Effects:
        if self.phase is Phase.STOPPED:
            return super().note_on(pitch, velocity, beat)
        effects = self._enter(beat) if self.phase is Phase.IDLE else NOTHING
        step, at_once = self._place(beat)
        moment = self.moment
        moment.ear.note_on(pitch, velocity, beat, step, moment.settings.player_voice)
        gap = self._tell_gap(step)
        if at_once:
            self.claim = Claim(step, beat)
        epoch = moment.next_epoch()
        ask = self._ask(step, epoch, at_once=at_once)
        return (*effects, *gap, Cut(epoch, step), ask)

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

    def _ask(self, step: Beats, epoch: int, *, at_once: bool = False) -> Ask:
        """Decide `step`, with what you play in it."""
        moment = self.moment
        end = Beats(step + STEP)
        heard = moment.ear.heard(step, end, moment.settings.turns.legato_beats)
        given = moment.ear.given(heard, moment.settings.player_voice)
        self.decided = end
        request = context(epoch, step, step, heard, given, moment.settings)
        return Ask(replace(request, end=end, player=given, at_once=at_once))

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
            return (Cut(self.moment.next_epoch(), beat), Hush())
        asks: list[Ask] = []
        while beat >= self.decided - LEAD - GRID_TOLERANCE:
            asks.append(self._ask(self.decided, self.moment.epoch))
        return tuple(asks)

    def wake(self) -> Beats | None:
        if self.phase is not Phase.ACCOMPANYING:
            return None
        released = self.moment.ear.last_release
        if released is not None:
            return Beats(released + self.moment.settings.turns.legato_beats)
        return Beats(self.decided - LEAD)

    def planned(self, planned: Planned) -> bool:
        if planned.epoch != self.moment.epoch or self.phase is not Phase.ACCOMPANYING:
            return False
        self.received = max(self.received, planned.end)
        return True

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

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        return beat, max(beat, self.received)

    def phase_beats(self, beat: Beats) -> Beats:
        if self.phase is Phase.ACCOMPANYING:
            return Beats(beat - self.moment.ear.phrase_start)
        return Beats(0.0)
