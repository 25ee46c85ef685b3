"""What comes from an instrument, each message with the moment at which it came."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.clock import Seconds


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key went down. `channel` 0…15, `pitch` 0…127, `velocity` 1…127."""

    channel: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key came up."""

    channel: int
    pitch: int


@dataclass(frozen=True, slots=True)
class ControlChange:
    """A controller moved. `controller` and `value` 0…127."""

    channel: int
    controller: int
    value: int


@dataclass(frozen=True, slots=True)
class PitchBend:
    """The wheel moved. `value` -8192…8191, 0 in the middle."""

    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """Another sound was chosen. `program` 0…127."""

    channel: int
    program: int


class Transport(StrEnum):
    """What a MIDI clock says besides its ticks."""

    START = "start"
    """Go, from the beginning, with the next tick."""
    CONTINUE = "continue"
    """Go on, from the song position, with the next tick."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ClockTick:
    """A twenty-fourth of a quarter note has passed."""


@dataclass(frozen=True, slots=True)
class ClockTransport:
    """The clock's owner starts, goes on or stops."""

    what: Transport


@dataclass(frozen=True, slots=True)
class SongPosition:
    """The clock's owner stands at so many sixteenths, 0…16383, from the beginning."""

    sixteenths: int


ClockMessage = ClockTick | ClockTransport | SongPosition
MidiMessage = NoteOn | NoteOff | ControlChange | PitchBend | ProgramChange | ClockMessage


@dataclass(frozen=True, slots=True)
class Stamped:
    """A `message` from an instrument, with the moment `at` which it came in.

    `source` says from which one, counted from 0 in the order of the inputs.
    """

    at: Seconds
    message: MidiMessage
    source: int = 0
