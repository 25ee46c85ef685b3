"""Live sound without FluidSynth: tinysoundfont in a process of its own, through PortAudio.

The only file that imports sounddevice. The sound is made in a Python callback, which another
Python thread would make stutter; in its own process nothing else runs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ripieno.errors import SoundError
from ripieno.outputs import tinysoundfont
from ripieno.outputs.soundfont import Renderer, check_soundfont

RATE = 48000
PATIENCE = 10.0
"""Seconds that the process gets to open the audio device."""
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM = 0x80, 0x90, 0xB0, 0xC0
_SIZE = 4  # bytes: kind, channel and two values; whole in any pipe
PORTAUDIO = "Install it: 'sudo apt install libportaudio2'."


class SpawnedOutput:
    """tinysoundfont playing live. `device` is part of an audio device's name; '' is the default."""

    def __init__(self, soundfont: Path, device: str = "") -> None:
        """Start the process and open the device. Raises SoundError."""
        if not tinysoundfont.installed():
            raise tinysoundfont.missing()
        check_soundfont(soundfont)
        self.problem = ""
        spawn = multiprocessing.get_context("spawn")
        words, self._words = spawn.Pipe(duplex=False)
        report, reported = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=play, args=(words, reported, soundfont, device), name="ripieno-sound"
        )
        self._process.start()
        words.close()
        reported.close()
        os.set_blocking(self._words.fileno(), False)
        try:
            self._await(report)
        except SoundError:
            self.close()
            raise
        finally:
            report.close()
        self.name = f"tinysoundfont, {soundfont.name}"

    def _await(self, report: Connection) -> None:
        try:
            sentence = report.recv() if report.poll(PATIENCE) else "the audio device is silent"
        except EOFError:
            sentence = "the process that makes the sound has ended"
        if sentence:
            raise SoundError(sentence)

    def note_on(self, channel: int, pitch: int, velocity: int) -> None:
        self._send(_NOTE_ON, channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int) -> None:
        self._send(_NOTE_OFF, channel, pitch, 0)

    def control(self, channel: int, controller: int, value: int) -> None:
        self._send(_CONTROL, channel, controller, value)

    def program(self, channel: int, program: int) -> None:
        self._send(_PROGRAM, channel, program, 0)

    def silence(self) -> None:
        for channel in range(16):
            self.control(channel, 123, 0)
            self.control(channel, 120, 0)

    def _send(self, *word: int) -> None:
        try:
            os.write(self._words.fileno(), bytes(word))
        except (BlockingIOError, BrokenPipeError):
            self.problem = "The process that makes the sound does not answer any more."

    def check(self) -> None:
        """Once a second: notice that the process has ended."""
        if not self._process.is_alive():
            self.problem = "The process that makes the sound has ended. Start again to hear it."

    def close(self) -> None:
        self._words.close()  # it ends when there is nobody left to listen to
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def play(words: Connection, report: Connection, soundfont: Path, device: str) -> None:
    """The process: sound what is told until nobody tells any more. Reports '' once it sounds."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    told: deque[bytes] = deque()
    try:
        stream = _open_stream(tinysoundfont.TinyRenderer(soundfont, RATE), device, told)
    except SoundError as error:
        report.send(str(error))
        return
    stream.start()
    report.send("")
    while data := os.read(words.fileno(), 1024 * _SIZE):
        told.extend(data[at : at + _SIZE] for at in range(0, len(data), _SIZE))
    os._exit(0)  # PortAudio never returns from stopping when its JACK server has gone


def _open_stream(renderer: Renderer, device: str, told: deque[bytes]) -> Any:
    try:
        import sounddevice
    except (ImportError, OSError):  # OSError: the package is there, PortAudio is not
        raise SoundError("PortAudio is not installed", nearest=PORTAUDIO) from None
    try:
        return sounddevice.RawOutputStream(
            samplerate=RATE,
            channels=2,
            dtype="float32",
            latency="low",
            device=device or None,
            callback=_filler(renderer, told),
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise SoundError(
            f"no audio device can be opened ({str(error).partition(' [')[0]})",
            nearest="Connect a sound card, or start PipeWire, PulseAudio or JACK.",
        ) from None


def _filler(renderer: Renderer, told: deque[bytes]) -> Callable[[Any, int, Any, Any], None]:
    """PortAudio's callback: what has been told since the last block sounds in this one."""

    def fill(out: Any, frames: int, time: Any, status: Any) -> None:
        while told:
            kind, channel, first, second = told.popleft()
            match kind:
                case 0x90:
                    renderer.note_on(channel, first, second)
                case 0x80:
                    renderer.note_off(channel, first)
                case 0xB0:
                    renderer.control(channel, first, second)
                case _:
                    renderer.program(channel, first)
        out[:] = renderer.render(frames)

    return fill
