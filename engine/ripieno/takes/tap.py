"""What goes out, written down as it goes: an output that a take is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ripieno.clock import Seconds
from ripieno.takes.facts import Fact, Sent, Silenced


class Keeper(Protocol):
    """Something that keeps facts, such as the journal."""

    def record(self, fact: Fact) -> None: ...


class Beside(Protocol):
    """Another output, or the way to one."""

    @property
    def lead(self) -> Seconds: ...


class TakeOutput:
    """Writes down every call as the bytes that a MIDI port would send for it, and its moment.

    Standing first among the outputs it knows what they were told, in the same order and before
    their velocity tables. It wants to be told as early as the earliest of those `beside` it: what
    that one has, cannot be taken back. `now` is the performance's clock.
    """

    name = "take"
    problem = ""

    def __init__(
        self, keeper: Keeper, now: Callable[[], float], beside: Sequence[Beside] = ()
    ) -> None:
        self._keeper, self._now, self._beside = keeper, now, beside

    @property
    def lead(self) -> Seconds:
        return max((each.lead for each in self._beside), default=Seconds(0.0))

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._send((0x90 | channel, pitch, velocity), at)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._send((0x80 | channel, pitch, 64), at)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._send((0xB0 | channel, controller, value), at)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._send((0xC0 | channel, program), at)

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        """`value` -8192…8191, sent as MIDI 1.0 has it: seven low bits, then seven high ones."""
        bits = min(16383, max(0, value + 8192))
        self._send((0xE0 | channel, bits & 0x7F, bits >> 7), at)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        self._send(data, at)

    def silence(self, at: Seconds | None = None) -> None:
        self._keeper.record(Silenced(Seconds(self._now()) if at is None else at))

    def check(self) -> bool:
        """It is always there."""
        return False

    def close(self) -> None:
        """There is nothing to close: the journal has an owner of its own."""

    def _send(self, message: tuple[int, ...], at: Seconds | None) -> None:
        moment = Seconds(self._now()) if at is None else at
        self._keeper.record(Sent(bytes(message).hex(), moment))
