"""The streams of a process that does not own the terminal: nothing to read, a log to write to."""

from __future__ import annotations

import os
from pathlib import Path

STDIN, STDOUT, STDERR = 0, 1, 2


def leave_terminal(log: Path | str) -> None:
    """Read nothing, and print to the end of `log`: C libraries too, and not over the screen.

    Python's own `sys.stdin` is closed in a spawned process, but the descriptor behind it is not.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, STDIN)
    for stream in (STDOUT, STDERR):
        os.dup2(written, stream)
    for descriptor in (nothing, written):
        if descriptor > STDERR:
            os.close(descriptor)
