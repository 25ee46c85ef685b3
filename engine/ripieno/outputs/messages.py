"""The bytes of MIDI messages. Channels 0…15, pitches, numbers and values 0…127."""

from __future__ import annotations

Message = tuple[int, ...]
"""The bytes of one whole message."""
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, BEND, SYSTEM = 0x80, 0x90, 0xB0, 0xC0, 0xE0, 0xF0
SILENCE: Message = (0xFF,)
"""All notes off and all sound off, on every channel, for outputs to say in their own way."""
SUSTAIN = 64
"""The pedal's controller."""


def note_on(channel: int, pitch: int, velocity: int) -> Message:
    return NOTE_ON | channel, pitch, velocity


def note_off(channel: int, pitch: int) -> Message:
    return NOTE_OFF | channel, pitch, 64


def control(channel: int, controller: int, value: int) -> Message:
    return CONTROL | channel, controller, value


def program(channel: int, number: int) -> Message:
    return PROGRAM | channel, number


def bend(channel: int, value: int) -> Message:
    """`value` -8192…8191."""
    bits = min(16383, max(0, value + 8192))
    return BEND | channel, bits & 0x7F, bits >> 7
