"""A player in a process of its own: an instrument on JACK, whose keys move as it is told.

`python -m tests.live.player CLIENT` opens the port CLIENT:out, says `ready`, and obeys lines:
`on PITCH VELOCITY`, `off PITCH`, `wait SECONDS`, and `say WORD`, which it says back. It ends, in
order, with its input.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rtmidi

ROOT = Path(__file__).resolve().parents[2]
CHANNEL = 0


class Player:
    """The hands on that instrument. Every call comes back when it was played."""

    def __init__(self, process: subprocess.Popen[str], port: str) -> None:
        self._process, self.port = process, port
        self._said = 0
        self._hear("ready")

    def play(self, *moves: str) -> None:
        """Play `moves`, lines as above, to their end."""
        self._said += 1
        self.start(*moves, f"say {self._said}")
        self._hear(str(self._said))

    def start(self, *moves: str) -> None:
        """Let the hands begin, and do not wait for them."""
        assert self._process.stdin
        self._process.stdin.write("".join(f"{move}\n" for move in moves))
        self._process.stdin.flush()

    def on(self, pitch: int, velocity: int = 90) -> None:
        self.play(f"on {pitch} {velocity}")

    def off(self, pitch: int) -> None:
        self.play(f"off {pitch}")

    def _hear(self, word: str) -> None:
        assert self._process.stdout
        said = self._process.stdout.readline().strip()
        if said != word:
            raise RuntimeError(f"the player said {said!r} instead of {word!r}")


def phrase(pitches: Sequence[int], seconds: float, velocity: int = 90) -> list[str]:
    """A line of notes, each `seconds` long and a little detached."""
    moves: list[str] = []
    for pitch in pitches:
        moves += [f"on {pitch} {velocity}", f"wait {0.85 * seconds}", f"off {pitch}"]
        moves.append(f"wait {0.15 * seconds}")
    return moves


@contextmanager
def player(client: str = "player") -> Iterator[Player]:
    """Start one; its port is CLIENT:out, on the JACK server that the environment names."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.player", client],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Player(process, f"{client}:out")
    finally:
        process.communicate(timeout=30)


def main(client: str) -> None:
    port = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name=client)
    port.open_virtual_port("out")
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["on", pitch, velocity]:
                port.send_message((0x90 | CHANNEL, int(pitch), int(velocity)))
            case ["off", pitch]:
                port.send_message((0x80 | CHANNEL, int(pitch), 0))
            case ["wait", seconds]:
                time.sleep(float(seconds))
            case ["say", word]:
                print(word, flush=True)
    port.close_port()
    port.delete()


if __name__ == "__main__":
    main(sys.argv[1])
