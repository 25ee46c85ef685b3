"""A stage for several partners: each with a fake inference of its own, all in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ripieno.clock import Seconds
from ripieno.commands import Seed
from ripieno.ensemble import Member
from ripieno.events import Planned
from ripieno.ledger import Ledger
from ripieno.partner import Partner
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.sound import Sound

from tests.fakes import FakeInference, FakeOutput, FakeRecorder, FakeStage


@dataclass
class LateInference(FakeInference):
    """Answers `delay` seconds after it was asked, as a slow computer does."""

    delay: float = 0.0
    due: list[tuple[Seconds, Planned]] = field(default_factory=list)


class EnsembleStage(FakeStage):
    """Partner `i` plays on channels 4i … 4i+3; you on 15."""

    def __init__(self, members: Sequence[Member], seed: Seed | None = None) -> None:
        super().__init__(members[0].settings)
        self.output, self.recorder, self.ledger = FakeOutput(), FakeRecorder(), Ledger()
        self.models = [LateInference() for _ in members]
        self.inference = self.models[0]
        routings = [
            Routing(channels=tuple(range(4 * i, 4 * i + 4)), thru_channel=15)
            for i, _ in enumerate(members)
        ]
        sound = Sound((self.output,), self.ledger, routings[0], self.recorder, routings[1:])
        asks = [model.ask for model in self.models]
        self.show = Performance(members, sound, asks, self.recorder, seed=seed)

    @property
    def partners(self) -> tuple[Partner, ...]:
        return self.show.partners

    def settle(self) -> None:
        now = self.clock.now()
        for _ in range(4):
            for place, model in enumerate(self.models):
                model.due += [(Seconds(now + model.delay), each) for each in model.answers()]
                ready = [planned for at, planned in model.due if at <= now]
                model.due = [each for each in model.due if each[0] > now]
                for planned in ready:
                    self.show.planned(planned, now, place)
            self.show.advance(now)

    def run_to(self, beat: float) -> None:
        """In small steps where somebody is late, so that what is late comes when it does."""
        if not any(model.delay for model in self.models):
            super().run_to(beat)
            return
        while self.beat < beat - 1e-6:
            super().run_to(min(beat, self.beat + 0.02))
            self.settle()

    def struck(self, place: int) -> list[tuple[int, float]]:
        """(pitch, beat) of all that the partner at `place` has struck."""
        return [
            (fact.pitch, round(fact.beat, 6))
            for fact in self.recorder.started
            if fact.voice is not None and fact.partner == place
        ]

    def beats(self, place: int) -> list[float]:
        """The beats on which it has struck, each once."""
        return sorted({beat for _, beat in self.struck(place)})

    def channels(self) -> set[int]:
        """The channels that sound."""
        return {channel for channel, _ in self.output.sounding}
