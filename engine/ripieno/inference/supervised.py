"""Work that calls strangers' rules and grammars, in a process that can be ended.

A part that is stuck inside C hears nothing, and would hold up for ever whoever calls it. So the
work is done in a process with a witness: the system ends it when a call takes too long, or we do;
and it is begun anew without the part that it died of.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from ripieno import plugins
from ripieno.clock import Seconds
from ripieno.errors import PluginError, RipienoError
from ripieno.inference.foreign_rules import forget
from ripieno.inference.witness import SIZE, Onlooker, Part, Witness
from ripieno.inherit import Inherited
from ripieno.ledger import shared_file

LOOK = 0.1
"""Seconds between two looks at it."""
WITHOUT = f"{plugins.STUCK}: it is switched off, and all is computed anew without it"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the work came to: its result, or the error that it raised."""

    result: object = None
    error: RipienoError | None = None
    broke: str = ""
    """An error that is nobody's but ours, as a developer reads it."""


def supervised(
    work: Callable[..., T], *args: Any, say: Callable[[str], None], always: bool = False
) -> T:
    """`work(*args)`, which may be begun anew; all of it must be able to cross into a process.

    Where no stranger's part is installed it is done here, unless in a process `always`. `say` is
    told of each part that is left out. Raises what the work raises, and PluginError where the
    process ends and it is not known of what.
    """
    strangers = plugins.listed(plugins.CONSTRAINTS, plugins.GRAMMARS)
    if not always and all(each.ours for each in strangers):
        return work(*args)
    barred: list[Part] = []
    while True:
        outcome = _attempt(work, args, tuple(barred))
        if isinstance(outcome, _Outcome):
            return cast(T, _opened(outcome))
        if outcome is None or outcome in barred:
            raise PluginError("the process that computes has ended by itself")
        barred.append(outcome)
        say(f"{plugins.titled(outcome.group, outcome.name)} {WITHOUT}")


def _opened(outcome: _Outcome) -> object:
    if outcome.error is not None:
        raise outcome.error
    if outcome.broke:
        raise RuntimeError(outcome.broke)
    return outcome.result


def _attempt(
    work: Callable[..., object], args: tuple[Any, ...], barred: tuple[Part, ...]
) -> _Outcome | Part | None:
    """What it came to; or the part that its process has died of, None if nobody knows."""
    spawn = multiprocessing.get_context("spawn")
    seen = shared_file(SIZE)
    witness = Witness.shared(seen.fileno())
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(
        target=_run,
        args=(theirs, Inherited(seen.fileno()), barred, work, args),
        name="ripieno-work",
    )
    process.start()
    theirs.close()
    seen.close()
    try:
        outcome, stuck = _awaited(ours, Onlooker(witness))
        if outcome is None:
            process.kill()
        process.join()
        died = stuck or process.exitcode != -signal.SIGKILL
        return outcome or (witness.part if died else None)
    finally:
        process.kill()
        process.join()
        ours.close()


def _awaited(told: Connection, onlooker: Onlooker) -> tuple[_Outcome | None, bool]:
    """The outcome, None where the process has died or is stuck; and whether it is stuck."""
    while not told.poll(LOOK):
        if onlooker.stuck(Seconds(time.monotonic())):
            return None, True
    try:
        return cast(_Outcome, told.recv()), False
    except EOFError:
        return None, False


def _run(
    told: Connection,
    seen: Inherited,
    barred: tuple[Part, ...],
    work: Callable[..., object],
    args: tuple[Any, ...],
) -> None:
    """In the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who started us tells of it
    plugins.watched_by(Witness.shared(seen.descriptor).watching)
    for part in barred:
        plugins.bar(part.group, part.name)
    forget()
    try:
        outcome = _Outcome(work(*args))
    except RipienoError as error:
        outcome = _Outcome(error=error)
    except Exception as error:
        outcome = _Outcome(broke="".join(traceback.format_exception(error)))
    with suppress(BrokenPipeError):
        told.send(outcome)
