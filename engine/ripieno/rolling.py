"""What starts, stops and moves a performance: its transport, and the clock that it follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap
from ripieno.commands import Locate, Panic, Play, Seed, Stop
from ripieno.ensemble import Member, in_common
from ripieno.events import NoteOn, Notice, Phase, Request
from ripieno.logbook import Logbook
from ripieno.modes.conductor import Conductor
from ripieno.partner import Ground, Partner
from ripieno.pulse import Pulse
from ripieno.sequencer import Sequencer
from ripieno.settings import ClockSource, Settings
from ripieno.sound import Recorder, Sound, When
from ripieno.takes.facts import Leaving, Mark, Steered, Wished
from ripieno.transport import LEAD_IN, Transport

AUDIBLE = 0.005
"""The share by which a followed tempo must change to be told as another one."""


@dataclass(slots=True)
class Tally:
    """What those counted who do not play any more."""

    steps: int = 0
    missed: int = 0
    relaxed: int = 0

    def add(self, partner: Partner) -> None:
        """One who leaves."""
        self.steps += partner.sequencer.steps
        self.missed += partner.missed
        self.relaxed += partner.relaxed


class Rolling:
    """The parts of a performance, and how they start, stop and jump together.

    All moments are on one clock and never go back.
    """

    def __init__(
        self,
        members: Sequence[Member],
        sound: Sound,
        asks: Sequence[Callable[[Request], None]],
        recorder: Recorder,
        *,
        seed: Seed | None = None,
        at: Seconds = Seconds(0.0),
    ) -> None:
        """Each of `members` plays through the section of `sound` and asks by the one of `asks` at
        its place. What they have in common is as the first has it."""
        first = members[0].settings
        self.sound = sound
        self.transport = Transport(first, at)
        self.pulse = Pulse(sound, at)
        self._logbook = Logbook(recorder, self.transport)
        alone = len(members) == 1
        ground = Ground(self.transport, self.pulse, self._logbook, seed, alone, at)
        self.partners = tuple(
            Partner(among(member, first), section, ground, ask)
            for member, section, ask in zip(members, sound.sections, asks, strict=True)
        )
        self.front = self.partners[0]
        """The one that the player's controls are for."""
        self._armed: Beats | None = None  # where the transport will begin, when told to
        self._tally = Tally()
        self._down: dict[int, NoteOn] = {}  # the player's keys that are down
        self._alive = at  # when time was told last

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
        """Those of the partner in front; what all have in common is in everyone's."""
        return self.front.settings

    @property
    def conductor(self) -> Conductor:
        """That of the partner in front."""
        return self.front.conductor

    @property
    def sequencer(self) -> Sequencer:
        """That of the partner in front."""
        return self.front.sequencer

    @property
    def phase(self) -> Phase:
        """That of the partner in front."""
        return self.front.phase

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
        for partner in self.partners:
            partner.acting.apply(partner.conductor.arm(beat), at)
        self._pass_on(at)
        self._armed = beat

    def _roll(self, at: Seconds, start: Beats, first: Beats) -> None:
        self._armed = None
        self.transport.roll(at, start, self.settings.bpm)
        self._alive = at
        for partner in self.partners:
            partner.sequencer.begin(start)
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
        for partner in self.partners:
            partner.acting.apply(partner.conductor.stop(), at)
        self._armed = None
        self.transport.stand(beat)
        self.pulse.stop(at)
        self.sound.release_all(self._when(at))
        self._pass_on(at)
        for partner in self.partners:
            partner.sequencer.silenced()
            partner.conductor.moment.ear.release_all(beat)

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
            for partner in self.partners:
                partner.sequencer.begin(beat)
            self.pulse.jumped(self.tempo, at)
            for partner in self.partners:
                partner.acting.apply(partner.conductor.located(beat, True), at)
            self._pass_on(at)
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
        for partner in self.partners:
            partner.sequencer.schedule.cut(beat)

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
        if abs(bpm - self.settings.bpm) > AUDIBLE * self.settings.bpm:
            for partner in self.partners:
                moment = partner.conductor.moment
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
        return When(self.beat(at), at, at)

    def _pass_on(self, at: Seconds) -> None:
        """Let those who hear each other hear what has just begun and ended, and what comes of it,
        until nothing more does."""
        while news := [(each, sung) for each in self.partners for sung in each.section.news()]:
            for singer, sung in news:
                for partner in self.partners:
                    if partner.hears(singer, sung):
                        partner.listen(sung, at)


def among(member: Member, first: Settings) -> Member:
    """`member`, with what it has in common with the `first` one."""
    return replace(member, settings=in_common(member.settings, first))
