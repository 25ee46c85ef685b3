"""tinysoundfont: renders soundfonts where FluidSynth cannot be installed.

The only file that imports tinysoundfont. Live it plays in a process of its own (`spawned.py`).
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ripieno.errors import SoundError
from ripieno.outputs.soundfont import KIT_BANK, RATE, check_soundfont, not_a_soundfont

try:
    import tinysoundfont as _tiny
except ImportError:
    _tiny = None

GAIN = -5.0
"""Decibels; about as loud as FluidSynth here."""
SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 120, 123
PERCUSSION = 9
"""General MIDI's channel of percussion."""
_FRAME = 8  # bytes: two 32-bit floats


def installed() -> bool:
    return _tiny is not None


def missing() -> SoundError:
    """The error for a machine without any synthesiser."""
    return SoundError(
        "neither FluidSynth nor tinysoundfont is installed",
        nearest="'pip install --no-deps tinysoundfont' is the smaller one.",
    )


class TinyRenderer:
    """tinysoundfont making sound on demand, exact to the frame, without reverb."""

    def __init__(self, soundfont: Path, rate: int = RATE) -> None:
        """Load the soundfont. Raises SoundError."""
        if _tiny is None:
            raise missing()
        check_soundfont(soundfont)
        self._pedals: dict[int, list[int]] = {}  # what is held, where one is down: it knows none
        self._synth: Any = _tiny.Synth(gain=GAIN, samplerate=rate)
        try:
            self._font = self._synth.sfload(str(soundfont))
        except Exception:  # it has an error of its own for each way of being damaged
            raise not_a_soundfont(soundfont) from None
        self._kit = self._synth.sfpreset_name(self._font, KIT_BANK, 0) is not None
        for channel in range(16):  # as General MIDI wakes up; else it plays nothing until told
            self.program(channel, 0)

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        if self._kit or channel != PERCUSSION:  # an organ is no click
            self._synth.noteon(channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        if channel in self._pedals:
            self._pedals[channel].append(pitch)
        else:
            self._synth.noteoff(channel, pitch)

    def control(self, channel: int, controller: int, value: int) -> None:
        if controller != SUSTAIN:
            if controller in (ALL_SOUND_OFF, ALL_NOTES_OFF):
                self._pedals.pop(channel, None)
            self._synth.control_change(channel, controller, value)
        elif value >= 64:
            self._pedals.setdefault(channel, [])
        else:
            for pitch in self._pedals.pop(channel, []):
                self._synth.noteoff(channel, pitch)

    def program(self, channel: int, program: int) -> None:
        """Choose a sound. The channel keeps the one it has if the soundfont has none there."""
        with contextlib.suppress(RuntimeError):
            self._synth.program_change(channel, program, channel == PERCUSSION)

    def bend(self, channel: int, value: int) -> None:
        self._synth.pitchbend(channel, value + 8192)

    def render(self, frames: int) -> bytes:
        """See `Renderer.render`."""
        buffer = memoryview(bytearray(frames * _FRAME))
        self._synth.generate(frames, buffer)
        return bytes(buffer)

    def close(self) -> None:
        self._synth.sfunload(self._font)
