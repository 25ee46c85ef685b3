"""A MIDI clock as it comes in over a real cable: with jitter, losses, echoes, steps of tempo."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ClockTick, ClockTransport, Transport
from ripieno.sync.effects import Begin, Halt, Steer, SyncEffect
from ripieno.sync.follower import Follower

TICKS = 24
"""To the beat."""
START_AT = 100.0


def ticks(*parts: tuple[float, float]) -> list[float]:
    """The true moments of a clock: so many beats at so many quarter notes a minute, and so on."""
    moments, at = [], START_AT
    for beats, bpm in parts:
        for _ in range(round(beats * TICKS)):
            moments.append(at)
            at += 60 / bpm / TICKS
    return moments


@dataclass(frozen=True, slots=True)
class Cable:
    """What happens to ticks on their way: uniform ± `jitter` s; shares that are lost or doubled."""

    jitter: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    period: float = 0.0
    """Ticks are heard only at multiples of this, as through an audio server's buffer."""

    def carry(self, moments: Sequence[float], seed: int, safe: int = 48) -> list[float]:
        """What arrives. The first `safe` ticks are neither lost nor doubled."""
        chance, arrived = random.Random(seed), []
        for number, true in enumerate(moments):
            at = true + (chance.uniform(-self.jitter, self.jitter) if number else 0.0)
            if self.period:
                at = -(-at // self.period) * self.period
            if number < safe or chance.random() >= self.lost:
                arrived.append(at)
            if number >= safe and chance.random() < self.doubled:
                arrived.append(at + chance.uniform(0.0002, 0.002))
        return sorted(arrived)


@dataclass
class Listening:
    """A follower, and the music that its effects make. It checks what no music may do."""

    follower: Follower
    effects: list[SyncEffect] = field(default_factory=list)
    maps: list[TempoMap] = field(default_factory=list)

    def hear(self, at: float, *messages: object) -> list[SyncEffect]:
        """Messages that come in together."""
        came: list[SyncEffect] = []
        for message in messages:
            came += self.follower.hear(Seconds(at), message)  # type: ignore[arg-type]
        self.take(came)
        return came

    def take(self, came: Iterable[SyncEffect]) -> None:
        for effect in came:
            self.effects.append(effect)
            match effect:
                case Begin(tempo):
                    self.maps.append(tempo)
                case Steer(tempo):
                    former = self.maps[-1]
                    assert abs(tempo.beat - former.straight(tempo.at)) < 1e-9, "the music jumped"
                    assert tempo.bpm > 0, "the music goes back"
                    self.maps.append(tempo)
                case Halt(_):
                    self.maps.append(TempoMap(Seconds(0.0)))

    def count(self, kind: type[SyncEffect]) -> int:
        return sum(isinstance(effect, kind) for effect in self.effects)

    @property
    def music(self) -> TempoMap:
        return self.maps[-1]


def start(bpm: float = 90.0) -> Listening:
    """A follower that has just been told to start."""
    listening = Listening(Follower(bpm))
    listening.hear(START_AT - 0.001, ClockTransport(Transport.START))
    return listening


def errors(
    listening: Listening, true: Sequence[float], arrived: Sequence[float], ahead: int = 6
) -> Iterator[tuple[int, float]]:
    """Hear it all: for each true tick, by how many seconds the music, `ahead` ticks before, would
    put it too late."""
    number = 0
    for at in arrived:
        listening.hear(at, ClockTick())
        while number + ahead < len(true) and true[number] <= at:
            tick = number + ahead
            yield tick, listening.music.of_straight(Beats(tick / TICKS)) - true[tick]
            number += 1
