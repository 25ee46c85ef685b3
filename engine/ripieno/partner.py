"""A partner: one of those who play with you, with a mode, a plan, voices, and a model to ask.

A performance has one or several, on one transport. A partner never looks at another one: what it
hears of them comes to it as notes, like yours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ripieno.acting import Acting
from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, ceil_to
from ripieno.commands import Seed
from ripieno.ensemble import Member
from ripieno.events import Note, Phase, Planned, Request, Rung, Served, part_of
from ripieno.logbook import Logbook
from ripieno.measure import Gauge
from ripieno.modes.conductor import Conductor
from ripieno.modes.ear import STEP
from ripieno.modes.effects import Ask
from ripieno.modes.plan import context
from ripieno.modes.voicing import ALL
from ripieno.pulse import Pulse
from ripieno.section import Section, Sung, When
from ripieno.sequencer import Sequencer
from ripieno.settings import Settings
from ripieno.takes.facts import RequestServed, Restarted, Source, StepMissed, StepPlanned
from ripieno.transport import Transport

JUST_NOW = 0.05
"""Seconds for which everything else makes way for an answer to the player's note."""
OTHERS = 16
"""What is heard of others is on channels from here on, so that no key of yours is taken for it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What all partners of a performance stand on."""

    transport: Transport
    pulse: Pulse
    logbook: Logbook
    seed: Seed | None
    alone: bool
    at: Seconds


class Partner:
    """The partner `member`, who sounds through `section` and asks its model by `ask`."""

    def __init__(
        self, member: Member, section: Section, ground: Ground, ask: Callable[[Request], None]
    ) -> None:
        self.member, self.section, self.place = member, section, section.place
        self.conductor = Conductor(member.settings, ground.seed, alone=ground.alone)
        self.sequencer = Sequencer(section)
        self._transport, self._logbook = ground.transport, ground.logbook
        self.acting = Acting(
            self.conductor,
            ground.transport,
            self.sequencer,
            ground.pulse,
            section,
            ground.logbook,
            ask,
            name=member.name,
        )
        self.steps_cost, self.reply = Gauge("model step"), Gauge("your note → others")
        self.handover = Gauge("hand-over")
        self.relaxed = self.unserved = 0
        self.rung = Rung.FULL
        self.struck = ground.at  # when the player last struck a key that it heard
        self._ideal: Beats | None = None  # where the last answer should have begun
        if self.conductor.told:
            self.acting.apply(self.conductor.told, ground.at)
        section.mute(member.settings.muted, self.acting.now(ground.at))

    @property
    def name(self) -> str:
        return self.member.name

    @property
    def settings(self) -> Settings:
        return self.conductor.settings

    @property
    def phase(self) -> Phase:
        return self.conductor.mode.phase if self._transport.playing else Phase.STOPPED

    @property
    def missed(self) -> int:
        """Steps that came too late, or ran out of time in inference."""
        return self.sequencer.missed + self.unserved

    # ---- time

    def wakes(self, lead: Seconds) -> tuple[Seconds | None, Seconds]:
        """When the mode and the plan have something to do: `lead` before it sounds."""
        tempo, beat = self._transport.tempo, self.conductor.mode.wake()
        mode = None if beat is None else Seconds(tempo.seconds(beat) - lead)
        return mode, self.sequencer.wake(tempo, self.settings.horizon.late, lead)

    def waiting(self, at: Seconds) -> bool:
        """A chord was asked for at once, just now, and has not come yet."""
        return self.acting.waiting and at - self.struck < JUST_NOW

    def decide(self, ahead: Seconds) -> None:
        """Let the mode do what is due at `ahead`."""
        beat = Beats(self._transport.beat(ahead) + GRID_TOLERANCE)
        self.acting.apply(self.conductor.mode.advance(beat), ahead)

    def sound(self, at: Seconds, lead: Seconds) -> None:
        """Sound what is due at `at`, `lead` ahead."""
        late = self.settings.horizon.late
        self.sequencer.play_due(at, lead, self._transport.tempo, late)
        self.acting.know_machine()
        self._judge_handover()

    def count_misses(self, at: Seconds) -> None:
        """Notice the steps that should have come by now."""
        tempo, late = self._transport.tempo, self.settings.horizon.late
        for step in self.sequencer.misses(at, tempo, late, self.conductor.mode.expects):
            self._logbook.record(StepMissed(step, at, self.place))
            self.acting.apply(self.conductor.mode.missed(step), at)

    def _judge_handover(self) -> None:
        """An answer's first step has sounded: how far from where it should have begun?"""
        ideal, last = self.conductor.mode.ideal, self.sequencer.last
        if ideal is None or ideal == self._ideal or last is None or last.beat < ideal - STEP:
            return
        self._ideal = ideal
        self.handover.add(abs(last.at - self._transport.tempo.seconds(ideal)))

    # ---- what it hears

    def hears(self, other: Partner, sung: Sung) -> bool:
        """Whether it hears that note of `other`."""
        return other is not self and self.member.hears_voice(other.name, part_of(sung.voice))

    def listen(self, sung: Sung, at: Seconds) -> None:
        """A note of another partner begins or ends."""
        mode, channel = self.conductor.mode, OTHERS + sung.channel
        if sung.velocity:
            effects = mode.note_on(sung.pitch, sung.velocity, sung.beat, channel)
        else:
            effects = mode.note_off(sung.pitch, sung.beat, channel)
        self.acting.apply(effects, at)

    # ---- what its model says

    def planned(self, planned: Planned, at: Seconds, *, ready: bool) -> None:
        """A step from inference: kept for its time, or sounded at once if that was asked for.

        Nobody wants it unless the performance is `ready` for it.
        """
        kept = self.conductor.mode.planned(planned) if ready else None
        fact = StepPlanned.of(planned, at, void=kept is None, partner=self.place)
        self._logbook.record(fact)
        if kept is None:
            return
        self.steps_cost.add(planned.seconds)
        self.relaxed += len(planned.relaxed)
        self.unserved += not planned.served
        self.rung = planned.rung
        if planned.at_once:
            self.acting.waiting = False
            self.reply.add(at - self.struck)
            self.sequencer.play(kept, When(planned.begin, at, at), Source.MODEL)
            self.acting.know_machine()
        else:
            self.sequencer.schedule.add(kept, Source.MODEL)

    def served(self, served: Served, at: Seconds) -> None:
        """Inference is done with a request."""
        fact = RequestServed(served.request, served.steps, served.void, at, self.place)
        self._logbook.record(fact)

    def restarted(self, heard: tuple[Note, ...], at: Seconds, line: Beats | None) -> None:
        """Inference has lost its memory: tell it what was heard lately, and plan anew, from the
        bar line `line` on, or from where that is still possible."""
        self._logbook.record(Restarted(heard, at, line, self.place))
        moment, mode = self.conductor.moment, self.conductor.mode
        beat = self._transport.beat(at)
        here = until = ceil_to(beat, STEP)
        known = heard
        if line is not None and line > here:
            until = line
            known = mode.record.known(heard, here, until) if mode.plan is not None else heard
        since = min((note.onset for note in known), default=here)
        told = context(moment.next_epoch(), since, until, known, ALL, self.settings, fresh=True)
        plan = mode.changed(beat) if line is None else mode.taken_over(line, beat)
        self.acting.apply((Ask(told), *plan), at)
