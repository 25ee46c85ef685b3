"""A terminal for the real screen: a pseudo-terminal whose other end is read all the time."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.engine.jackd import until

COLUMNS, LINES = 120, 40
FRAME_GAP = 0.008
"""Seconds without a byte that tell one drawing from the next."""


class Terminal:
    """A program and the terminal it runs in. `written` is all that it drew, as bytes."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self._ours, self._theirs = pty.openpty()
        size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, size)
        self.before = termios.tcgetattr(self._theirs)
        self.written = bytearray()
        self.frames = 0
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            list(command),
            env={**variables, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        before = 0.0
        while True:
            try:
                seen = os.read(self._ours, 1 << 16)
            except OSError:
                return
            if not seen:
                return
            now = time.monotonic()
            self.frames += now - before > FRAME_GAP
            before = now
            self.written += seen

    @property
    def settings(self) -> list[object]:
        """How the terminal is set now, as `termios.tcgetattr` tells it."""
        return list(termios.tcgetattr(self._theirs))

    def press(self, keys: str) -> None:
        """Type `keys`, as the bytes that a terminal sends for them."""
        os.write(self._ours, keys.encode())

    def until(self, words: str, seconds: float = 60.0) -> None:
        """Wait until it has drawn `words`."""
        until(lambda: words.encode() in self.written, f"{words!r} on the screen", seconds)

    def ends(self, seconds: float = 60.0) -> int:
        """Wait for the program's end: its exit code."""
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._theirs)  # the reader sees the end once the last of the family has gone
        self._reader.join(10)
        os.close(self._ours)


@contextmanager
def terminal(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `command` in a terminal of its own."""
    opened = Terminal(command, variables)
    try:
        yield opened
    finally:
        opened.close()
