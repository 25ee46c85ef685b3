"""What every mode answers to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ripieno.clock import GRID_TOLERANCE, Beats, Meter, ceil_to, snap
from ripieno.commands import Keep, Loop, Mutate, Undo
from ripieno.events import Phase, Planned
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Cut, Effects, Hush, Say
from ripieno.modes.moment import Moment
from ripieno.modes.passage import Record
from ripieno.modes.plan import Plan

FORGET_AFTER = Beats(16.0)
"""After so long a pause the player's next note starts a new piece."""
EVERYTHING = Beats(-math.inf)
"""A cut from here voids all that is planned."""
Again = Loop | Mutate | Undo | Keep
"""What a player can want of the machine's last answer."""


@dataclass(frozen=True, slots=True)
class Baton:
    """What a mode that is left hands to the next: what is planned before `begin` still sounds.

    `going` says whether there is music to go on from, which inference then knows up to `begin`;
    `effects` tell it what it does not know yet.
    """

    begin: Beats
    going: bool
    effects: Effects = NOTHING


class Mode:
    """One way of making music together. Beats are the score's, calls come in order of time.

    A mode that does not care for an event inherits the answer given here: nothing happens.
    """

    def __init__(self, moment: Moment, record: Record | None = None) -> None:
        self.moment = moment
        self.record = Record() if record is None else record
        self.phase = Phase.STOPPED
        self.plan: Plan | None = None
        self.ideal: Beats | None = None
        """Where the machine's present turn should begin on the score, None if it has none.

        The hand-over error is the distance in time between this beat, through the tempo map in
        force, and the first step of that turn that sounds.
        """

    # ---- the transport

    def start(self, beat: Beats) -> Effects:
        """The transport starts, or this mode is chosen with nothing to go on from."""
        self.phase = Phase.IDLE
        return NOTHING

    def arm(self, beat: Beats) -> Effects:
        """The transport stands, and will start just at `beat`: have the first steps ready."""
        return self.start(beat)

    def stop(self) -> None:
        """The transport stops, or another mode is chosen; the conductor silences the machine."""
        self.phase = Phase.STOPPED
        self.plan = None

    def leave(self, beat: Beats) -> Baton:
        """Another mode is chosen: what is committed still sounds."""
        going = self.plan is not None
        begin = self.plan.committed(beat, self.moment.settings) if self.plan else beat
        self.stop()
        return Baton(begin, going)

    def enter(self, baton: Baton, beat: Beats) -> Effects:
        """This mode is chosen while another played, and goes on from where that one ends."""
        return self.start(baton.begin)

    def located(self, beat: Beats) -> Effects:
        """The transport jumped to `beat` while it runs: nothing of before counts any more."""
        self.plan = None
        return (Cut(self.moment.next_epoch(), EVERYTHING), Hush())

    def anchor(self, beat: Beats) -> Beats:
        """Where a key struck at `beat` wants to stand: elsewhere, if it sets the bar line."""
        return beat

    def moved(self, by: Beats) -> None:
        """The score's beats were moved: whatever is remembered in beats moves too."""

    # ---- the player's hands and feet

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        """The player strikes a key."""
        moment = self.moment
        moment.ear.note_on(pitch, velocity, beat, nearest_step(beat), moment.voicing, channel)
        return NOTHING

    def note_off(self, pitch: int, beat: Beats, channel: int = 0) -> Effects:
        """The player releases a key."""
        self.moment.ear.note_off(pitch, beat, channel)
        return NOTHING

    def pedal(self, down: bool, beat: Beats, channel: int = 0) -> Effects:
        """The player's foot goes down on the sustain pedal, or up."""
        self.moment.ear.pedal(down, beat, channel)
        return NOTHING

    # ---- time

    def advance(self, beat: Beats) -> Effects:
        """Time has come to `beat`."""
        if self.plan is None:
            return NOTHING
        return self.plan.top_up(beat, self.moment.settings)

    def wake(self) -> Beats | None:
        """When `advance` has something to do next, None if only an event can tell."""
        return None if self.plan is None else self.plan.next_top_up(self.moment.settings)

    def planned(self, planned: Planned) -> Planned | None:
        """A step has come from inference: what of it is to sound, None if it is void."""
        return planned if self.plan is not None and self.plan.take(planned) else None

    def expects(self, step: Beats) -> bool:
        """Whether the machine should sound something planned at `step`."""
        return self.plan is not None and self.plan.covers(step)

    def missed(self, step: Beats) -> Effects:
        """A step that was due has not come in time."""
        if self.plan is None:
            return NOTHING
        moment = self.moment
        return self.plan.missed(moment.next_epoch(), step, moment.machine, moment.settings)

    # ---- wishes

    def changed(self, beat: Beats) -> Effects:
        """A setting that the model obeys has changed."""
        if self.plan is None:
            return NOTHING
        return self.plan.replan(self.moment.next_epoch(), beat, self.moment.settings)

    def settled(self, line: Beats, beat: Beats) -> bool:
        """Whether nothing that is to be heard before `line` needs the model any more."""
        return beat >= line - GRID_TOLERANCE if self.plan is None else self.plan.has(line)

    def taken_over(self, line: Beats, beat: Beats) -> Effects:
        """Another model goes on from the step at `line`; what is planned before it is heard."""
        plan, moment = self.plan, self.moment
        if plan is None:
            return NOTHING
        begin = max(line, plan.begin)
        return plan.renew(moment.next_epoch(), begin, beat, moment.settings)

    def answer_now(self, beat: Beats) -> Effects:
        """The player asks for an answer, or for its end."""
        return NOTHING

    def again(self, wish: Again, beat: Beats) -> Effects:
        """The player wants the last answer again, another one, or to keep it."""
        return (Say("In this mode there is no answer to play again: choose answer or solo"),)

    def cadence(self, beat: Beats) -> Effects:
        """The player asks for a close."""
        if self.plan is None:
            return NOTHING
        self.plan.cadence = ceil_to(Beats(beat + 1.0), half_bar(self.moment.settings.meter))
        return self.changed(beat)

    def reseed(self, beat: Beats) -> Effects:
        """There is a new seed phrase."""
        return NOTHING

    # ---- what a screen asks

    def horizon(self, beat: Beats) -> tuple[Beats, Beats]:
        """Where the commit and the lookahead horizons lie."""
        horizon = self.moment.settings.horizon
        if self.plan is None:
            return Beats(beat + horizon.commit), Beats(beat + horizon.lookahead)
        return self.plan.committed(beat, self.moment.settings), self.plan.received

    def phase_beats(self, beat: Beats) -> Beats:
        """How long this phase has lasted, or, for an answer, how much of it is left."""
        return Beats(0.0)


def nearest_step(beat: Beats) -> Beats:
    """The step whose thirty-seconds around it hold `beat`."""
    return snap(beat, STEP)


def half_bar(meter: Meter) -> Beats:
    """Half a bar, on the grid: where a phrase can close."""
    return ceil_to(Beats(meter.bar / 2), STEP)


def opening_beat(beat: Beats, meter: Meter) -> Beats:
    """Where a first note at `beat` stands: on the next bar line, or as it is when near one."""
    line = meter.bar_start(Beats(beat + STEP / 2))
    return beat if abs(beat - line) <= STEP / 2 + GRID_TOLERANCE else meter.next_bar(beat)


def earliest(beats: Iterable[Beats | None]) -> Beats | None:
    """The earliest of those that are set."""
    return min((beat for beat in beats if beat is not None), default=None)
