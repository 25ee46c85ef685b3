"""What a stranger's mode costs in a process of its own, and how long one that is stuck holds up."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ripieno import plugins
from ripieno.clock import Beats
from ripieno.modes.encore import Encore
from ripieno.modes.fenced import FencedMode
from ripieno.modes.mode import Mode
from ripieno.modes.moment import Moment
from ripieno.modes.solo import Solo
from ripieno.priority import REALTIME, rank
from ripieno.settings import Settings

from tests.bench_table import Findings, Row, Sample, at_most
from tests.host.strangers import install_strangers

CALL_MS, STUCK_MS = 1.0, 40.0
APART = 0.002
"""Seconds between two calls, as in a performance: the other process has gone to sleep."""


def strangers(place: Path, times: int) -> Findings:
    """A call of a mode there and here, and one that never returns from C."""
    sys.path.insert(0, str(install_strangers(place / "strangers")))
    plugins.forget()
    try:
        return _found(times)
    finally:
        sys.path.pop(0)
        plugins.forget()


@contextmanager
def _urgent() -> Iterator[None]:
    """As urgent as the realtime process, which makes these calls, where the system gives it."""
    given = rank(REALTIME)
    yield
    if given:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _found(times: int) -> Findings:
    ours, theirs = _solo(), _fenced("their_solo")
    calls = Sample("its advance()", _called(theirs, times))
    rows = [Row("a plug-in's mode", calls, Sample("ours", _called(ours, times)))]
    stuck = tuple(_stuck() for _ in range(max(3, times // 100)))
    sample = Sample("until ours plays", stuck)
    rows.append(Row("a plug-in's mode that is stuck in C", sample, None, "once, then it is off"))
    return Findings(
        tuple(rows),
        (
            at_most(f"a call of a plug-in's mode p99 ≤ {CALL_MS:g} ms", calls.p99, CALL_MS),
            at_most(f"one that is stuck is left within {STUCK_MS:g} ms", max(stuck), STUCK_MS),
        ),
    )


def _solo() -> Solo:
    moment = Moment(Settings())
    return Solo(moment, Encore(moment))


def _fenced(name: str) -> FencedMode:
    moment = Moment(Settings())
    return FencedMode(name, moment, Solo(moment, Encore(moment)))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - began)


def _called(mode: Mode, times: int) -> tuple[float, ...]:
    mode.start(Beats(0.0))
    took = []
    with _urgent():
        for number in range(times):
            took.append(_timed(partial(mode.advance, Beats(number / 8))))
            time.sleep(APART)
    return tuple(took)


def _stuck() -> float:
    mode = _fenced("deaf")
    mode.start(Beats(0.0))
    with _urgent():
        return _timed(lambda: mode.advance(Beats(9.5)))
