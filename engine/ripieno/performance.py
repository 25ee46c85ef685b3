"""A performance: the conductor's effects put to work on tempo, schedule, sound and inference.

It has no clock and no thread of its own. Whoever runs it (`realtime.py` against the system clock,
`render.py` in virtual time) tells it what came and when, and asks when it wants to be woken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap, ceil_to
from ripieno.conductor import Conductor, Wish
from ripieno.ear import STEP
from ripieno.errors import RipienoError
from ripieno.events import (
    Choose,
    ControlChange,
    Mute,
    Note,
    NoteOff,
    NoteOn,
    Notice,
    Phase,
    Planned,
    Request,
    Seed,
    Stamped,
    Turn,
)
from ripieno.lateness import WAITED_FOR, Latecomers
from ripieno.measure import Gauge
from ripieno.modes.effects import Ask, Cut, Effects, Hush, Say, Sow
from ripieno.plan import ALL_VOICES, context
from ripieno.schedule import Schedule
from ripieno.settings import Settings
from ripieno.sound import Recorder, Sound, When
from ripieno.take import Mark, Marked, MeterSet, Source, StepPlanned, TempoSet, Turned
from ripieno.transport import LEAD_IN, Transport

GRACE = 0.008
"""Seconds that a step may come late and still be sounded; after that the chord is held."""
ASLEEP = 1.5
"""Seconds without a sign of life after which the machine must have slept: the music waits."""
NOTICES = 6
JUST_NOW = 0.05
"""Seconds for which everything else makes way for an answer to the player's note."""
_BEGINS = {Phase.LISTENING: Mark.PHRASE_BEGINS, Phase.ANSWERING: Mark.ANSWER_BEGINS}
_ENDS = {Phase.LISTENING: Mark.PHRASE_ENDS, Phase.ANSWERING: Mark.ANSWER_ENDS}


class Performance:
    """One performance from start to end. All moments are on one clock and never go back."""

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
        self.conductor = Conductor(settings, seed)
        self.sound = sound
        self.transport = Transport(settings, at)
        self.schedule = Schedule()
        self.notices: deque[Notice] = deque(maxlen=NOTICES)
        self.lateness, self.steps_cost = Gauge("scheduler"), Gauge("model step")
        self.reply = Gauge("your note → others")
        self.steps = self.missed = self.relaxed = self.unserved = 0
        self._ask = ask
        self._recorder = recorder
        self._phase = Phase.STOPPED
        self._waiting = False
        self._check = Beats(0.0)  # the next step to be checked for a miss
        self._served = LEAD_IN  # the model's steps have sounded up to here
        self._latecomers = Latecomers()
        self._alive = at  # when `advance` was called last
        self._struck = at  # when the player last struck a key
        sound.mute(settings.muted, self._when(at))

    # ---- time

    def beat(self, at: Seconds) -> Beats:
        return self.transport.beat(at)

    @property
    def playing(self) -> bool:
        return self.transport.playing

    @property
    def tempo(self) -> TempoMap:
        return self.transport.tempo

    @property
    def shift(self) -> Beats:
        """By how much the player has moved the score's beats in all."""
        return self.transport.shift

    @property
    def settings(self) -> Settings:
        return self.conductor.settings

    @property
    def phase(self) -> Phase:
        return self.conductor.mode.phase

    def play(self, at: Seconds) -> None:
        """Start the transport, or go on: half a beat before a bar line, so music comes soon."""
        if self.playing:
            return
        start = Beats(self.transport.entry(self.settings.meter) + LEAD_IN)
        self.transport.roll(at, start, self.settings.bpm)
        self._alive = at
        self._recheck(start)
        self._mark(Mark.PLAYED, at)
        self._record_tempo(at)
        self._apply(self.conductor.start(start), at)

    def stop(self, at: Seconds) -> None:
        """Stop the transport and release everything."""
        beat = self.beat(at)
        self._mark(Mark.STOPPED, at)
        self._apply(self.conductor.stop(), at)
        self.transport.stand(beat)
        self.sound.release_all(self._when(at))
        self._latecomers.clear()
        self.conductor.moment.ear.release_all(beat)

    def panic(self, at: Seconds) -> None:
        """Silence at once; the music stops and can be started again."""
        self.stop(at)
        self.sound.panic(self._when(at))
        self.say("Panic: everything is silent. Space plays on")

    def wake(self) -> Seconds | None:
        """When `advance` has something to do next; None if nothing is planned."""
        if not self.playing:
            return None
        beats = [Beats(self._check + self._patience)]
        beats += [b for b in (self.schedule.next, self.conductor.mode.wake()) if b is not None]
        return self.tempo.seconds(min(beats))

    def waiting(self, at: Seconds) -> bool:
        """A chord was asked for at once, just now, and has not come yet."""
        return self._waiting and at - self._struck < JUST_NOW

    def advance(self, at: Seconds) -> None:
        """Do all that is due at `at`."""
        if not self.playing:
            return
        self._wake_up(at)
        beat = self.beat(at)
        self._apply(self.conductor.mode.advance(Beats(beat + GRID_TOLERANCE)), at)
        self._perform_due(at)
        self._check_for_misses(at)

    def _wake_up(self, at: Seconds) -> None:
        """Where the whole machine has slept, the music goes on from where it fell asleep."""
        slept, self._alive = at - self._alive, at
        if slept > ASLEEP:
            self.transport.pull(at, self.beat(Seconds(at - slept)))
            self.say(f"The computer slept for {slept:.0f} s; the music goes on where it was")

    # ---- what comes in

    def hear(self, stamped: Stamped, *, keeps_time: bool = False) -> None:
        """The player's instrument. Who `keeps_time` plays on our grid and never moves it."""
        at, message = stamped.at, stamped.message
        match message:
            case NoteOn(_, key, velocity):
                pitch = min(127, max(0, key + self.settings.transpose))
                self._struck = at
                if self.playing and not keeps_time:
                    self._anchor(at)
                self.sound.thru_on(key, pitch, velocity, self._when(at))
                beat = self.beat(at)
                self._apply(self.conductor.mode.note_on(pitch, velocity, beat), at)
            case NoteOff(_, key):
                sounded = self.sound.thru_pitch(key)
                self.sound.thru_off(key, self._when(at))
                if sounded is not None:
                    self._apply(self.conductor.mode.note_off(sounded, self.beat(at)), at)
            case ControlChange(_, controller, value):
                self.sound.thru_control(controller, value, self._when(at))

    def wish(self, wish: Wish, at: Seconds) -> None:
        """The player's controls. A value out of bounds changes nothing and is told."""
        try:
            effects = self.conductor.wish(wish, self.beat(at), self.playing)
        except RipienoError as error:
            self.say(str(error), urgent=True)
            return
        if isinstance(wish, Turn | Choose):
            beat = self.beat(at)
            self._recorder.record(Turned(wish.name, str(wish.value), beat, at))
        if isinstance(wish, Turn) and wish.name in ("tempo", "swing"):
            self._retime(at)
        if isinstance(wish, Mute):
            self.sound.mute(self.settings.muted, self._when(at))
        self._apply(effects, at)

    def planned(self, planned: Planned, at: Seconds) -> None:
        """A step from inference: kept for its time, or sounded at once if that was asked for."""
        if not self.playing or not self.conductor.mode.planned(planned):
            return
        self.steps_cost.add(planned.seconds)
        self.relaxed += len(planned.relaxed)
        self.unserved += not planned.served
        self._recorder.record(
            StepPlanned(
                planned.epoch,
                planned.begin,
                planned.end,
                planned.seconds,
                planned.served,
                planned.relaxed,
                at,
            )
        )
        if planned.at_once:
            self._waiting = False
            self.reply.add(at - self._struck)
            self._perform(planned, self._when(at, planned.begin), Source.MODEL)
        else:
            self.schedule.add(planned, Source.MODEL)

    def inference_restarted(self, heard: tuple[Note, ...], at: Seconds) -> None:
        """Inference has lost its memory: tell it what was heard lately, and plan anew."""
        moment, beat = self.conductor.moment, self.beat(at)
        here = ceil_to(beat, STEP)
        since = min((note.onset for note in heard), default=here)
        epoch = moment.next_epoch()
        told = context(epoch, since, here, heard, ALL_VOICES, self.settings, fresh=True)
        self._apply((Ask(told), *self.conductor.mode.changed(beat)), at)

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something on whatever client there is."""
        number = self.notices[-1].number + 1 if self.notices else 1
        self.notices.append(Notice(number, text, urgent))

    # ---- effects

    def _apply(self, effects: Effects, at: Seconds) -> None:
        for effect in effects:
            match effect:
                case Ask(request):
                    self._waiting = self._waiting or request.at_once
                    self._ask(replace(request, settings=self.conductor.moment.for_model()))
                case Cut(_, begin):
                    self.schedule.cut(begin)
                case Sow(planned):
                    self.schedule.add(planned, Source.SEED)
                case Hush():
                    self.sound.hush(self._when(at))
                case Say(text):
                    self.say(text)
        self.conductor.moment.machine = self.sound.machine()
        if self.phase is not self._phase:
            self._turned_over(at)

    def _turned_over(self, at: Seconds) -> None:
        """The phase has changed: the take says where turns begin and end."""
        left, self._phase = self._phase, self.phase
        for mark in (_ENDS.get(left), _BEGINS.get(self._phase)):
            if mark is not None:
                self._mark(mark, at)

    def _mark(self, mark: Mark, at: Seconds, text: str = "") -> None:
        self._recorder.record(Marked(mark, text, self._score_beat(at), at))

    def _record_tempo(self, at: Seconds) -> None:
        beat = self._score_beat(at)
        self._recorder.record(TempoSet(self.settings.bpm, beat, at))
        self._recorder.record(MeterSet(self.settings.meter, beat, at))

    def _score_beat(self, at: Seconds) -> Beats:
        """The beat as the take tells it: the lead-in is no bar of the music."""
        return max(Beats(0.0), self.beat(at))

    def _perform_due(self, at: Seconds) -> None:
        """Sound what is due. Of steps that are over only the last counts: there is no burst."""
        due = list(self.schedule.due(self.beat(at)))
        beat = self.beat(at)
        for place, (step, source) in enumerate(due):
            when = self._when(at, step.begin)
            over = step.end <= beat and place + 1 < len(due)
            planned, later = self._latecomers.ends_later(step)
            if later is not None:
                self.schedule.add(later, source)
            if source is Source.MODEL:
                self.lateness.add(when.at - when.due)
            if over:
                self._served = max(self._served, planned.end)
            elif when.at - when.due > GRACE:
                by = Beats(beat - planned.begin)
                policy = self.settings.horizon.late
                self._perform(self._latecomers.late(planned, by, policy), when, source)
            else:
                self._perform(self._latecomers.in_time(planned), when, source)

    def _perform(self, planned: Planned, when: When, source: Source) -> None:
        self.sound.perform(planned, when, source)
        self.conductor.moment.machine = self.sound.machine()
        if source is Source.MODEL:
            self.steps += 1
            self._served = max(self._served, planned.end)

    @property
    def _patience(self) -> Beats:
        """How long a step is waited for."""
        if self.settings.horizon.late in WAITED_FOR:
            return STEP
        return Beats(GRACE * self.tempo.bpm / 60.0)

    def _check_for_misses(self, at: Seconds) -> None:
        late = Beats(self.beat(at) - self._patience + GRID_TOLERANCE)
        while self._check <= late:
            step, self._check = self._check, Beats(self._check + STEP)
            if self.conductor.mode.expects(step) and self._served <= step + GRID_TOLERANCE:
                self.missed += 1
                self._apply(self.conductor.mode.missed(step), at)

    def _anchor(self, at: Seconds) -> None:
        """The player may set where the bar begins: then the score's beats are moved."""
        beat = self.beat(at)
        wanted = self.conductor.mode.anchor(beat)
        if wanted == beat:
            return
        by = Beats(wanted - beat)
        self.transport.shifted(at, by)
        self.conductor.moved(by)
        self._recheck(wanted)

    def _recheck(self, beat: Beats) -> None:
        self._check = ceil_to(beat, STEP)
        self._served = beat

    def _retime(self, at: Seconds) -> None:
        if self.playing:
            self.transport.retime(at, self.settings)
            self._record_tempo(at)

    def _when(self, at: Seconds, beat: Beats | None = None) -> When:
        if beat is None:
            return When(self.beat(at), at, at)
        return When(beat, self.tempo.seconds(beat), at)
