"""How urgent a process is: real-time priority where the system gives it, and no garbage stalls."""

from __future__ import annotations

import gc
import os

REALTIME, MODE, INSTRUMENT, INFERENCE = 60, 55, 50, 40
"""SCHED_FIFO priorities, 1…99: below a JACK server's 70, the music, and a stranger's mode on which
it waits, before its sound, and all before the model."""
REFUSED = "RIPIENO_NO_FIFO"
"""Set to anything, this variable plays without real-time priority, as where the system refuses."""


def hurry(priority: int) -> bool:
    """Ask for real-time `priority` (not for our children), and stop collecting garbage.

    Returns whether the system gave it. A collection stalls for tens of milliseconds; what is made
    while music plays is freed by reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    return rank(priority)


def rank(priority: int) -> bool:
    """Ask for real-time `priority` (not for our children). Returns whether the system gave it."""
    if REFUSED in os.environ or not hasattr(os, "sched_setscheduler"):
        return False
    policy = os.SCHED_FIFO | getattr(os, "SCHED_RESET_ON_FORK", 0)
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return True
