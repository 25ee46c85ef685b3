"""The process of one VST3 instrument: it hears words through a pipe, and sounds by itself.

Three threads: the main one loads the plug-in and reads the pipe, one makes the sound, and one of
JACK or PortAudio takes it. The plug-in may crash or never return: it takes this process with it,
and nothing else.
"""

from __future__ import annotations

import math
import os
import signal
import struct
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ripieno.clock import Seconds
from ripieno.errors import SoundError
from ripieno.outputs.ahead import Ahead
from ripieno.outputs.messages import Message
from ripieno.outputs.speakers import Speakers, open_speakers
from ripieno.outputs.vst3_plugin import Value, Vst3Plugin
from ripieno.priority import INSTRUMENT, hurry

MARGIN = 0.005
"""Seconds for a message to come through the pipe, on a busy machine."""
SWITCH = 0.0005
"""Seconds after which Python's threads take turns: the loudspeakers must not wait five ms."""
STOPPED = "JACK has stopped. Start it again, and it comes back."
LEAVING = 1
"""Seconds for leaving the loudspeakers in order."""
PING, MESSAGE, REVOKE = 0, 1, 2
_WORD = struct.Struct("<dB3s")
"""When (not a number: at once), which of the three kinds, and the bytes of a message."""


@dataclass(frozen=True, slots=True)
class Ready:
    """It plays from now on. `lead`: how long before it sounds a message must be sent."""

    name: str
    lead: Seconds


@dataclass(frozen=True, slots=True)
class Alive:
    """The answer to a ping: how many blocks of sound were made, how many of them were asked for,
    and how many came late."""

    made: int
    wanted: int
    late: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be played, and never will: why, in a sentence."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """There are no loudspeakers, or no more: why, in a sentence. Later there may be."""

    sentence: str


Report = Ready | Alive | Refused | Unheard


def word(kind: int, message: Message = (), at: Seconds | None = None) -> bytes:
    """A word for the pipe."""
    return _WORD.pack(math.nan if at is None else at, kind, bytes(message))


def play(
    words: Connection,
    reports: Connection,
    path: Path,
    parameters: Iterable[tuple[str, Value]],
    client: str,
) -> None:
    """Load the instrument, and play what is told until nobody tells any more."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        speakers = open_speakers(client)
    except SoundError as error:
        reports.send(Unheard(str(error)))
        os._exit(0)
    try:
        plugin = Vst3Plugin(path, parameters, float(speakers.rate))
    except SoundError as error:
        reports.send(Refused(str(error)))
        os._exit(0)
    sys.setswitchinterval(SWITCH)
    ahead = Ahead(plugin, speakers.rate, speakers.depth)
    threading.Thread(target=_make, args=(ahead,), daemon=True).start()
    speakers.start(lambda start, frames: _sides(ahead, start, frames))
    hurry(INSTRUMENT)  # who hears the messages, as well as who makes the sound
    lead = (speakers.depth + 1) * speakers.period / speakers.rate
    reports.send(Ready(plugin.name, Seconds(lead + MARGIN)))
    with suppress(BrokenPipeError):  # nobody listens any more
        _serve(words, reports, speakers, ahead)
        if not speakers.alive:
            reports.send(Unheard(STOPPED))
    signal.alarm(LEAVING)  # a sound system may hang when it is left
    speakers.close()
    os._exit(0)  # a plug-in is not to be trusted with leaving in order


def _make(ahead: Ahead) -> None:
    hurry(INSTRUMENT)
    while True:
        ahead.make()


def _sides(ahead: Ahead, start: int, frames: int) -> list[bytes] | None:
    block = ahead.take(start, frames)
    return block.sides if block else None


def _serve(words: Connection, reports: Connection, speakers: Speakers, ahead: Ahead) -> None:
    """Until the pipe ends, or nobody takes the sound any more."""
    rest = b""
    while speakers.alive and (data := os.read(words.fileno(), 256 * _WORD.size)):
        rest += data
        whole = len(rest) // _WORD.size * _WORD.size
        for at, kind, message in _WORD.iter_unpack(rest[:whole]):
            if kind == PING:
                reports.send(Alive(ahead.made, ahead.wanted, ahead.late))
                continue
            frame = None if math.isnan(at) else speakers.frame(Seconds(at))
            ahead.tell(frame, tuple(_bytes(message)), revokes=kind == REVOKE)
        rest = rest[whole:]


def _bytes(message: bytes) -> bytes:
    """Without what fills up a message of two bytes."""
    return message[:2] if message[0] & 0xE0 == 0xC0 else message
