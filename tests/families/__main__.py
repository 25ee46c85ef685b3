"""`make families`: every family on a small slice of music, from training to eight bars.

`python -m tests.families [--jobs N] [FAMILY …]` prints a row for each and fails where one is red.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter

from tests.families.one import FAMILIES, row
from tests.families.rows import Row

HEADING = (
    "| family | parameters | nats untrained | nats | from torch | in the engine | notes | s | |"
)


def main() -> int:
    """Print the table. Returns 0 where all rows are green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*", default=[*FAMILIES])
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time, a process each")
    told = parser.parse_args()
    began = perf_counter()
    print(HEADING + "\n|" + "---|" * 9, flush=True)
    red = 0
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as place,
        ProcessPoolExecutor(told.jobs, mp_context=spawn, max_tasks_per_child=1) as pool,
    ):
        rows = {pool.submit(row, name, Path(place)): name for name in told.family}
        for done in as_completed(rows):
            fault = done.exception()
            if fault is not None:
                print(f"| {rows[done]} | RED: {fault!r} |", flush=True)
                traceback.print_exception(fault)
            else:
                print(line(done.result()), flush=True)
            red += fault is not None or not done.result().good
    print(f"{len(told.family)} families, {red} red, {perf_counter() - began:.0f} s")
    return 1 if red else 0


def line(told: Row) -> str:
    """A row of the table."""
    return (
        f"| {told.name} | {told.parameters:,} | {told.untrained:.3f} | {told.nll:.3f}"
        f" | {told.difference:.0e} | {told.replayed:.0e} | {told.notes} | {told.seconds:.0f}"
        f" | {'green' if told.good else 'RED'} |"
    )


if __name__ == "__main__":
    sys.exit(main())
