"""What a process that runs a stranger's model may use: set by the system, kept by the system.

Memory is an address space that cannot grow beyond what the bundle may need; an allocation that
would is refused, and the model says that it failed. Time is processor time between two signs of
life: a run that never ends is ended, with its process. A system that lacks one goes without it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ripieno.inference.bundle import Manifest

if sys.platform != "win32":
    import resource

SPARE = 1 << 30
"""Bytes beyond what the weights and the state take, for a runtime and its buffers."""
_WEIGHTS, _STATE = 4, 8
"""How often weights and state are in memory: as a file, unpacked, packed for the processor …"""
LOADING = 60.0
"""Seconds of processor time that loading may take."""
PATIENCE = "RIPIENO_STEP_SECONDS"
"""This variable says how many seconds of processor time one step may take, with all that the model
has to catch up with before it; without it, `STEP`."""
STEP = 15.0


def limit_memory(*manifests: Manifest) -> int | None:
    """Refuse this process more memory than the bundles may need: how many bytes, if at all."""
    now = _address_space()
    if now is None:
        return None
    wanted = now + SPARE + sum(_needs(manifest) for manifest in manifests)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    for there in (soft, hard):
        if there != resource.RLIM_INFINITY:
            wanted = min(wanted, there)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return wanted


def _needs(manifest: Manifest) -> int:
    shapes = [state.shape for state in manifest.states] + [c.shape for c in manifest.caches]
    numbers = 0
    for shape in shapes:
        count = 1
        for size in shape:
            count *= size
        numbers += count
    beside = sum((manifest.folder / extra.name).stat().st_size for extra in manifest.files)
    return _WEIGHTS * (manifest.bytes + beside) + _STATE * 4 * numbers


def _address_space() -> int | None:
    """Bytes of address space that this process has now, where the system tells and limits it."""
    if sys.platform != "linux":
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return None
    return pages * resource.getpagesize()


def step_seconds() -> float:
    """Seconds of processor time for one step: what `PATIENCE` says, if it is a number above 0."""
    try:
        told = float(os.environ.get(PATIENCE, STEP))
    except ValueError:
        return STEP
    return told if 0.0 < told < LOADING else STEP


def alive(seconds: float) -> None:
    """A sign of life: the system ends this process after so much processor time without another."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def at_rest() -> None:
    """Nothing is being computed: no time runs."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, 0.0)
