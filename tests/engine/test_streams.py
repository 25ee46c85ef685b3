"""A process without the terminal reads nothing and prints into its log."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

from ripieno.streams import leave_terminal


def _speak(log: Path) -> None:
    leave_terminal(log)
    os.write(1, b"from a library\n")
    print("from Python", file=sys.stderr, flush=True)
    left = os.read(0, 1)
    os.write(1, b"nothing to read\n" if left == b"" else b"something to read\n")


def test_what_is_printed_goes_into_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    process = multiprocessing.get_context("spawn").Process(target=_speak, args=(log,))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert log.read_text().splitlines() == [
        "before",
        "from a library",
        "from Python",
        "nothing to read",
    ]
