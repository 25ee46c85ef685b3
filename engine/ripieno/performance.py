"""A performance: what came and when, turned into music through the conductor.

It has no clock and no thread of its own. Whoever runs it (`realtime.py` against the system clock,
`render.py` in virtual time) tells it what came and when, and asks when it wants to be woken. It
writes down whatever it is told before it acts, so that a take can be computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ripieno import knobs
from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, ceil_to
from ripieno.commands import Become, Choose, Mute, Nudge, Programs, Rate, Seed, Turn
from ripieno.errors import RipienoError
from ripieno.events import (
    ControlChange,
    Note,
    NoteOff,
    NoteOn,
    PitchBend,
    Planned,
    ProgramChange,
    Request,
    Rung,
    Served,
    Stamped,
)
from ripieno.measure import Gauge
from ripieno.modes.conductor import Wish
from ripieno.modes.ear import STEP
from ripieno.modes.effects import Ask
from ripieno.modes.plan import context
from ripieno.modes.voicing import ALL
from ripieno.rolling import Rolling
from ripieno.settings import Settings
from ripieno.sound import Recorder, Sound, When
from ripieno.takes.facts import (
    Heard,
    Mark,
    RequestServed,
    Restarted,
    Source,
    StepMissed,
    StepPlanned,
    Turned,
    Wished,
    Woke,
)

AUDIBLE = 0.005
"""The share by which a followed tempo must change to be told as another one."""
ASLEEP = 1.5
"""Seconds without a sign of life after which the machine must have slept: the music waits."""
JUST_NOW = 0.05
"""Seconds for which everything else makes way for an answer to the player's note."""
SUSTAIN, DOWN = 64, 64
"""The pedal's controller, and the value from which it is down."""


def earliest(*moments: Seconds | None) -> Seconds | None:
    """The earliest of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)


class Performance(Rolling):
    """One performance from start to end. All moments are on one clock and never go back.

    What is scheduled is done `sound.lead` seconds ahead of its time, so that outputs that want to
    know a message's moment get it early; what the player does is done when it comes.
    """

    def __init__(
        self,
        settings: Settings,
        sound: Sound,
        ask: Callable[[Request], None],
        recorder: Recorder,
        *,
        seed: Seed | None = None,
        at: Seconds = Seconds(0.0),
    ) -> None:
        super().__init__(settings, sound, ask, recorder, seed=seed, at=at)
        self.steps_cost, self.reply = Gauge("model step"), Gauge("your note → others")
        self.handover = Gauge("hand-over")
        self.relaxed = self.unserved = 0
        self.rung = Rung.FULL
        self._struck = at  # when the player last struck a key
        self._ideal: Beats | None = None  # where the last answer should have begun

    @property
    def steps(self) -> int:
        """The model's steps that have sounded."""
        return self.sequencer.steps

    @property
    def missed(self) -> int:
        """Steps that came too late, or ran out of time in inference."""
        return self.sequencer.missed + self.unserved

    def wake(self) -> Seconds | None:
        """When `advance` has something to do next; None if nothing is planned."""
        return earliest(self._due(), self.sound.wake())

    def _due(self) -> Seconds | None:
        """When the music has something to do: `lead` before it sounds."""
        lead = self.sound.lead
        pulse = self.pulse.wake(self.tempo, self.settings)
        early = None if pulse is None else Seconds(pulse - lead)
        if not self.playing:
            return early
        beat = self.conductor.mode.wake()
        mode = None if beat is None else Seconds(self.tempo.seconds(beat) - lead)
        late = self.settings.horizon.late
        return earliest(early, mode, self.sequencer.wake(self.tempo, late, lead))

    def waiting(self, at: Seconds) -> bool:
        """A chord was asked for at once, just now, and has not come yet."""
        return self._acting.waiting and at - self._struck < JUST_NOW

    def advance(self, at: Seconds) -> None:
        """Do all that is due at `at`."""
        self._wake_up(at)
        due = self._due()
        if due is not None and due <= at:
            self._logbook.record(Woke(at, self.sound.lead))
            self.pulse.play(Seconds(at + self.sound.lead), self.tempo, self.settings)
            if self.playing:
                self._advance(at)
        self.sound.pump(at)

    def _advance(self, at: Seconds) -> None:
        lead = self.sound.lead
        ahead = Seconds(at + lead)
        self._acting.apply(
            self.conductor.mode.advance(Beats(self.beat(ahead) + GRID_TOLERANCE)), ahead
        )
        late = self.settings.horizon.late
        self.sequencer.play_due(at, lead, self.tempo, late)
        self._acting.know_machine()
        self._judge_handover()
        for step in self.sequencer.misses(at, self.tempo, late, self.conductor.mode.expects):
            self._logbook.record(StepMissed(step, at))
            self._acting.apply(self.conductor.mode.missed(step), at)

    def _judge_handover(self) -> None:
        """An answer's first step has sounded: how far from where it should have begun?"""
        ideal, last = self.conductor.mode.ideal, self.sequencer.last
        if ideal is None or ideal == self._ideal or last is None or last.beat < ideal - STEP:
            return
        self._ideal = ideal
        self.handover.add(abs(last.at - self.tempo.seconds(ideal)))

    def _wake_up(self, at: Seconds) -> None:
        """Where the whole machine has slept, the music goes on from where it fell asleep."""
        slept, self._alive = at - self._alive, at
        if slept > ASLEEP and self.playing and not self._followed:
            self._logbook.record(Woke(at, self.sound.lead))
            self.transport.pull(at, self.beat(Seconds(at - slept)))
            self.say(f"The computer slept for {slept:.0f} s; the music goes on where it was")

    # ---- what comes in

    def hear(self, stamped: Stamped, *, keeps_time: bool = False) -> None:
        """The player's instrument. Who `keeps_time` plays on our grid and never moves it."""
        at, message = stamped.at, stamped.message
        self._logbook.record(Heard(message, keeps_time, at))
        match message:
            case NoteOn(channel, key, velocity):
                pitch = min(127, max(0, key + self.settings.transpose))
                self._struck = at
                if self.playing and not keeps_time and not self._followed:
                    self._anchor(at)
                self.sound.thru_on(key, pitch, velocity, self._when(at))
                mode = self.conductor.mode
                self._acting.apply(mode.note_on(pitch, velocity, self.beat(at), channel), at)
            case NoteOff(channel, key):
                sounded = self.sound.thru_pitch(key)
                self.sound.thru_off(key, self._when(at))
                if sounded is not None:
                    mode = self.conductor.mode
                    self._acting.apply(mode.note_off(sounded, self.beat(at), channel), at)
            case ControlChange(channel, controller, value):
                self.sound.thru_control(controller, value, self._when(at))
                if controller == SUSTAIN:
                    mode = self.conductor.mode
                    self._acting.apply(mode.pedal(value >= DOWN, self.beat(at), channel), at)
            case PitchBend(_, value):
                self.sound.thru_bend(value, self._when(at))
            case ProgramChange(_, program):
                self.sound.thru_program(program, at)

    def wish(self, wish: Wish | Nudge | Programs | Rate, at: Seconds) -> None:
        """The player's controls. A value out of bounds changes nothing and is told."""
        self._logbook.record(Wished(wish, at))
        if isinstance(wish, Programs):
            self.sound.reprogram(wish.programs)
            return
        if isinstance(wish, Rate):
            self._rate(wish.liking, at)
            return
        if isinstance(wish, Nudge):
            if self.playing:
                self.transport.pull(at, Beats(self.beat(at) + wish.beats))
                self.sequencer.nudged(at)
            return
        if isinstance(wish, Turn) and wish.name == "tempo" and self._followed:
            self.say("The tempo comes from the clock that is followed", urgent=True)
            return
        if isinstance(wish, Become) and self._followed:
            sync = replace(wish.settings.sync, source=self.settings.sync.source)
            wish = Become(replace(wish.settings, bpm=self.settings.bpm, sync=sync))
        before = self.settings
        try:
            effects = self.conductor.wish(wish, self.beat(at), self.playing)
        except RipienoError as error:
            self.say(str(error), urgent=True)
            return
        if isinstance(wish, Turn | Choose):
            self._logbook.record(Turned(wish.name, str(wish.value), self.beat(at), at))
        if isinstance(wish, Turn) and wish.name in ("tempo", "swing"):
            self._retime(wish.name, Seconds(at + self.sound.lead))
        if isinstance(wish, Become):
            for name in ("tempo", "swing"):
                if knobs.knob(name).read(before) != knobs.knob(name).read(self.settings):
                    self._retime(name, Seconds(at + self.sound.lead))
        if isinstance(wish, Mute | Become) and before.muted != self.settings.muted:
            self.sound.mute(self.settings.muted, self._when(at))
        self._acting.apply(effects, at)

    def _rate(self, liking: int, at: Seconds) -> None:
        """The player's opinion goes into the take, where `takes/ratings.py` finds it."""
        mark, said = (Mark.LIKED, "liked") if liking > 0 else (Mark.DISLIKED, "disliked")
        self._logbook.mark(mark, at)
        self.say(f"Noted in the take: {said}")

    def _retime(self, name: str, at: Seconds) -> None:
        """Another tempo or swing from `at` on: what is before has been handed over."""
        if name == "swing":
            self.transport.swing(at, self.settings.sync.swing)
        else:
            self.transport.retime(at, self.settings.bpm)
            self._logbook.tempo(self.settings, at)

    def planned(self, planned: Planned, at: Seconds) -> None:
        """A step from inference: kept for its time, or sounded at once if that was asked for."""
        ready = self.playing or self._armed is not None
        kept = self.conductor.mode.planned(planned) if ready else None
        self._logbook.record(StepPlanned.of(planned, at, void=kept is None))
        if kept is None:
            return
        self.steps_cost.add(planned.seconds)
        self.relaxed += len(planned.relaxed)
        self.unserved += not planned.served
        self.rung = planned.rung
        if planned.at_once:
            self._acting.waiting = False
            self.reply.add(at - self._struck)
            when = When(planned.begin, at, at)
            self.sequencer.play(kept, when, Source.MODEL)
            self._acting.know_machine()
        else:
            self.sequencer.schedule.add(kept, Source.MODEL)

    def served(self, served: Served, at: Seconds) -> None:
        """Inference is done with a request."""
        self._logbook.record(RequestServed(served.request, served.steps, served.void, at))

    def inference_restarted(self, heard: tuple[Note, ...], at: Seconds) -> None:
        """Inference has lost its memory: tell it what was heard lately, and plan anew."""
        self._logbook.record(Restarted(heard, at))
        moment, beat = self.conductor.moment, self.beat(at)
        here = ceil_to(beat, STEP)
        since = min((note.onset for note in heard), default=here)
        epoch = moment.next_epoch()
        told = context(epoch, since, here, heard, ALL, self.settings, fresh=True)
        self._acting.apply((Ask(told), *self.conductor.mode.changed(beat)), at)

    def _anchor(self, at: Seconds) -> None:
        """The player may set where the bar begins: then the score's beats are moved."""
        beat = self.beat(at)
        wanted = self.conductor.mode.anchor(beat)
        if wanted != beat:
            self._acting.moved(Beats(wanted - beat), at)
            self.conductor.moved(Beats(wanted - beat))
