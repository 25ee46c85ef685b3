"""Parts that other packages bring, through entry points: found by name, imported when asked for.

Our own parts come through the same door. A stranger's part is called behind a `Fence`: one that
raises, or takes longer than it may, is named and switched off, and the music goes on with what
stands in for it.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import ParamSpec, TypeVar

from ripieno.errors import PluginError, nearest_name

GRAMMARS = "ripieno.grammars"
CONSTRAINTS = "ripieno.constraints"
OUTPUTS = "ripieno.outputs"
MODES = "ripieno.modes"
GROUPS = (GRAMMARS, CONSTRAINTS, OUTPUTS, MODES)
PATIENCE = 0.15
"""Seconds that a call may take beyond the processor time that it has."""
OURS = "ripieno"
"""The distribution whose parts need no fence."""

STUCK = "does not return"
IMPORTING = 10.0
"""Seconds of processor time that it may take to import one, where somebody watches."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A part as it is listed, not imported: its `group`, its `name`, and the `package` that brings
    it, in its `version`."""

    group: str
    name: str
    package: str
    version: str

    @property
    def ours(self) -> bool:
        return self.package == OURS

    @property
    def kind(self) -> str:
        """'constraint' for a part of ripieno.constraints."""
        return self.group.rpartition(".")[2].removesuffix("s")

    def __str__(self) -> str:
        return f"the {self.kind} {self.name!r} of {self.package}"


@lru_cache(maxsize=1)
def _installed() -> dict[tuple[str, str], EntryPoint]:
    """Every part by group and name; where two packages bring one name, ours or the first stays."""
    found: dict[tuple[str, str], EntryPoint] = {}
    for group in GROUPS:
        points = sorted(entry_points(group=group), key=lambda point: _package(point) != OURS)
        for point in points:
            found.setdefault((group, point.name), point)
    return found


def forget() -> None:
    """Look anew what is installed."""
    _installed.cache_clear()
    _barred.clear()


Watch = Callable[["Plugin", float], AbstractContextManager[None]]
"""Looks on while a part is called: which one, and how much processor time it may take."""
_barred: set[tuple[str, str]] = set()
_watches: list[Watch] = []


def watched_by(watch: Watch) -> None:
    """In this process `watch` looks on whenever a stranger's part is called."""
    _watches[:] = [watch]


def _watched(plugin: Plugin, seconds: float) -> AbstractContextManager[None]:
    return _watches[0](plugin, seconds) if _watches and not plugin.ours else nullcontext()


def bar(group: str, name: str) -> None:
    """Never use that part again in this process: it did not return from a call."""
    _barred.add((group, name))


def is_barred(group: str, name: str) -> bool:
    """Whether it is not to be used."""
    return (group, name) in _barred


def listed(*groups: str) -> tuple[Plugin, ...]:
    """What is installed in `groups` (all, if none is told), by name. Imports nothing of it."""
    points = _installed()
    keys = sorted(key for key in points if not groups or key[0] in groups)
    return tuple(_plugin(group, points[group, name]) for group, name in keys)


def names(group: str) -> tuple[str, ...]:
    """The names of the parts in `group`."""
    return tuple(plugin.name for plugin in listed(group))


def find(group: str, name: str) -> Plugin:
    """The part called `name`. Raises PluginError."""
    point = _installed().get((group, name))
    if point is None:
        kind, known = group.rpartition(".")[2].removesuffix("s"), names(group)
        raise PluginError(
            f"there is no {kind} called {name!r}",
            allowed=", ".join(known),
            nearest=nearest_name(name, known),
        )
    return _plugin(group, point)


def titled(group: str, name: str) -> str:
    """'The constraint 'deaf' of strangers', at the beginning of a sentence; also of one that is not
    installed any more."""
    point = _installed().get((group, name))
    return _capital(str(_plugin(group, point)) if point else f"the part {name!r}")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def load(group: str, name: str) -> object:
    """Import the part called `name`. Raises PluginError: also for whatever it raises itself."""
    plugin = find(group, name)
    if is_barred(group, name):
        raise PluginError(f"{plugin} {STUCK}")
    try:
        with _watched(plugin, IMPORTING):
            return _installed()[group, name].load()
    except Exception as error:
        raise failed(plugin, error, "cannot be imported") from error


def failed(plugin: Plugin, error: Exception, what: str = "cannot be used") -> PluginError:
    """What is said of a part that raised `error`."""
    return PluginError(f"{plugin} {what} ({told(error)})")


def _plugin(group: str, point: EntryPoint) -> Plugin:
    version = point.dist.version if point.dist else "?"
    return Plugin(group, point.name, _package(point), version)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"


def told(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


class _TooSlow(BaseException):
    """Raised inside a part that took too long. No Exception, so that it does not catch it."""


class Fence:
    """Calls a stranger's part, until it has failed once: then `fault` says what happened.

    seconds: how much processor time a call may take; `PATIENCE` more of the clock's, because on a
    busy machine others run meanwhile. In the main thread a call that takes longer is broken off
    there and then. In another thread, or inside a C library, nothing can break it off: that is for
    whoever watches the process (see `watched_by`).
    """

    def __init__(self, plugin: Plugin, seconds: float, instead: str) -> None:
        """`instead` says what stands in for it, such as 'the rule is off'."""
        self.plugin, self.fault, self.seconds = plugin, "", seconds
        self._instead = instead

    def call(self, part: Callable[P, T], fallback: T, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `part` returns, or `fallback` where it has failed, now or before."""
        if self.fault:
            return fallback
        try:
            with _watched(self.plugin, self.seconds):
                return _in_time(self.seconds, lambda: part(*args, **kwargs))
        except _TooSlow:
            self._fail(f"took longer than {1000 * self.seconds:g} ms")
        except Exception as error:
            self._fail(f"failed ({told(error)})")
        return fallback

    def refuse(self, what: str) -> None:
        """It returned what it must not: `what` says so, such as 'returned no number'."""
        self._fail(what)

    def _fail(self, what: str) -> None:
        self.fault = f"{_capital(str(self.plugin))} {what}: {self._instead}"


def _in_time(seconds: float, work: Callable[[], T]) -> T:
    """Do `work`, broken off with _TooSlow after `seconds`, by the system's own timer."""
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        return work()

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    working = signal.signal(signal.SIGVTALRM, ring)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds + PATIENCE)  # another's, perhaps
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.setitimer(signal.ITIMER_REAL, left, again)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGVTALRM, working)


def faults(fences: Iterable[Fence]) -> list[str]:
    """What has gone wrong behind the `fences`, in sentences."""
    return [fence.fault for fence in fences if fence.fault]
