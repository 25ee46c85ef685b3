"""A performance: what came and when, turned into music through the partners.

It has no clock and no thread of its own. Whoever runs it (`realtime.py` against the system clock,
`render.py` in virtual time) tells it what came and when, and asks when it wants to be woken. It
writes down whatever it is told before it acts, so that a take can be computed again.
"""

from __future__ import annotations

from dataclasses import replace

from ripieno import knobs
from ripieno.clock import Beats, Seconds
from ripieno.commands import (
    AnswerNow,
    Become,
    Cadence,
    Choose,
    Front,
    Mute,
    Nudge,
    Programs,
    Rate,
    Seed,
    Turn,
)
from ripieno.company import Company
from ripieno.ensemble import in_common
from ripieno.errors import RipienoError
from ripieno.events import (
    ControlChange,
    NoteOff,
    NoteOn,
    PitchBend,
    Planned,
    ProgramChange,
    Rung,
    Served,
    Stamped,
)
from ripieno.modes.conductor import Wish
from ripieno.modes.effects import Effects
from ripieno.partner import Partner
from ripieno.takes.facts import Heard, Mark, Turned, Wished, Woke

ASLEEP = 1.5
"""Seconds without a sign of life after which the machine must have slept: the music waits."""
SUSTAIN, DOWN = 64, 64
"""The pedal's controller, and the value from which it is down."""


def earliest(*moments: Seconds | None) -> Seconds | None:
    """The earliest of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)


class Performance(Company):
    """One performance from start to end. All moments are on one clock and never go back.

    What is scheduled is done `sound.lead` seconds ahead of its time, so that outputs that want to
    know a message's moment get it early; what the player does is done when it comes.
    """

    @property
    def steps(self) -> int:
        """The models' steps that have sounded."""
        return self._tally.steps + sum(each.sequencer.steps for each in self.partners)

    @property
    def missed(self) -> int:
        """Steps that came too late, or ran out of time in inference."""
        return self._tally.missed + sum(each.missed for each in self.partners)

    @property
    def relaxed(self) -> int:
        """Soft rules that had to be given up."""
        return self._tally.relaxed + sum(each.relaxed for each in self.partners)

    @property
    def rung(self) -> Rung:
        """How well the last step of the partner in front could be served."""
        return self.front.rung

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
        wakes = (wake for partner in self.partners for wake in partner.wakes(lead))
        return earliest(early, self._relief(), *wakes)

    def waiting(self, at: Seconds) -> bool:
        """A chord was asked for at once, just now, and has not come yet."""
        return any(partner.waiting(at) for partner in self.partners)

    def advance(self, at: Seconds) -> None:
        """Do all that is due at `at`."""
        self._wake_up(at)
        due = self._due()
        if due is not None and due <= at:
            self._logbook.record(Woke(at, self.sound.lead))
            if self.playing:
                self._change(at)
            self.pulse.play(Seconds(at + self.sound.lead), self.tempo, self.settings)
            if self.playing:
                self._advance(at)
        self.sound.pump(at)

    def _advance(self, at: Seconds) -> None:
        lead = self.sound.lead
        for partner in self.partners:
            partner.decide(Seconds(at + lead))
        for partner in self.partners:
            partner.sound(at, lead)
        self._pass_on(at)
        for partner in self.partners:
            partner.count_misses(at)
        self._pass_on(at)

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
                self._down[key] = message
                if self.playing and not keeps_time and not self._followed:
                    self._anchor(at)
                self.sound.thru_on(key, pitch, velocity, self._when(at))
                for partner in self.listeners:
                    partner.struck = at
                    mode = partner.conductor.mode
                    effects = mode.note_on(pitch, velocity, self.beat(at), channel)
                    partner.acting.apply(effects, at)
            case NoteOff(channel, key):
                sounded = self.sound.thru_pitch(key)
                self._down.pop(key, None)
                self.sound.thru_off(key, self._when(at))
                for partner in self.listeners:
                    mode = partner.conductor.mode
                    if sounded is not None:
                        partner.acting.apply(mode.note_off(sounded, self.beat(at), channel), at)
            case ControlChange(channel, controller, value):
                self.sound.thru_control(controller, value, self._when(at))
                for partner in self.listeners if controller == SUSTAIN else ():
                    mode = partner.conductor.mode
                    partner.acting.apply(mode.pedal(value >= DOWN, self.beat(at), channel), at)
            case PitchBend(_, value):
                self.sound.thru_bend(value, self._when(at))
            case ProgramChange(_, program):
                self.sound.thru_program(program, self._when(at))
        self._pass_on(at)

    def _anchor(self, at: Seconds) -> None:
        """The player may set where the bar begins: then the score's beats are moved. Where several
        play on it, it stays: then no mode wants that."""
        beat, front = self.beat(at), self.front
        wanted = front.conductor.mode.anchor(beat)
        if wanted != beat:
            front.acting.moved(Beats(wanted - beat), at)
            front.conductor.moved(Beats(wanted - beat))

    # ---- what the player wants

    def wish(self, wish: Wish | Nudge | Programs | Rate | Front, at: Seconds) -> None:
        """The player's controls, which are those of the partner in front; what all have in common
        follows in the others. A value out of bounds changes nothing and is told."""
        self._logbook.record(Wished(wish, at))
        match wish:
            case Front(place):
                self._bring_forward(place)
            case Programs():
                self.sound.reprogram(wish, self._when(at), self.front.place)
            case Rate(liking):
                self._rate(liking, at)
            case Nudge(beats):
                self._nudge(beats, at)
            case Turn("tempo") if self._followed:
                self.say("The tempo comes from the clock that is followed", urgent=True)
            case _:
                self._wish(self._under_their_clock(wish), at)
                self._pass_on(at)

    def _bring_forward(self, place: int) -> None:
        if 0 <= place < len(self.partners):
            self.front = self.partners[place]

    def _nudge(self, by: Beats, at: Seconds) -> None:
        if self.playing:
            self.transport.pull(at, Beats(self.beat(at) + by))
            for partner in self.partners:
                partner.sequencer.nudged(at)

    def _under_their_clock(self, wish: Wish) -> Wish:
        """Where another clock is followed, its tempo stands."""
        if not isinstance(wish, Become) or not self._followed:
            return wish
        sync = replace(wish.settings.sync, source=self.settings.sync.source)
        return Become(replace(wish.settings, bpm=self.settings.bpm, sync=sync))

    def _wish(self, wish: Wish, at: Seconds) -> None:
        front, before = self.front, self.settings
        try:
            done = self._granted(wish, at)
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
            front.section.mute(self.settings.muted, self._when(at))
        for partner, effects in done:
            partner.acting.apply(effects, at)

    def _granted(self, wish: Wish, at: Seconds) -> list[tuple[Partner, Effects]]:
        """What each partner makes of it. Raises SettingError."""
        beat, playing = self.beat(at), self.playing
        if isinstance(wish, AnswerNow | Cadence | Seed):
            return [(each, each.conductor.wish(wish, beat, playing)) for each in self.partners]
        done = [(self.front, self.front.conductor.wish(wish, beat, playing))]
        for partner in self.partners:
            common = in_common(partner.settings, self.settings)
            if partner is not self.front and common != partner.settings:
                done.append((partner, partner.conductor.wish(Become(common), beat, playing)))
        return done

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

    # ---- what the models say

    def planned(self, planned: Planned, at: Seconds, place: int = 0) -> None:
        """A step from the inference of the partner at `place`."""
        partner = self.partner_at(place)
        if partner is not None:
            partner.planned(planned, at, ready=self.playing or self._armed is not None)
            self._pass_on(at)

    def served(self, served: Served, at: Seconds, place: int = 0) -> None:
        """That inference is done with a request."""
        partner = self.partner_at(place)
        if partner is not None:
            partner.served(served, at)
