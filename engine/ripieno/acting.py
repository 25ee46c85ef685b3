"""Does what a mode wants: effects put to work on the schedule, the sound, the time, inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ripieno.clock import Beats, Seconds, TempoMap, swung
from ripieno.events import Request
from ripieno.logbook import Logbook
from ripieno.modes.conductor import Conductor
from ripieno.modes.effects import (
    Ask,
    Cut,
    Effects,
    Hush,
    Keepsake,
    Move,
    Recall,
    Retempo,
    Say,
    Sow,
)
from ripieno.pulse import Pulse
from ripieno.section import Section, When
from ripieno.sequencer import Sequencer
from ripieno.takes.facts import Asked, Mark, Source
from ripieno.transport import Transport


@dataclass(slots=True)
class Acting:
    """The hands of a partner; `ask` sends a request to inference."""

    conductor: Conductor
    transport: Transport
    sequencer: Sequencer
    pulse: Pulse
    section: Section
    logbook: Logbook
    ask: Callable[[Request], None]
    name: str = ""
    """Whose hands they are, where there are several."""
    asked: int = 0
    waiting: bool = False
    """A chord was asked for at once, and has not come yet."""

    def apply(self, effects: Effects, at: Seconds) -> None:
        """Do all of it, in order."""
        schedule = self.sequencer.schedule
        for effect in effects:
            match effect:
                case Ask(request):
                    self._send(request, at)
                case Cut(_, begin):
                    schedule.cut(begin)
                case Sow(planned):
                    schedule.add(planned, Source.SEED)
                case Recall(planned):
                    schedule.add(planned, Source.MODEL)
                case Hush():
                    self.section.hush(self.now(at))
                case Move(by):
                    self.moved(by, at)
                case Retempo(bpm, origin):
                    self._retempo(bpm, origin, at)
                case Keepsake(text):
                    self.logbook.mark(Mark.KEPT, at, text, self.section.place)
                case Say(text):
                    self.logbook.say(f"{self.name}: {text}" if self.name else text)
        self.know_machine()
        self.logbook.phase(self.conductor.mode.phase, at, self.section.place)

    def now(self, at: Seconds) -> When:
        """What happens at once, at `at`."""
        return When(self.transport.beat(at), at, at)

    def know_machine(self) -> None:
        """Let the modes know what the machine sounds."""
        self.conductor.moment.machine = self.section.machine()

    def moved(self, by: Beats, at: Seconds) -> None:
        """The score's beats are counted anew from here: this moment is `by` beats later on it."""
        self.transport.shifted(at, by)
        self._restarted(at)

    def _send(self, request: Request, at: Seconds) -> None:
        self.waiting = self.waiting or request.at_once
        self.asked += 1
        complete = self.conductor.moment.complete(request, self.transport.beat(at))
        numbered = replace(complete, number=self.asked)
        self.logbook.record(Asked(numbered, at, self.section.place))
        self.ask(numbered)

    def _retempo(self, bpm: float, origin: Beats, at: Seconds) -> None:
        """The player's phrase gives the tempo: what was played since `origin` is counted in it."""
        tempo = self.transport.tempo
        now = Beats(origin + (self.transport.beat(at) - origin) * bpm / tempo.bpm)
        self.transport.tempo = TempoMap(at, swung(now, tempo.swing), bpm, tempo.swing)
        self._restarted(at)
        self.logbook.tempo(self.conductor.settings, at)
        self.logbook.say(f"Your phrase goes at {bpm:.0f}")

    def _restarted(self, at: Seconds) -> None:
        beat = self.transport.beat(at)
        self.sequencer.begin(beat)
        self.pulse.jumped(self.transport.tempo, at)
