"""What a channel is told before its first note: bank, program, volume and place. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.outputs import Output
from ripieno.routing import Routing

BANK, VOLUME, PAN, BANK_FINE = 0, 7, 10, 32
"""Controllers, as the MIDI 1.0 specification numbers them."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The sound of one channel. None leaves the instrument as it is."""

    program: int
    bank: int | None = None
    volume: int | None = None
    pan: int | None = None

    def tell(self, output: Output, channel: int) -> None:
        """Say it at once; a bank takes effect with the program that follows it."""
        if self.bank is not None:
            output.control(channel, BANK, self.bank >> 7)
            output.control(channel, BANK_FINE, self.bank & 0x7F)
        output.program(channel, self.program)
        if self.volume is not None:
            output.control(channel, VOLUME, self.volume)
        if self.pan is not None:
            output.control(channel, PAN, self.pan)


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
