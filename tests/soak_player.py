"""A player who never tires: phrases, chords, pedals, knobs, modes, always other ones."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from ripieno.clock import Beats, Seconds
from ripieno.commands import (
    AnswerNow,
    Cadence,
    Choose,
    Command,
    Keep,
    Loop,
    Mutate,
    Mute,
    SeedFromPlayed,
    Turn,
    Undo,
)
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, PitchBend, Stamped
from ripieno.performance import Performance

SUSTAIN = 64
Move = MidiMessage | Command


@dataclass(order=True, slots=True)
class _Planned:
    beat: Beats
    order: int
    move: Move = field(compare=False)


class TirelessPlayer:
    """Keeps to the machine's grid, so that nothing but the tempo knob moves the beat."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._order = count()
        self._plan: list[_Planned] = []
        self._mode = "answer"
        self._reach = Beats(1.0)
        self._scenes: tuple[tuple[int, Callable[[], float]], ...] = (
            (10, self._phrase),
            (3, self._chords),
            (3, self._rest),
            (2, self._turn),
            (1, self._tempo),
            (2, self._change_mode),
            (2, self._mute),
            (3, self._play_with_the_answer),
        )
        self._go_on()

    @property
    def next_beat(self) -> Beats:
        return self._plan[0].beat

    def play(self, performance: Performance, at: Seconds) -> Iterator[float]:
        """Do what is due; yields each new tempo."""
        while self._plan[0].beat <= performance.beat(at) + 1e-9:
            move = heapq.heappop(self._plan).move
            if isinstance(move, NoteOn | NoteOff | ControlChange | PitchBend):
                performance.hear(Stamped(at, move), keeps_time=True)
            else:
                performance.wish(move, at)  # type: ignore[arg-type]
                if isinstance(move, Turn) and move.name == "tempo":
                    yield performance.settings.bpm
            if not self._plan:
                self._go_on()

    def _go_on(self) -> None:
        """Plan the next scene."""
        weights = [weight for weight, _ in self._scenes]
        ((_, scene),) = self._chance.choices(self._scenes, weights)
        length = scene()
        self._add(length, Turn("temperature", round(self._chance.uniform(0.7, 1.2), 2)))
        self._reach = Beats(self._reach + length)

    def _add(self, beat: float, move: Move) -> None:
        place = Beats(self._reach + beat)
        heapq.heappush(self._plan, _Planned(place, next(self._order), move))

    # ---- scenes: each returns its length in beats

    def _phrase(self) -> float:
        pitch, beat = self._chance.randint(60, 76), 0.0
        pedal = self._chance.random() < 0.2
        if pedal:
            self._add(0.0, ControlChange(0, SUSTAIN, 127))
        for _ in range(self._chance.randint(3, 16)):
            length = self._chance.choice((0.25, 0.5, 0.5, 1.0, 1.0, 2.0))
            pitch = min(81, max(57, pitch + self._chance.choice((-4, -2, -1, 1, 2, 3, 5))))
            self._add(beat, NoteOn(0, pitch, self._chance.randint(40, 120)))
            self._add(beat + 0.9 * length, NoteOff(0, pitch))
            beat += length
        if self._chance.random() < 0.2:
            self._add(beat / 2, PitchBend(0, self._chance.randint(-8192, 8191)))
            self._add(beat, PitchBend(0, 0))
        if pedal:
            self._add(beat, ControlChange(0, SUSTAIN, 0))
        return beat + self._chance.choice((0.5, 4.0, 10.0))

    def _chords(self) -> float:
        beat = 0.0
        for _ in range(self._chance.randint(1, 6)):
            for pitch in self._chance.sample(range(48, 80), self._chance.randint(2, 5)):
                self._add(beat, NoteOn(0, pitch, self._chance.randint(40, 120)))
                self._add(beat + 0.95, NoteOff(0, pitch))
            beat += 1.0
        return beat + 6.0

    def _rest(self) -> float:
        return float(self._chance.randint(4, 32))

    def _turn(self) -> float:
        self._add(0.0, Choose("key", self._chance.choice(("none", "C major", "F minor"))))
        self._add(0.5, Turn("seed", float(self._chance.randint(1, 1000))))
        return 1.0

    def _tempo(self) -> float:
        self._add(0.0, Turn("tempo", float(self._chance.randint(60, 160))))
        return 1.0

    def _change_mode(self) -> float:
        others = [mode for mode in ("answer", "accompany", "solo") if mode != self._mode]
        self._mode = self._chance.choice(others)
        self._add(0.0, Choose("mode", self._mode))
        return float(self._chance.randint(1, 16))

    def _mute(self) -> float:
        voice = self._chance.randint(0, 3)
        self._add(0.0, Mute(voice, True))
        self._add(6.3, Mute(voice, False))
        return 8.0

    def _play_with_the_answer(self) -> float:
        commands: tuple[Command, ...] = (
            AnswerNow(), Cadence(), Loop(), Mutate(), Undo(), Keep(), SeedFromPlayed(),
        )  # fmt: skip
        for place in range(self._chance.randint(1, 4)):
            self._add(place * 4.7, self._chance.choice(commands))
        self._add(20.0, Loop())
        return 21.0
