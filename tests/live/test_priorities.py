"""Who goes first when the machine is busy: the music, then the model, then everybody else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ripieno.priority import INFERENCE, REALTIME, REFUSED
from ripieno.settings import Mode

from tests.engine.jackd import JackServer, until
from tests.live.show import Show, quick, show, stage_of

pytestmark = pytest.mark.real_part


def allowed() -> bool:
    """Whether this system gives real-time priority to a process of ours."""
    child = os.fork()
    if child == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def standing(pid: int) -> tuple[int, int]:
    """A process's scheduling policy, without its flags, and its priority."""
    policy = os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK
    return policy, os.sched_getparam(pid).sched_priority


def others(running: Show) -> tuple[int, int]:
    return running.guard, os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these policies")
def test_the_music_comes_before_the_model_and_both_before_the_rest(
    tmp_path: Path, tiny: Path, jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not allowed():
        pytest.skip("the system gives no real-time priority here")
    monkeypatch.delenv(REFUSED, raising=False)
    with show(stage_of(tmp_path, tiny, quick(Mode.SOLO))) as running:
        until(lambda: standing(running.realtime)[1] > 0, "priority")
        assert standing(running.realtime) == (os.SCHED_FIFO, REALTIME)
        assert standing(running.inference) == (os.SCHED_FIFO, INFERENCE)
        assert REALTIME > INFERENCE
        assert all(standing(pid) == (os.SCHED_OTHER, 0) for pid in others(running))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these policies")
def test_without_priority_it_plays_too(
    tmp_path: Path, tiny: Path, jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REFUSED, "1")
    with show(stage_of(tmp_path, tiny, quick(Mode.SOLO))) as running:
        running.beats_on(6)
        for pid in (running.realtime, running.inference):
            assert standing(pid) == (os.SCHED_OTHER, 0)
