"""What the take and the player are told of a performance."""

from __future__ import annotations

from collections import deque

from ripieno.clock import Beats, Seconds
from ripieno.events import Notice, Phase
from ripieno.settings import Settings
from ripieno.sound import Recorder
from ripieno.takes.facts import Fact, Mark, Marked, MeterSet, TempoSet
from ripieno.transport import Transport

NOTICES = 6
_BEGINS = {Phase.LISTENING: Mark.PHRASE_BEGINS, Phase.ANSWERING: Mark.ANSWER_BEGINS}
_ENDS = {Phase.LISTENING: Mark.PHRASE_ENDS, Phase.ANSWERING: Mark.ANSWER_ENDS}


class Logbook:
    """Facts for the take, each at its place on the score; notices for whoever plays."""

    def __init__(self, recorder: Recorder, transport: Transport) -> None:
        self.notices: deque[Notice] = deque(maxlen=NOTICES)
        self._recorder, self._transport = recorder, transport
        self._phases: dict[int, Phase] = {}

    def record(self, fact: Fact) -> None:
        self._recorder.record(fact)

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something on whatever client there is."""
        number = self.notices[-1].number + 1 if self.notices else 1
        self.notices.append(Notice(number, text, urgent))

    def mark(self, mark: Mark, at: Seconds, text: str = "", partner: int = 0) -> None:
        """The performance came to a place worth remembering."""
        self.record(Marked(mark, text, self._beat(at), at, partner))

    def tempo(self, settings: Settings, at: Seconds) -> None:
        """Tempo and meter are these from here on."""
        beat = self._beat(at)
        self.record(TempoSet(settings.bpm, beat, at))
        self.record(MeterSet(settings.meter, beat, at))

    def phase(self, phase: Phase, at: Seconds, partner: int = 0) -> None:
        """It is this one's turn now: the take says where turns begin and end."""
        left = self._phases.get(partner, Phase.STOPPED)
        self._phases[partner] = phase
        for mark in (_ENDS.get(left), _BEGINS.get(phase)) if phase is not left else ():
            if mark is not None:
                self.mark(mark, at, partner=partner)

    def _beat(self, at: Seconds) -> Beats:
        """The beat as the take tells it: the lead-in is no bar of the music."""
        return max(Beats(0.0), self._transport.beat(at))
