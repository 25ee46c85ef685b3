"""A box with knobs, a program of its own on JACK:
`python -m tests.live.box` obeys the lines that it reads,
`connect PORT` and `turn CONTROLLER VALUE`, and answers each when it is done.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jack

from tests.live.show import IN

ROOT = Path(__file__).parents[2]
DONE = "done"


class Controller:
    """The box, as the hand that plays it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def connect(self) -> None:
        """Plug it into our input."""
        self._tell(f"connect {IN}")

    def turn(self, controller: int, value: int) -> None:
        """Returns when the message has left."""
        self._tell(f"turn {controller} {value}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin and self._process.stdout
        print(line, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        assert answer == DONE, f"the box says {answer!r} to {line!r}"


@contextmanager
def box() -> Iterator[Controller]:
    """Switch it on, and off again."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.box"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        yield Controller(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def main() -> None:
    client = jack.Client("box", no_start_server=True)
    knobs = client.midi_outports.register("knobs")
    waiting: deque[tuple[bytes, threading.Event]] = deque()

    @client.set_process_callback  # type: ignore[untyped-decorator]
    def process(frames: int) -> None:
        knobs.clear_buffer()
        while waiting:
            message, left = waiting.popleft()
            knobs.write_midi_event(0, message)
            left.set()

    with client:
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "connect":
                client.connect("box:knobs", rest[0])
            else:
                left = threading.Event()
                waiting.append((bytes((0xB0, *map(int, rest))), left))
                left.wait()
            print(DONE, flush=True)


if __name__ == "__main__":
    main()
