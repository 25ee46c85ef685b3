"""The same performance in virtual time: as fast as it computes, and the same bytes every time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ripieno.clock import Beats, Seconds, VirtualClock
from ripieno.errors import SettingError
from ripieno.events import Notice, Request, Served
from ripieno.inference.bundle import check
from ripieno.inference.foreign_rules import foreign_faults
from ripieno.inference.grammars import Player, player_of
from ripieno.inference.opening import open_model
from ripieno.ledger import Ledger
from ripieno.performance import Performance
from ripieno.sound import Recorder, Sound
from ripieno.stage import Script, Stage
from ripieno.takes.take import Journal
from ripieno.takes.tap import TakeOutput

IDLE_TICK = Seconds(0.05)
"""How far virtual time goes on when nobody has anything to do."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a rendering came to."""

    steps: int
    missed: int
    relaxed: int
    notices: tuple[Notice, ...]


def render(stage: Stage) -> Rendered:
    """Play `stage.bars` bars in virtual time into the journal at `stage.take`.

    Nothing sounds; the budget for a step is not enforced. Raises RipienoError.
    """
    if stage.bars is None:
        raise SettingError("a rendering needs a length", allowed="--bars 1 or more")
    models = [open_model(check(s.model.folder), s.model.precision) for s in stage.seats]
    script = Script.of(stage)
    precisions = [model.precision for model in models]
    journal = Journal(stage.take, stage.header(precisions, Seconds(0.0)))
    try:
        offline = Offline(stage, [player_of(model) for model in models], script, journal)
        return offline.run(Beats(stage.bars * stage.preset.settings.meter.bar))
    finally:
        journal.close()


def render_anew(stage: Stage) -> Rendered:
    """The same, where it may have been begun already: what is written at `stage.take` is void."""
    if stage.take.exists():
        os.truncate(stage.take, 0)
    return render(stage)


class Offline:
    """One process, one thread, no waiting: requests are answered where they are asked."""

    def __init__(
        self, stage: Stage, generators: Sequence[Player], script: Script, recorder: Recorder
    ) -> None:
        """Each of `generators` plays for the one at its place among the seats."""
        self._clock = VirtualClock()
        self._generators = generators
        self._script = script
        self._requests: deque[tuple[int, Request]] = deque()
        self._said: set[str] = set()
        written = TakeOutput(recorder, self._clock.now)
        first, *others = [seat.routing for seat in stage.seats]
        self.performance = Performance(
            [seat.member for seat in stage.seats],
            Sound((written,), Ledger(), first, recorder, others),
            [self._asks(place) for place, _ in enumerate(stage.seats)],
            recorder,
            seed=stage.seed,
        )

    def _asks(self, place: int) -> Callable[[Request], None]:
        return lambda request: self._requests.append((place, request))

    def run(self, end: Beats) -> Rendered:
        """Play from the start to the bar line at `end`."""
        performance = self.performance
        performance.play(self._clock.now())
        while (beat := performance.beat(self._clock.now())) < end:
            now = self._clock.now()
            self._script.feed(performance, now)
            self._answer_requests(now)
            performance.advance(now)
            self._script.feed(performance, now)  # an answer that just ended frees a guest
            self._answer_requests(now)
            wakes = (performance.wake(), self._script.wake(performance))
            latest = performance.tempo.seconds(end)
            soonest = min(wake for wake in (*wakes, latest) if wake is not None)
            self._clock.sleep_until(max(soonest, now))
            if soonest <= now and performance.beat(now) == beat:
                self._clock.sleep_until(Seconds(now + IDLE_TICK / 1000))
        performance.stop(self._clock.now())
        return Rendered(
            performance.steps,
            performance.missed,
            performance.relaxed,
            tuple(performance.notices),
        )

    def _answer_requests(self, now: Seconds) -> None:
        while self._requests:
            place, request = self._requests.popleft()
            generator, steps = self._generators[place], 0
            for steps, planned in enumerate(generator.plan(request, self._clock), start=1):
                # what a step cost belongs to this machine and this moment, not to the music
                free = replace(planned, seconds=Seconds(0.0), model_seconds=Seconds(0.0))
                self.performance.planned(free, now, place)
            self.performance.served(Served(request.number, steps, False), now, place)
            for sentence in (*generator.faults, *foreign_faults(request.settings.rules)):
                if sentence not in self._said:
                    self._said.add(sentence)
                    self.performance.say(sentence, urgent=True)
            generator.faults.clear()
