"""Live sound without FluidSynth: tinysoundfont in a process of its own, through PortAudio.

The sound is made in a Python callback, which another
Python thread would make stutter; in its own process nothing else runs.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ripieno.clock import Seconds
from ripieno.errors import SoundError, nearest_name
from ripieno.outputs import portaudio, tinysoundfont
from ripieno.outputs.soundfont import Renderer, check_soundfont
from ripieno.streams import leave_terminal

RATE = 48000
PATIENCE = 10.0
"""Seconds that the process gets to open the audio device."""
AGAIN = 5
"""Looks, a second apart, between two attempts to sound again."""
LOOK_EVERY, STILL = 0.5, 3
"""Seconds between two looks at the device, and how many may find that it takes no sound."""
ENDED = "The audio device has gone, or takes no sound. Connect it, or start its sound system again."
SILENT = "the audio device is silent"
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM, _BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
_SIZE = 4  # bytes: kind, channel and two values; whole in any pipe


class SpawnedOutput:
    """tinysoundfont playing live. `device` is part of an audio device's name; '' is the default."""

    lead = Seconds(0.0)

    def __init__(self, soundfont: Path, device: str = "") -> None:
        """Start the process and open the device. Raises SoundError."""
        if not tinysoundfont.installed():
            raise tinysoundfont.missing()
        check_soundfont(soundfont)
        self.problem = ""
        self._soundfont, self._device = soundfont, device
        self._looks = 0  # since the process ended
        self._start()
        sentence = self._reported(PATIENCE)
        if sentence:
            self.close()
            raise SoundError(sentence)
        self.name = f"tinysoundfont, {soundfont.name}"

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        words, self._words = spawn.Pipe(duplex=False)
        self._report, reported = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=play, args=(words, reported, self._soundfont, self._device), name="ripieno-sound"
        )
        self._process.start()
        words.close()
        reported.close()
        os.set_blocking(self._words.fileno(), False)

    def _reported(self, patience: float) -> str:
        """What the process says within so many seconds: '' when it sounds."""
        try:
            told = self._report.recv() if self._report.poll(patience) else SILENT
        except EOFError:
            told = "the process that makes the sound has ended"
        return str(told)

    # `at` is for outputs that look ahead; what a synthesiser is told sounds now

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._send(_NOTE_ON, channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._send(_NOTE_OFF, channel, pitch, 0)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._send(_CONTROL, channel, controller, value)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._send(_PROGRAM, channel, program, 0)

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        bits = value + 8192
        self._send(_BEND, channel, bits & 0x7F, bits >> 7)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        return

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self.control(channel, 123, 0)
            self.control(channel, 120, 0)

    def _send(self, *word: int) -> None:
        try:
            os.write(self._words.fileno(), bytes(word))
        except (BlockingIOError, BrokenPipeError):
            self.problem = self.problem or ENDED

    def check(self) -> bool:
        """Once a second: notice that the process has ended, and start another now and then."""
        if not self.problem:
            self.problem = "" if self._process.is_alive() else ENDED
            return False
        if not self._process.is_alive():
            self._looks = (self._looks + 1) % AGAIN
            if not self._looks:
                self._close_pipes()
                self._start()
            return False
        if self._reported(0.0) != "":
            return False  # it has not come so far yet
        self.problem = ""
        return True

    def _close_pipes(self) -> None:
        self._words.close()  # the process ends when there is nobody left to listen to
        self._report.close()

    def close(self) -> None:
        self._close_pipes()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def play(words: Connection, report: Connection, soundfont: Path, device: str) -> None:
    """The process: sound what is told until nobody tells any more. Reports '' once it sounds."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    told: deque[bytes] = deque()
    blocks = count()
    try:
        fill = _filler(tinysoundfont.TinyRenderer(soundfont, RATE), told, blocks)
        stream = portaudio.open_stream(RATE, fill, device=device)
    except SoundError as error:
        report.send(str(error))
        return
    stream.start()
    threading.Thread(target=_watch, args=(blocks,), daemon=True).start()
    report.send("")
    while data := os.read(words.fileno(), 1024 * _SIZE):
        told.extend(data[at : at + _SIZE] for at in range(0, len(data), _SIZE))
    os._exit(0)  # PortAudio never returns from stopping when its JACK server has gone


def _watch(blocks: Iterator[int]) -> None:
    """End the process when the device takes no more sound: PortAudio never says so itself."""
    still, last = 0, next(blocks)
    while still < STILL:
        time.sleep(LOOK_EVERY)
        now = next(blocks)
        still = 0 if now > last + 1 else still + 1  # looking counts too
        last = now
    os._exit(1)


def _filler(
    renderer: Renderer, told: deque[bytes], blocks: Iterator[int]
) -> Callable[[Any, int], None]:
    """PortAudio's callback: what has been told since the last block sounds in this one."""

    def fill(out: Any, frames: int) -> None:
        next(blocks)
        while told:
            kind, channel, first, second = told.popleft()
            match kind:
                case 0x90:
                    renderer.note_on(channel, first, second)
                case 0x80:
                    renderer.note_off(channel, first)
                case 0xB0:
                    renderer.control(channel, first, second)
                case 0xE0:
                    renderer.bend(channel, (first | second << 7) - 8192)
                case _:
                    renderer.program(channel, first)
        out[:] = renderer.render(frames)

    return fill


def audio_devices() -> tuple[str, ...]:
    """The names of all devices that sound can be played to; () without PortAudio.

    They are looked for in a process of its own: PortAudio sees only what is there when it is
    loaded, and talks to the terminal.
    """
    spawn = multiprocessing.get_context("spawn")
    told, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_tell_devices, args=(tell,), name="ripieno-devices")
    process.start()
    tell.close()
    try:
        names = tuple(told.recv()) if told.poll(PATIENCE) else ()
    except EOFError:
        names = ()
    if not names:
        process.kill()  # it hangs, or has nothing to say
    process.join()
    told.close()
    return names


def _tell_devices(tell: Connection) -> None:
    leave_terminal(os.devnull)
    try:
        devices = portaudio.library().query_devices()
    except SoundError:
        devices = ()
    tell.send([device["name"] for device in devices if device["max_output_channels"]])


def find_device(name: str, devices: Sequence[str], drivers: Sequence[str] = ()) -> str:
    """The device that `name` means: its whole name, or a part that only one has.

    `drivers` are what the player may have meant instead. Raises SoundError.
    """
    wanted = name.casefold()
    found = [device for device in devices if device.casefold() == wanted]
    found = found or [device for device in devices if wanted in device.casefold()]
    if len(set(found)) == 1:
        return found[0]
    what = f"there is no audio device {name!r}"
    if found:
        what = f"{name!r} fits more than one audio device"
    choices = (*drivers, *devices)
    known = ", ".join(map(repr, choices)) or "none is there"
    raise SoundError(what, allowed=known, nearest=nearest_name(name, choices))
