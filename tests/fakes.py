"""One whole fake for each boundary: an output, a recorder, an inference, a stage to play on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ripieno.clock import Beats, Seconds, VirtualClock
from ripieno.commands import Seed
from ripieno.ensemble import alone
from ripieno.events import NoteOff, NoteOn, Phase, Planned, Request, Sounding, Stamped
from ripieno.ledger import Ledger
from ripieno.modes.ear import STEP
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.settings import Settings
from ripieno.sound import Sound
from ripieno.takes.take import Fact, NoteEnded, NoteStarted

CHORD = (72, 67, 60, 48)


class FakeOutput:
    """Keeps every call, and a ledger of its own: what a synthesiser would be sounding."""

    name = "fake"
    problem = ""

    def __init__(self, lead: float = 0.0) -> None:
        self.lead = Seconds(lead)
        self.calls: list[tuple[str, int, int]] = []
        self.moments: list[Seconds | None] = []
        """When each of the calls should sound."""
        self.sounding: dict[tuple[int, int], int] = {}
        self.programs: dict[int, int] = {}
        self.chosen: list[tuple[int, int, Seconds | None]] = []
        """Channel and program of every choice of a sound, and when it should hold."""
        self.newcomer = False
        self.closed = False

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        assert 1 <= velocity <= 127
        assert (channel, pitch) not in self.sounding, "struck while it sounds"
        self._keep(("on", channel, pitch), at)
        self.sounding[channel, pitch] = velocity

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._keep(("off", channel, pitch), at)
        self.sounding.pop((channel, pitch), None)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._keep(("control", controller, value), at)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self.programs[channel] = program
        self.chosen.append((channel, program, at))

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        self._keep(("bend", channel, value), at)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        self._keep(("clock", data[0], 0), at)

    def _keep(self, call: tuple[str, int, int], at: Seconds | None) -> None:
        self.calls.append(call)
        self.moments.append(at)

    def silence(self, at: Seconds | None = None) -> None:
        self._keep(("silence", 0, 0), at)

    def check(self) -> bool:
        newcomer, self.newcomer = self.newcomer, False
        return newcomer

    def close(self) -> None:
        self.closed = True


class FakeRecorder:
    """Keeps every fact of a take in memory."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def record(self, fact: Fact) -> None:
        self.facts.append(fact)

    @property
    def started(self) -> list[NoteStarted]:
        return [fact for fact in self.facts if isinstance(fact, NoteStarted)]

    @property
    def ended(self) -> list[NoteEnded]:
        return [fact for fact in self.facts if isinstance(fact, NoteEnded)]


Decide = Callable[[Request, Beats, int], Sounding]


def strike_each_beat(request: Request, step: Beats, voice: int) -> Sounding:
    """The plainest music there is: one chord, struck anew on every beat."""
    return Sounding(voice, CHORD[voice], step % 1.0 == 0.0, request.settings.velocity)


@dataclass
class FakeInference:
    """Answers requests as inference would, at once, with music that `decide` makes up."""

    decide: Decide = strike_each_beat
    asked: list[Request] = field(default_factory=list)
    silent: bool = False
    """As if the process were dead or late: nothing comes."""
    _queue: list[Request] = field(default_factory=list)

    def ask(self, request: Request) -> None:
        self.asked.append(request)
        self._queue.append(request)

    def answers(self) -> Iterator[Planned]:
        """All that is due. A request with an older epoch than another in the queue is void."""
        queue, self._queue = self._queue, []
        newest = max((request.epoch for request in queue), default=0)
        for request in queue:
            if not self.silent and request.epoch == newest:
                yield from self._plan(request)

    def _plan(self, request: Request) -> Iterator[Planned]:
        step = request.begin
        while step < request.end - 1e-9:
            voices = tuple(
                self.decide(request, step, voice)
                for voice in range(4)
                if voice not in request.player
            )
            end = Beats(step + STEP)
            cost = Seconds(0.0001)
            yield Planned(request.epoch, step, end, voices, request.at_once, cost, cost, True)
            step = end


class FakeStage:
    """A performance in virtual time, with fakes all around it."""

    def __init__(
        self, settings: Settings, seed: Seed | None = None, routing: Routing | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.output = FakeOutput()
        self.recorder = FakeRecorder()
        self.inference = FakeInference()
        self.ledger = Ledger()
        sound = Sound((self.output,), self.ledger, routing or Routing(), self.recorder)
        self.show = Performance(
            alone(settings), sound, (self.inference.ask,), self.recorder, seed=seed
        )

    @property
    def beat(self) -> Beats:
        return self.show.beat(self.clock.now())

    @property
    def phase(self) -> Phase:
        return self.show.phase

    def play(self) -> None:
        self.show.play(self.clock.now())
        self.settle()

    def settle(self) -> None:
        """Let inference answer what was asked, and sound what is due."""
        now = self.clock.now()
        for _ in range(4):
            for planned in self.inference.answers():
                self.show.planned(planned, now)
            self.show.advance(now)

    def run_to(self, beat: float) -> None:
        """Let time pass until `beat`, waking whenever the performance wants to."""
        for _ in range(100_000):
            target = self.show.tempo.seconds(Beats(beat))
            wake = self.show.wake()
            if self.beat >= beat - 1e-9:
                return
            until = target if wake is None else min(target, max(wake, self.clock.now()))
            if until <= self.clock.now():
                until = Seconds(self.clock.now() + 1e-5)
            self.clock.sleep_until(until)
            self.settle()
        raise AssertionError("the performance does not let time pass")

    def strike(self, pitch: int, velocity: int = 90) -> None:
        self.show.hear(Stamped(self.clock.now(), NoteOn(0, pitch, velocity)))
        self.settle()

    def release(self, pitch: int) -> None:
        self.show.hear(Stamped(self.clock.now(), NoteOff(0, pitch)))
        self.settle()

    def play_note(self, pitch: int, begin: float, end: float) -> None:
        """Strike at beat `begin`, release at `end`; both are beats from now's score."""
        self.run_to(begin)
        self.strike(pitch)
        self.run_to(end)
        self.release(pitch)

    def machine(self) -> list[tuple[int, int, float]]:
        """What the machine has struck so far: (voice, pitch, beat)."""
        return [
            (fact.voice, fact.pitch, round(fact.beat, 6))
            for fact in self.recorder.started
            if fact.voice is not None
        ]


class FakeLink:
    """An Ableton Link session, as `aalink.Link` shows it: a beat that goes on, and peers."""

    def __init__(self, clock: VirtualClock, bpm: float = 120.0, beat: float = 0.0) -> None:
        self._clock, self._since, self._beat, self._bpm = clock, clock.now(), beat, bpm
        self.playing, self.quantum, self.num_peers, self.enabled = False, 4.0, 0, True

    @property
    def beat(self) -> float:
        return self._beat + (self._clock.now() - self._since) * self._bpm / 60

    @property
    def tempo(self) -> float:
        return self._bpm

    @tempo.setter
    def tempo(self, bpm: float) -> None:
        self.force_beat(self.beat)
        self._bpm = bpm

    def force_beat(self, beat: float) -> None:
        self._beat, self._since = beat, self._clock.now()
