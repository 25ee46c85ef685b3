"""Realtime's end of the process of a stranger's mode: a call goes out, and its reply is waited for.

For no longer than the mode may take, so the wait is as short as a call of a mode of ours.
"""

from __future__ import annotations

import io
import multiprocessing
import pickle
import select
import signal
import sys
import time
import weakref
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ripieno.channel import Closed, Sender
from ripieno.errors import PluginError
from ripieno.modes import foreign_process
from ripieno.modes.foreign_words import Call, Reply
from ripieno.modes.moment import Moment
from ripieno.plugins import Plugin

LOOK = 0.03
"""Seconds after which one that has not replied is looked at: does it sleep, or wait its turn?"""
STARVED = 1.0
"""Seconds beyond its time that one may need that is kept from the processor by others."""
LOADING = 60.0
"""Seconds that it may take to be there."""
LEAVING = 0.2
_PLAIN = {("builtins", "frozenset"), ("builtins", "set"), ("collections", "deque")}


class Lost(Exception):
    """It cannot be called any more: the text says what it did, such as 'does not answer'."""


class ForeignLink:
    """A stranger's mode, in a process of its own. The process dies with its owner."""

    def __init__(self, plugin: Plugin, moment: Moment) -> None:
        """Start it, with a copy of `moment`. Raises PluginError where that fails."""
        spawn = multiprocessing.get_context("spawn")
        calls, ours = spawn.Pipe(duplex=False)
        theirs, replies = spawn.Pipe(duplex=False)
        self._process = spawn.Process(
            target=foreign_process.run,
            args=(calls, replies, plugin.name, moment),
            name="ripieno-mode",
            daemon=True,
        )
        self._process.start()
        calls.close()
        replies.close()
        self._calls: Sender[Call] = Sender(ours)
        self._replies = theirs
        self._end = weakref.finalize(self, _end, self._process, ours, theirs)
        try:
            self.opened = self._await_opened()
        except Lost as lost:
            raise PluginError(f"{plugin} {lost}") from lost
        if self.opened.fault:
            self._end()
            raise PluginError(self.opened.fault.rstrip("."))

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def call(self, call: Call) -> Reply:
        """What the mode replies. Raises Lost, and never does anything else again then."""
        if not self._end.alive:
            raise Lost("is away")
        try:
            self._calls.send(call)
            reply = self._await_reply()
        except Closed:
            raise self._lost(self._gone()) from None
        if reply.fault:
            raise self._lost(reply.fault)
        return reply

    def _reply(self) -> Reply:
        try:
            reply = _Reader(io.BytesIO(self._replies.recv_bytes())).load()
        except (EOFError, OSError):
            raise self._lost(self._gone()) from None
        except Exception as error:
            raise self._lost(f"told nonsense ({error})") from None
        assert isinstance(reply, Reply)
        return reply

    def _await_opened(self) -> Reply:
        self._seconds = foreign_process.LOADING
        ready, _, _ = select.select([self._replies], [], [], LOADING)
        if not ready:
            raise self._lost("takes too long to be imported")
        opened = self._reply()
        self._seconds = foreign_process.thinking_seconds()
        return opened

    def _await_reply(self) -> Reply:
        latest, asleep = time.monotonic() + STARVED + self._seconds, 0
        while True:
            writing = [self._calls] if self._calls.full else []
            ready, _, _ = select.select([self._replies], writing, [], LOOK)
            if self._replies in ready:
                return self._reply()
            asleep = asleep + 1 if _asleep(self._process.pid) else 0
            if asleep > 1 or time.monotonic() > latest:
                raise self._lost("does not answer")

    def _gone(self) -> str:
        """Why its process has ended."""
        self._process.join(LEAVING)
        if sys.platform != "win32" and self._process.exitcode == -signal.SIGPROF:
            return f"took longer than {1000 * self._seconds:g} ms"
        return "has ended its process"

    def _lost(self, what: str) -> Lost:
        """End it."""
        self._end()
        return Lost(what)


def _end(process: BaseProcess, calls: Connection, replies: Connection) -> None:
    calls.close()
    replies.close()
    process.kill()
    process.join(LEAVING)


def _asleep(pid: int | None) -> bool:
    """Whether a process sleeps; one that could run and is not let, or waits for a disk, is not
    asleep. Where the system does not tell, it is."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] not in ("R", "D")


class _Reader(pickle.Unpickler):
    """Reads replies: nothing of a stranger's is imported into realtime for that."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "ripieno" or (module, name) in _PLAIN:
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        raise pickle.UnpicklingError(f"told of {module}.{name}, which only itself knows")
