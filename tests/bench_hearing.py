"""Records ports of JACK with the server's own frames, from a process of its own.

`python -m tests.bench_hearing FILE PORT… [--play PORT COUNT]` records until its input ends. With
`--play` it also sends so many notes to a MIDI port, each on the first frame of a period, and so
tells how long an instrument takes when nothing but JACK lies between.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jack

from tests.engine.jackd import JackServer, until

CLIENT = "ripieno-hearing"
PITCH, VELOCITY, CHANNEL = 60, 100, 3
NOTE, EVERY = 0.1, 0.5
"""Seconds that a note sounds, and from one to the next."""


@dataclass
class Recording:
    """What was heard; there after the block that made it."""

    ports: tuple[str, ...]
    sounds: dict[str, array[float]] = field(default_factory=dict)
    """Of each port, all samples from frame `start` on."""
    start: int = 0
    played: list[int] = field(default_factory=list)
    """The frames on which notes were sent from here."""

    def onset(self, port: str, frame: int, until: int, threshold: float) -> int | None:
        """The first frame from `frame` on on which the port is louder; None up to `until`."""
        sound = self.sounds[port]
        for at in range(max(0, frame - self.start), min(len(sound), until - self.start)):
            if abs(sound[at]) > threshold:
                return at + self.start
        return None


@contextmanager
def recording(
    server: JackServer, folder: Path, *ports: str, play: tuple[str, int] | None = None
) -> Iterator[Recording]:
    """Record `ports` while the block runs."""
    file = folder / "sound"
    words = [sys.executable, "-m", "tests.bench_hearing", str(file), *ports]
    words += ["--play", play[0], str(play[1])] if play else []
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    found = Recording(ports)
    try:
        until(lambda: f"{CLIENT}:ear_{len(ports)}" in server.ports(), "the recorder")
        yield found
    finally:
        process.communicate(timeout=120)
    told = json.loads(file.with_suffix(".json").read_text())
    found.start, found.played = told["start"], told["played"]
    for number, port in enumerate(ports):
        found.sounds[port] = array("f", file.with_suffix(f".{number}").read_bytes())


class _Recorder:
    def __init__(self, ports: list[str], play: str, count: int) -> None:
        self.client: Any = jack.Client(CLIENT)
        self.ears = [self.client.inports.register(f"ear_{n + 1}") for n in range(len(ports))]
        # a client of its own: to one that both plays and hears, sound comes a period late
        self.player: Any = jack.Client(f"{CLIENT}-hand")
        self.hand = self.player.midi_outports.register("hand")
        self.sounds: list[list[bytes]] = [[] for _ in ports]
        self.start: int | None = None
        self.played: list[int] = []
        self._left, self._next, self._down = count, 0.0, False
        self.client.set_process_callback(self._process)
        self.player.set_process_callback(self._play)
        self.client.activate()
        self.player.activate()
        for port, ear in zip(ports, self.ears, strict=True):
            self.client.connect(port, ear)
        if play:
            self.player.connect(self.hand, play)

    def _process(self, frames: int) -> None:
        begin = self.client.last_frame_time
        if self.start is None:
            self.start = begin
        for ear, sound in zip(self.ears, self.sounds, strict=True):
            sound.append(bytes(ear.get_buffer()))

    def _play(self, frames: int) -> None:
        """Every so often a note: on, and off after a while."""
        begin = self.player.last_frame_time
        self.hand.clear_buffer()
        if not self._next:
            self._next = begin + self.player.samplerate
        if not self._left or begin < self._next:
            return
        self._down = not self._down
        status = 0x90 if self._down else 0x80
        self.hand.write_midi_event(0, (status | CHANNEL, PITCH, VELOCITY))
        if self._down:
            self.played.append(begin)
        else:
            self._left -= 1
        self._next = begin + self.player.samplerate * (NOTE if self._down else EVERY - NOTE)

    @property
    def busy(self) -> bool:
        return self._left > 0


def main(words: list[str]) -> None:
    play, count = "", 0
    if "--play" in words:
        place = words.index("--play")
        play, count = words[place + 1], int(words[place + 2])
        words = words[:place]
    file = Path(words[0])
    recorder = _Recorder(words[1:], play, count)
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    while not over.is_set() or recorder.busy:
        time.sleep(0.05)
    time.sleep(0.5)
    for client in (recorder.player, recorder.client):
        client.deactivate()
        client.close()
    for number, sound in enumerate(recorder.sounds):
        file.with_suffix(f".{number}").write_bytes(b"".join(sound))
    told = {"start": recorder.start, "played": recorder.played}
    file.with_suffix(".json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
