"""A stage for turns: with a pedal, keys on many channels, and a DAW that jumps."""

from __future__ import annotations

from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ControlChange, NoteOff, NoteOn, Stamped
from ripieno.modes.mode import Mode
from ripieno.performance import SUSTAIN

from tests.fakes import FakeStage


class TurnsStage(FakeStage):
    """As every fake stage; `mode` is the mode that plays."""

    @property
    def mode(self) -> Mode:
        return self.show.conductor.mode

    @property
    def seconds(self) -> float:
        return self.clock.now()

    @property
    def said(self) -> list[str]:
        return [notice.text for notice in self.show.notices]

    @property
    def bass(self) -> list[float]:
        """Where the machine's bass has begun."""
        return [beat for voice, _, beat in self.machine() if voice == 3]

    def wish(self, *wishes: object) -> None:
        for wish in wishes:
            self.show.wish(wish, self.clock.now())  # type: ignore[arg-type]
        self.settle()

    def touch(self, pitch: int, channel: int, velocity: int = 90) -> None:
        """Strike a key on a channel of its own."""
        self.show.hear(Stamped(self.clock.now(), NoteOn(channel, pitch, velocity)))
        self.settle()

    def lift(self, pitch: int, channel: int) -> None:
        self.show.hear(Stamped(self.clock.now(), NoteOff(channel, pitch)))
        self.settle()

    def pedal(self, down: bool) -> None:
        moved = ControlChange(0, SUSTAIN, 127 if down else 0)
        self.show.hear(Stamped(self.clock.now(), moved))
        self.settle()

    def locate(self, beat: float) -> None:
        """A jump while it rolls."""
        self.show.locate(Beats(beat), self.clock.now())
        self.settle()

    def follow(self, beat: float = 0.0, bpm: float = 120.0) -> None:
        """A clock that is followed starts at `beat`, now; or, when it rolls, jumps there."""
        self.show.begin(TempoMap(self.clock.now(), Beats(beat), bpm), self.clock.now())
        self.settle()

    def heard_now(self) -> set[int]:
        """The channels that sound, as soon as a note struck again has had its gap."""
        self.show.sound.pump(Seconds(self.clock.now() + 0.003))
        return {channel for channel, _ in self.output.sounding}

    def finish(self) -> None:
        """Let what is on its way to the outputs arrive; then nothing wants to be woken for."""
        for _ in range(100):
            wake = self.show.wake()
            if wake is None:
                return
            self.clock.sleep_until(Seconds(wake + 1e-6))
            self.show.advance(self.clock.now())
        raise AssertionError("there is always something more to do")

    def wait_for_machine(self) -> None:
        """Let time pass until the machine is heard; the score may move meanwhile."""
        for _ in range(4000):
            if self.machine():
                return
            self.run_to(self.beat + 0.01)
        raise AssertionError("the machine was not heard")
