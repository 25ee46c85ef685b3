"""What starts, stops and moves a performance: its transport, and the clock that it follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ripieno.acting import Acting
from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap
from ripieno.commands import Locate, Panic, Play, Seed, Stop
from ripieno.events import Notice, Phase, Request
from ripieno.logbook import Logbook
from ripieno.modes.conductor import Conductor
from ripieno.pulse import Pulse
from ripieno.sequencer import Sequencer
from ripieno.settings import ClockSource, Settings
from ripieno.sound import Recorder, Sound, When
from ripieno.takes.facts import Leaving, Mark, Steered, Wished
from ripieno.transport import LEAD_IN, Transport

AUDIBLE = 0.005
"""The share by which a followed tempo must change to be told as another one."""


class Rolling:
    """The parts of a performance, and how they start, stop and jump together.

    All moments are on one clock and never go back.
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
        self.conductor = Conductor(settings, seed)
        self.sound = sound
        self.transport = Transport(settings, at)
        self.sequencer = Sequencer(sound)
        self.pulse = Pulse(sound, at)
        self._logbook = Logbook(recorder, self.transport)
        self._acting = Acting(
            self.conductor, self.transport, self.sequencer, self.pulse, sound, self._logbook, ask
        )
        self._armed: Beats | None = None  # where the transport will begin, when told to
        self._alive = at  # when time was told last
        if self.conductor.told:
            self._acting.apply(self.conductor.told, at)
        sound.mute(settings.muted, self._when(at))

    def beat(self, at: Seconds) -> Beats:
        """The place on the score at `at`."""
        return self.transport.beat(at)

    @property
    def playing(self) -> bool:
        return self.transport.playing

    @property
    def shift(self) -> Beats:
        """By how much the player has moved the score's beats in all."""
        return self.transport.shift

    @property
    def tempo(self) -> TempoMap:
        return self.transport.tempo

    @property
    def settings(self) -> Settings:
        return self.conductor.settings

    @property
    def phase(self) -> Phase:
        return self.conductor.mode.phase if self.playing else Phase.STOPPED

    def play(self, at: Seconds) -> None:
        """Start the transport, or go on: half a beat before a bar line, or with a count-in."""
        if self.playing:
            return
        if self._followed:
            self.say("The music starts with the clock that is followed: press play there")
            return
        self._logbook.record(Wished(Play(), at))
        first = self.transport.entry(self.settings.meter)
        bars = self.settings.sync.count_in
        start = Beats(first - bars * self.settings.meter.bar) if bars else Beats(first + LEAD_IN)
        self.arm(first, at)
        self._roll(at, start, first)

    def arm(self, beat: Beats, at: Seconds) -> None:
        """Get ready to begin exactly at `beat`, whenever that will be."""
        self._acting.apply(self.conductor.arm(beat), at)
        self._armed = beat

    def _roll(self, at: Seconds, start: Beats, first: Beats) -> None:
        self._armed = None
        self.transport.roll(at, start, self.settings.bpm)
        self._alive = at
        self.sequencer.begin(start)
        self.pulse.begin(self.tempo, at, first)
        self._logbook.mark(Mark.PLAYED, at)
        self._logbook.tempo(self.settings, at)

    def stop(self, at: Seconds) -> None:
        """Stop the transport and release everything."""
        self._logbook.record(Wished(Stop(), at))
        self._stop(at)

    def _stop(self, at: Seconds) -> None:
        beat = self.beat(at)
        self._logbook.mark(Mark.STOPPED, at)
        self._acting.apply(self.conductor.stop(), at)
        self._armed = None
        self.transport.stand(beat)
        self.pulse.stop(at)
        self.sound.release_all(self._when(at))
        self.sequencer.silenced()
        self.conductor.moment.ear.release_all(beat)

    def panic(self, at: Seconds) -> None:
        """Silence at once; the music stops and can be started again."""
        self._logbook.record(Wished(Panic(), at))
        self._stop(at)
        self._logbook.mark(Mark.PANIC, at)
        self.sound.panic(self._when(at))
        self.say("Panic: everything is silent. Space plays on")

    def locate(self, beat: Beats, at: Seconds) -> None:
        """Go to `beat`, whether playing or not. What was planned elsewhere is void."""
        self._logbook.record(Wished(Locate(beat), at))
        self._go_to(beat, at)

    def _go_to(self, beat: Beats, at: Seconds) -> None:
        if self.playing:
            self.transport.pull(at, beat)
            self.sequencer.begin(beat)
            self.pulse.jumped(self.tempo, at)
            self._acting.apply(self.conductor.located(beat, True), at)
        elif self._followed:
            self.transport.stand(beat)
            self.arm(beat, at)
        else:
            self.transport.stand(Beats(beat + LEAD_IN))
            self.pulse.stands(self.tempo, at, beat)

    # ---- a clock that is followed

    def steer(self, tempo: TempoMap, at: Seconds) -> None:
        """The same music goes on under another clock's map."""
        if not self.playing:
            return
        self._logbook.record(Steered(tempo, False, self.beat(at), at))
        self.transport.follow(tempo)
        self._follow_tempo(tempo.bpm)

    def leaving(self, beat: Beats, at: Seconds) -> None:
        """The other clock will jump instead of reaching `beat`: nothing sounds there any more."""
        self._logbook.record(Leaving(beat, at))
        self.sequencer.schedule.cut(beat)

    def begin(self, tempo: TempoMap, at: Seconds) -> None:
        """The other clock starts: the straight beat `tempo.beat` is at `tempo.at`. A clock that
        runs already has jumped there."""
        self._logbook.record(Steered(tempo, True, self.beat(at), at))
        self._follow_tempo(tempo.bpm)
        if self.playing:
            self.transport.follow(tempo)
            self._go_to(self.beat(at), at)
            return
        first = tempo.beat
        if self._armed is None or abs(self._armed - first) > GRID_TOLERANCE:
            self.arm(first, at)
        self._roll(tempo.at, first, first)
        self.transport.follow(tempo)

    def _follow_tempo(self, bpm: float) -> None:
        """The screen and the model are told the tempo; it is nobody's knob now."""
        moment = self.conductor.moment
        if abs(bpm - moment.settings.bpm) > AUDIBLE * moment.settings.bpm:
            moment.settings = replace(moment.settings, bpm=bpm)

    @property
    def _followed(self) -> bool:
        return self.settings.sync.source is not ClockSource.INTERNAL

    # ---- in short

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something on whatever client there is."""
        self._logbook.say(text, urgent=urgent)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The last few things that the player was told."""
        return tuple(self._logbook.notices)

    def _when(self, at: Seconds) -> When:
        return self._acting.now(at)
