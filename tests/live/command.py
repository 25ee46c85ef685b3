"""`ripieno` as a stranger starts it: a process of its own, without a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ripieno.takes.take import SUFFIX

from tests.live.processes import alive, family

RIPIENO = (sys.executable, "-m", "ripieno")


@dataclass
class Running:
    """A running command and its family. `said` is what it wrote to standard output so far."""

    process: subprocess.Popen[str]
    takes: Path
    said: list[str] = field(default_factory=list)
    members: set[int] = field(default_factory=set)

    def until(self, words: str) -> None:
        """Read its output up to a line with these words."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if words in line:
                self.members |= set(family(self.process.pid))
                return
        pytest.fail(f"{words!r} was not said in {self.said}, but {self.errors()!r}")

    def signal(self, number: signal.Signals) -> None:
        """As a terminal does it: to the whole family."""
        os.killpg(self.process.pid, number)

    def ends(self, seconds: float = 60.0) -> int:
        """Wait for its end: its exit code."""
        out, self._errors = self.process.communicate(timeout=seconds)
        self.said += out.splitlines()
        return self.process.returncode

    def errors(self) -> str:
        """What it wrote to standard error; it must have ended."""
        if self.process.stderr and not self.process.stderr.closed:
            return self.process.stderr.read()
        return self._errors

    @property
    def take(self) -> Path:
        (found,) = self.takes.glob(f"*{SUFFIX}")
        return found


def environment(folder: Path) -> dict[str, str]:
    """This one, with the player's own folders inside `folder`."""
    return {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
    }


def run(folder: Path, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run `ripieno WORDS` to its end."""
    return subprocess.run(
        [*RIPIENO, *words],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextmanager
def playing(folder: Path, words: Sequence[str]) -> Iterator[Running]:
    """Start `ripieno play WORDS` in a session of its own; afterwards nothing of it is left."""
    takes = folder / "takes"
    process = subprocess.Popen(
        [*RIPIENO, "play", "--headless", "--no-wav", "--takes", str(takes), *words],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running = Running(process, takes)
    try:
        yield running
    finally:
        for pid in running.members | set(family(process.pid)):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def log_of(folder: Path) -> str:
    """What the engine's processes wrote to their log."""
    log = folder / "cache" / "ripieno" / "engine.log"
    return log.read_text(errors="replace") if log.exists() else ""
