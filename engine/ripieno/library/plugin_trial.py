"""Tries whether a plug-in's part can be imported: a stranger's in a process that may be ended."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from multiprocessing.connection import Connection

from ripieno import plugins
from ripieno.errors import PluginError, RipienoError

PATIENCE = 60.0
"""Seconds on the clock after which an import that computes nothing is given up."""
ENDING = 5.0


def try_import(part: plugins.Plugin, seconds: float = plugins.IMPORTING) -> None:
    """Import `part`, a stranger's in a process of its own, for `seconds` of processor time at most.
    Raises PluginError."""
    if part.ours:
        plugins.load(part.group, part.name)
        return
    spawn = multiprocessing.get_context("spawn")
    report, told = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_imported, args=(told, part, seconds), daemon=True)
    process.start()
    told.close()
    try:
        fault = str(report.recv()) if report.poll(PATIENCE) else f"{part} {plugins.STUCK}"
    except EOFError:
        process.join(ENDING)
        stuck = sys.platform != "win32" and process.exitcode == -signal.SIGPROF
        fault = f"{part} {plugins.STUCK if stuck else 'has ended its process'}"
    process.kill()
    process.join(ENDING)
    report.close()
    if fault:
        raise PluginError(fault.rstrip("."))


def _imported(told: Connection, part: plugins.Plugin, seconds: float) -> None:
    """In the process: report what is wrong, '' for nothing."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        plugins.load(part.group, part.name)
    except RipienoError as error:
        told.send(str(error))
    else:
        told.send("")
