"""What a channel is told before its first note: bank, program, volume and place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ripieno.outputs import Output, messages
from ripieno.outputs.messages import Message
from ripieno.routing import Routing

BANK, VOLUME, PAN, BANK_FINE = 0, 7, 10, 32
"""Controllers, as the MIDI 1.0 specification numbers them."""
FIRST_BANK, USUAL, MIDDLE = 0, 100, 64
"""Bank, volume and place of a channel that was told nothing, as General MIDI has it."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The sound of one channel. None leaves the instrument as it is."""

    program: int
    bank: int | None = None
    volume: int | None = None
    pan: int | None = None

    def messages(self, channel: int) -> Iterator[Message]:
        """What says it; a bank takes effect with the program that follows it."""
        if self.bank is not None:
            yield messages.control(channel, BANK, self.bank >> 7)
            yield messages.control(channel, BANK_FINE, self.bank & 0x7F)
        yield messages.program(channel, self.program)
        if self.volume is not None:
            yield messages.control(channel, VOLUME, self.volume)
        if self.pan is not None:
            yield messages.control(channel, PAN, self.pan)

    def instead_of(self, before: Patch) -> Patch:
        """This patch, with what `before` had set and this one leaves open as instruments begin."""
        return Patch(
            self.program,
            FIRST_BANK if self.bank is None and before.bank is not None else self.bank,
            USUAL if self.volume is None and before.volume is not None else self.volume,
            MIDDLE if self.pan is None and before.pan is not None else self.pan,
        )

    def tell(self, output: Output, channel: int) -> None:
        """Say it at once."""
        for status, number, *value in self.messages(channel):
            if value:
                output.control(status & 0x0F, number, value[0])
            else:
                output.program(status & 0x0F, number)


def patches(routing: Routing) -> dict[int, Patch]:
    """The patch of each channel that is played on. Of two voices on one channel the last counts."""
    voices = zip(
        routing.channels,
        routing.programs,
        routing.banks,
        routing.volumes,
        routing.pans,
        strict=True,
    )
    found = {
        channel: Patch(program, bank, volume, pan) for channel, program, bank, volume, pan in voices
    }
    return found | {routing.thru_channel: Patch(routing.thru_program)}
