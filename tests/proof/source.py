"""An instrument on JACK that sends any bytes at all, at any rate, as it is told.

`python -m tests.proof.source CLIENT` opens the port CLIENT:out, says `ready`, and obeys lines:
`on PITCH VELOCITY`, `off PITCH`, `control NUMBER VALUE`, `raw HEX`, `noise COUNT SEED`,
`flood A_SECOND SECONDS SEED`, `clock BPM BEATS`, `wait SECONDS`, `stall SECONDS`, for which its
next cycle takes so long, and `say WORD`, which it says back when all has left.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jack

from tests.live.player import CHANNEL, ROOT, Player

ON, OFF, CONTROL = 0x90, 0x80, 0xB0
TICK, START, STOP = 0xF8, 0xFA, 0xFC
LOWEST, HIGHEST = 36, 84
SETTLE = 4
"""Cycles in which what was handed to JACK has surely been heard."""


class Source(Player):
    """The hands on that instrument; see `Player`. `process` may be killed."""

    def __init__(self, process: subprocess.Popen[str], port: str) -> None:
        super().__init__(process, port)
        self.process = process


@contextmanager
def source(client: str = "source") -> Iterator[Source]:
    """Start one; its port is CLIENT:out, on the JACK server that the environment names."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.source", client],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Source(process, f"{client}:out")
    finally:
        try:
            process.communicate(timeout=30)
        except BrokenPipeError:
            process.wait(10)


class _Port:
    """A JACK client that sends a queue of (cycles to wait, bytes), in its order."""

    def __init__(self, client: str) -> None:
        self._client: Any = jack.Client(client)
        self._port = self._client.midi_outports.register("out")
        self._queue: deque[bytes] = deque()
        self._rate = 0.0  # messages a cycle; 0: as many as there are
        self._allowed = 0.0
        self._idle = threading.Event()
        self._quiet = 0
        self._stall = 0.0
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        if self._stall:
            stall, self._stall = self._stall, 0.0
            time.sleep(stall)
        self._port.clear_buffer()
        self._allowed = self._allowed + self._rate if self._rate else float(len(self._queue))
        count = min(len(self._queue), int(self._allowed))
        for place in range(count):
            self._port.write_midi_event(place * frames // count, self._queue.popleft())
        self._allowed -= count
        self._quiet = 0 if self._queue or count else self._quiet + 1
        if self._quiet >= SETTLE:
            self._idle.set()

    def send(self, messages: list[bytes], a_second: float = 0.0) -> None:
        """Send `messages` in order, and come back when they have left."""
        self._rate = a_second * self._client.blocksize / self._client.samplerate
        self._allowed = 0.0
        self._quiet = 0
        self._idle.clear()
        self._queue.extend(messages)
        self._idle.wait()

    def stall(self, seconds: float) -> None:
        """Take so long for the next cycle, as a program that is no part of the music may."""
        self._stall = seconds

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


def flood(count: int, seed: int) -> list[bytes]:
    """`count` notes and controls, as of a hundred hands at once; in the end no key is down."""
    chance = random.Random(seed)
    down: set[int] = set()
    messages: list[bytes] = []
    while len(messages) + len(down) < count:
        pitch = chance.randint(LOWEST, HIGHEST)
        if chance.random() < 0.1:
            messages.append(bytes((CONTROL | CHANNEL, 1, chance.randint(0, 127))))
        elif pitch in down:
            down.discard(pitch)
            messages.append(bytes((OFF | CHANNEL, pitch, 0)))
        else:
            down.add(pitch)
            messages.append(bytes((ON | CHANNEL, pitch, chance.randint(1, 127))))
    return messages + [bytes((OFF | CHANNEL, pitch, 0)) for pitch in sorted(down)]


def noise(count: int, seed: int) -> list[bytes]:
    """`count` packets of random bytes, but for those that could mean a note, a pedal or a start."""
    chance = random.Random(seed)
    meant = {*range(0x80, 0xA0), *range(0xB0, 0xC0), *range(0xFA, 0xFD)}
    harmless = [byte for byte in range(256) if byte not in meant]
    return [bytes(chance.choices(harmless, k=chance.randint(1, 12))) for _ in range(count)]


def obey(port: _Port, line: str) -> None:
    match line.split():
        case ["on", pitch, velocity]:
            port.send([bytes((ON | CHANNEL, int(pitch), int(velocity)))])
        case ["off", pitch]:
            port.send([bytes((OFF | CHANNEL, int(pitch), 0))])
        case ["control", number, value]:
            port.send([bytes((CONTROL | CHANNEL, int(number), int(value)))])
        case ["raw", text]:
            port.send([bytes.fromhex(text)])
        case ["noise", count, seed]:
            port.send(noise(int(count), int(seed)), 2000.0)
        case ["flood", a_second, seconds, seed]:
            messages = flood(round(float(a_second) * float(seconds)), int(seed))
            port.send(messages, float(a_second))
        case ["clock", bpm, beats]:
            ticks = [bytes((TICK,))] * (24 * int(beats))
            port.send([bytes((START,)), *ticks], 24 * float(bpm) / 60)
        case ["stall", seconds]:
            port.stall(float(seconds))
        case ["wait", seconds]:
            time.sleep(float(seconds))
        case ["say", word]:
            print(word, flush=True)
        case other:
            raise ValueError(f"what is {other}?")


def main(client: str) -> None:
    port = _Port(client)
    print("ready", flush=True)
    for line in sys.stdin:
        obey(port, line)
    port.close()


if __name__ == "__main__":
    main(sys.argv[1])
