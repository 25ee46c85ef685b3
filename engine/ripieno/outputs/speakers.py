"""Loudspeakers that ask for sound, block by block: on JACK, or through PortAudio without it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Any, Protocol

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.midi import jack
from ripieno.midi.frame_clock import FrameClock
from ripieno.midi.jack_cycles import JackCycles
from ripieno.outputs.portaudio import open_stream

Fill = Callable[[int, int], list[bytes] | None]
"""(first frame, frames) → each side as 32-bit floats, or None for silence. Must not wait."""
SIDES = ("left", "right")
PLAYBACK = ("system:playback_1", "system:playback_2")
BLOCK = 256
"""Frames that PortAudio asks for at once."""
RATE = 48000


class Speakers(Protocol):
    """What sounds. Nothing does before `start`."""

    rate: int
    period: int
    """Frames of a block, as it begins; a JACK server may change it later."""
    depth: int
    """How many blocks should be made ahead: one where they are asked for steadily."""
    alive: bool

    def frame(self, at: Seconds) -> int | None:
        """The frame at `at`, None before the first block was asked for."""

    def start(self, fill: Fill) -> None:
        """Ask `fill` for sound from now on."""

    def close(self) -> None:
        """Leave; may take long, or for ever, where the sound system is in trouble."""


class JackSpeakers:
    """Two ports on JACK, connected to its first two playback ports. Raises PortError."""

    depth = 1

    def __init__(self, client: str) -> None:
        self._client: Any = jack.open_client(client)
        self.rate, self.period = int(self._client.samplerate), int(self._client.blocksize)
        self.alive = True
        self._cycles = JackCycles(self._client)
        self._ports = [self._client.outports.register(side) for side in SIDES]
        self._client.set_shutdown_callback(self._on_shutdown)

    def frame(self, at: Seconds) -> int | None:
        clock = self._cycles.clock
        return clock.frame(at) if clock.running else None

    def start(self, fill: Fill) -> None:
        def process(frames: int) -> None:
            start = self._cycles.begin()
            sides = fill(start, frames) or [bytes(4 * frames)]
            for port, side in zip(self._ports, (sides[0], sides[-1]), strict=True):
                port.get_buffer()[:] = side

        self._client.set_process_callback(process)
        self._client.activate()
        for port, playback in zip(self._ports, PLAYBACK, strict=True):
            jack.connect(self._client, port.name, playback)

    def close(self) -> None:
        if self.alive:
            self._client.deactivate()
            self._client.close()

    def _on_shutdown(self, status: object, reason: str) -> None:
        self.alive = False


class DeviceSpeakers:
    """An audio device, the system's own choice, through PortAudio. Raises SoundError."""

    depth = 3
    rate, period = RATE, BLOCK
    alive = True

    def __init__(self) -> None:
        self._clock = FrameClock(RATE)
        self._frames = 0
        self._fill: Fill = lambda start, frames: None
        self._stream = open_stream(RATE, self._filled, block=BLOCK)

    def frame(self, at: Seconds) -> int | None:
        return self._clock.frame(at) if self._clock.running else None

    def start(self, fill: Fill) -> None:
        self._fill = fill
        self._stream.start()

    def close(self) -> None:
        self._stream.abort()

    def _filled(self, out: Any, frames: int) -> None:
        start = self._clock.cycle(self._frames % (1 << 32), Seconds(time.perf_counter()))
        self._frames += frames
        sides = self._fill(start, frames)
        if sides is None:
            out[:] = bytes(8 * frames)
            return
        woven = array("f", bytes(8 * frames))
        woven[0::2], woven[1::2] = array("f", sides[0]), array("f", sides[-1])
        out[:] = woven.tobytes()


def open_speakers(client: str) -> Speakers:
    """JACK's where a server runs, else the audio device. Raises SoundError."""
    try:
        return JackSpeakers(client)
    except PortError:
        return DeviceSpeakers()
