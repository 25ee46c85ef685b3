"""An output that a plug-in brings, in a process of its own: it may fail, the music may not.

Realtime only writes small words into a pipe that never blocks, and asks once a second for a sign of
life. A process that dies, says that it failed, or does not answer is named and ended, and the
built-in sound takes its place.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from ripieno import plugins
from ripieno.clock import Seconds
from ripieno.errors import PluginError, RipienoError
from ripieno.outputs import Output, messages
from ripieno.routing import OutputKind, OutputSpec

Opener = Callable[[OutputSpec, str, Path], Output]
"""What an entry point of `ripieno.outputs` is. It opens an output: which one, the name that other
programs see, and the soundfont to play."""
PATIENCE = 10.0
"""Seconds that it gets to open."""
SILENT = 3
"""Looks, a second apart, at one that does not answer, before it is given up."""
LEAVING = 0.5
"""Seconds that it gets to leave in order."""
_SIZE = 4  # bytes: a message and its length; whole in any pipe
_PING = b"\0\0\0\0"
_ANSWER = ""
"""What the process says when it lives; anything else is what is wrong with it."""


class ForeignOutput:
    """The output of the plug-in that `spec.name` begins with, up to a colon."""

    lead = Seconds(0.0)

    def __init__(self, spec: OutputSpec, client: str, soundfont: Path) -> None:
        """Start its process and open it there. Raises PluginError."""
        name, _, rest = spec.name.partition(":")
        self._plugin = plugins.find(plugins.OUTPUTS, name)
        self._spec = OutputSpec(OutputKind.PLUGIN, rest)
        self._client, self._soundfont = client, soundfont
        self.name, self.problem = str(self._plugin), ""
        self._part, self._unanswered = name, 0
        self._start()
        told = self._heard(PATIENCE)
        if told != [_ANSWER]:
            self.close()
            raise PluginError(told[0] if told else f"{self._plugin} does not open")

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        words, self._words = spawn.Pipe(duplex=False)
        self._report, reported = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=play,
            args=(words, reported, self._part, self._spec, self._client, self._soundfont),
            name="ripieno-output",
        )
        self._process.start()
        words.close()
        reported.close()
        os.set_blocking(self._words.fileno(), False)

    def _heard(self, patience: float = 0.0) -> list[str]:
        """What the process has said since the last look; [] for nothing."""
        found: list[str] = []
        try:
            while self._report.poll(0.0 if found else patience):
                found.append(str(self._report.recv()))
        except (EOFError, OSError):
            found.append(f"{self._plugin} has ended its process")
        return found

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._send(messages.note_on(channel, pitch, velocity))

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._send(messages.note_off(channel, pitch))

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.control(channel, controller, value))

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._send(messages.program(channel, program))

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        self._send(messages.bend(channel, value))

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        self._send(data)

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self.control(channel, 123, 0)
            self.control(channel, 120, 0)

    def _send(self, message: messages.Message) -> None:
        self._write(bytes((*message, *([0] * (_SIZE - 1 - len(message))), len(message))))

    def _write(self, word: bytes) -> bool:
        """A pipe that is full belongs to one that does not listen: `check` will find that out."""
        try:
            os.write(self._words.fileno(), word)
        except OSError:
            return False
        return True

    def check(self) -> bool:
        """Once a second: ask whether it lives, and put the built-in sound in its place if not."""
        told = self._heard()
        wrong = next((each for each in told if each != _ANSWER), "")
        self._unanswered = 0 if told else self._unanswered + 1
        if not wrong and self._unanswered > SILENT:
            wrong = f"{self._plugin} does not answer"
        if not wrong:
            self._write(_PING)
            return False
        if not self._part:  # the built-in sound has gone, too
            self.problem = f"{wrong}. It is silent now"
            return False
        self.problem = f"{wrong[0].upper()}{wrong[1:]}: the built-in sound takes its place"
        self._end(wait=False)
        self._part, self._spec, self._unanswered = "", OutputSpec(OutputKind.SYNTH), 0
        self._start()
        return True

    def _end(self, *, wait: bool) -> None:
        self._words.close()
        self._report.close()
        if wait:
            self._process.join(LEAVING)
        if self._process.is_alive():
            self._process.kill()
        self._process.join(LEAVING)

    def close(self) -> None:
        self._end(wait=True)


def play(
    words: Connection,
    report: Connection,
    part: str,
    spec: OutputSpec,
    client: str,
    soundfont: Path,
) -> None:
    """The process: open the output called `part` ('' is the built-in sound), tell it what comes,
    until nobody tells any more. Reports '' when it is asked and lives, else what is wrong."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        opener = cast(Opener, plugins.load(plugins.OUTPUTS, part or OutputKind.SYNTH.value))
        output = opener(spec, client, soundfont)
        report.send(_ANSWER)
        _serve(words, report, output)
        output.close()
    except RipienoError as error:
        report.send(str(error).rstrip("."))
    except Exception as error:
        plugin = plugins.find(plugins.OUTPUTS, part or OutputKind.SYNTH.value)
        report.send(str(plugins.failed(plugin, error, "failed")).rstrip("."))
    os._exit(0)  # a stranger's threads, and sound libraries, need not agree to the end


def _serve(words: Connection, report: Connection, output: Output) -> None:
    rest = b""
    while True:
        select.select([words], [], [])
        data = os.read(words.fileno(), 1024 * _SIZE)
        if not data:
            return
        rest += data
        whole = len(rest) // _SIZE * _SIZE
        for at in range(0, whole, _SIZE):
            word = rest[at : at + _SIZE]
            if word == _PING:
                output.check()
                report.send(output.problem or _ANSWER)
            else:
                _tell(output, tuple(word[: word[-1]]))
        rest = rest[whole:]


def _tell(output: Output, message: messages.Message) -> None:
    channel = message[0] & 0x0F
    match message[0] & 0xF0:
        case messages.NOTE_ON:
            output.note_on(channel, message[1], message[2])
        case messages.NOTE_OFF:
            output.note_off(channel, message[1])
        case messages.CONTROL:
            output.control(channel, message[1], message[2])
        case messages.PROGRAM:
            output.program(channel, message[1])
        case messages.BEND:
            output.bend(channel, (message[1] | message[2] << 7) - 8192)
        case _:
            output.clock(message)
