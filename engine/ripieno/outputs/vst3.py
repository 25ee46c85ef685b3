"""VST3 instruments: each in a process of its own, told when each note is to sound.

Realtime only writes small words into a pipe that never blocks, and asks once a second for a sign of
life. A process that dies or makes no more sound is ended and started again.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from ripieno.clock import Seconds
from ripieno.errors import SoundError
from ripieno.outputs import messages, vst3_folders
from ripieno.outputs.messages import Message
from ripieno.outputs.vst3_plugin import Value, installed, missing
from ripieno.outputs.vst3_process import (
    MESSAGE,
    PING,
    REVOKE,
    Alive,
    Ready,
    Refused,
    Unheard,
    play,
    word,
)

AT_ONCE = 2.0
"""Seconds that an instrument gets before the music goes on without waiting for it."""
LOADING = 120.0
"""Seconds after which one that has not loaded is thought to hang."""
SILENT = 3
"""Looks, a second apart, at one that makes no more sound, before it is thought to hang."""
AGAIN = 5
"""Looks between two attempts where there are no loudspeakers."""
DEATHS = 3
"""One that ends more often is not started again."""
LEAVING = 0.5
"""Seconds that a process gets to leave in order."""
_PERIODS = Seconds(0.02)
"""The lead before it is known."""
STALLED = "JACK, or the audio device, takes no more sound. Start it again, and it comes back."
ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123


class Vst3Output:
    """The VST3 instrument that `wanted` names, or is the path of, played on all channels that it
    is told. It keeps the sound that it begins with: programs are not sent."""

    def __init__(
        self, wanted: str, parameters: Iterable[tuple[str, Value]] = (), client: str = "ripieno"
    ) -> None:
        """Begin to load it. Raises SoundError where there is nothing to be loaded."""
        if not installed():
            raise missing()
        self._path: Path = vst3_folders.find(wanted)
        self._parameters = tuple(parameters)
        self._client = f"{client}-{re.sub(r'[^A-Za-z0-9]+', '-', self._path.stem)[:24]}"
        self.name, self.problem = f"VST3 {self._path.stem}", ""
        self.lead = _PERIODS
        self.ready = False
        self.late = 0
        """How many blocks of its sound came too late, as far as is known."""
        self._deaths, self._given_up = 0, False
        self._pause = 0  # looks until it is started again
        self._start()
        self._hear(AT_ONCE)

    @property
    def process(self) -> int | None:
        """The process number, None once it was given up."""
        return None if self._given_up else self._process.pid

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        words, self._words = spawn.Pipe(duplex=False)
        self._reports, reports = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=play,
            args=(words, reports, self._path, self._parameters, self._client),
            name="ripieno-vst3",
        )
        self._process.start()
        self._started = time.monotonic()
        self._still = self._idle = self._made = self._wanted = 0
        words.close()
        reports.close()
        os.set_blocking(self._words.fileno(), False)

    # ---- what it is told

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._send(messages.note_on(channel, pitch, velocity), at)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._send(messages.note_off(channel, pitch), at)

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        self._write(word(REVOKE, messages.note_off(channel, pitch), at))

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.control(channel, controller, value), at)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        return

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.bend(channel, value), at)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        return

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self.control(channel, ALL_NOTES_OFF, 0, at)
            self.control(channel, ALL_SOUND_OFF, 0, at)

    def _send(self, message: Message, at: Seconds | None) -> None:
        self._write(word(MESSAGE, message, at))

    def _write(self, data: bytes) -> None:
        """A pipe that is full belongs to one that does not listen: `check` will find that out."""
        if not self.ready:
            return
        try:
            os.write(self._words.fileno(), data)
        except OSError:
            return

    # ---- whether it lives

    def wait(self) -> None:
        """Until it plays. Raises SoundError where it does not come to that."""
        while not self.ready:
            wrong = self._hear(AT_ONCE) or self._hangs()
            if wrong or self._given_up or self._pause:
                raise SoundError(f"{self.name} {wrong}" if wrong else self.problem)

    def check(self) -> bool:
        """Once a second: ask for a sign of life, and start it again where there is none."""
        if self._given_up or self._pausing():
            return False
        before = self.ready
        wrong = self._hear() or self._hangs()
        if wrong:
            self._lose(wrong)
        elif self.ready:
            self.problem = ""
            self._write(word(PING))
        elif not self.problem:
            self.problem = (
                f"{self.name} is still being loaded: the built-in sound plays until it is there"
            )
        return self.ready and not before

    def _hear(self, patience: float = 0.0) -> str:
        """Take in what the process says within so many seconds; what is wrong with it, or ''."""
        try:
            while not self._pause and self._reports.poll(patience):
                patience = 0.0
                match self._reports.recv():
                    case Ready(name, lead):
                        self.name, self.lead, self.ready = f"VST3 {name}", lead, True
                    case Alive(made, wanted, late):
                        self._lives(made, wanted)
                        self.late = late
                    case Refused(sentence):
                        self._give_up(f"{self.name}: {sentence}")
                        return ""
                    case Unheard(sentence):
                        if not self.ready:  # so it had ended because its server has
                            self._deaths = max(0, self._deaths - 1)
                        self._unheard(sentence)
        except (EOFError, OSError):
            return "has ended its process"
        return ""

    def _lives(self, made: int, wanted: int) -> None:
        """It has answered: has it made what was asked for since, and was anything asked for?"""
        asked = wanted != self._wanted
        if made != self._made or not asked:
            self._still = 0
        self._idle = 0 if asked else self._idle + 1
        self._made, self._wanted = made, wanted
        if self._idle > SILENT:
            self._unheard(STALLED)

    def _unheard(self, sentence: str) -> None:
        self._end()
        self.problem, self._pause = f"{self.name}: {sentence}", AGAIN

    def _pausing(self) -> bool:
        if self._pause:
            self._pause -= 1
            if not self._pause:
                self._process.kill()  # it had its time
                self._start()
        return self._pause > 0

    def _hangs(self) -> str:
        if self._given_up or self._pause:
            return ""
        self._still += self.ready  # until the next answer
        if self._still > SILENT:
            return "makes no more sound"
        if not self.ready and time.monotonic() - self._started > LOADING:
            return "does not load"
        return ""

    def _lose(self, wrong: str) -> None:
        self._end()
        self._deaths += 1
        if self._deaths > DEATHS:
            self._give_up(f"{self.name} {wrong}, once too often.")
            return
        self.problem = f"{self.name} {wrong}. It is started again; the built-in sound plays so long"
        self._pause = 1

    def _give_up(self, why: str) -> None:
        self._end()
        self._given_up = True
        self.problem = f"{why} The built-in sound takes its place"

    def _end(self) -> None:
        """It leaves when nobody tells it anything any more, but not while we wait."""
        self.ready = False
        for end in (self._words, self._reports):
            end.close()

    def close(self) -> None:
        self._end()
        self._process.join(LEAVING)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(LEAVING)
