"""The parts of `make bench`, and the page that they fill; see bench.py."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import (
    bench_live,
    bench_model,
    bench_screen,
    bench_start,
    bench_state,
    bench_sync,
    bench_timing,
)
from tests.bench_live import Stand
from tests.bench_table import PAGE, Findings, load, machine, page
from tests.engine.jackd import JackServer, forget_dead_servers
from tests.live.show import SHIPPED, best_bundle


def _state(stand: Stand) -> Findings:
    with tempfile.TemporaryDirectory() as place:
        return bench_state.state(stand.model, Path(place), stand.quick)


PARTS: dict[str, Callable[[Stand], Findings]] = {
    "model": lambda stand: bench_model.model_step(stand.model, stand.quick),
    "engine": lambda stand: bench_model.engine_step(stand.model, stand.quick),
    "state": _state,
    "lateness": bench_live.lateness,
    "answer": bench_live.answer,
    "accompany": bench_live.accompany,
    "sync": bench_sync.sync,
    "busy": bench_timing.busy,
    "hand-over": bench_timing.handover,
    "first note": bench_timing.speculation,
    "screen": bench_screen.screen,
    "start": lambda stand: bench_start.first_sound(stand.model, stand.quick),
}


def main() -> int:
    """Measure, print, and, if asked, keep the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as place, jack_server(Path(place)) as jack:
        bundle = best_bundle(Path(place) / "bundle")
        stand = Stand(bundle, jack, options.quick)
        name = SHIPPED if bundle.name == SHIPPED else "a small one with random weights"
        told = machine(name + (", a short run" if options.quick else ""))
        told.append(
            "MIDI through JACK (dummy driver)" if jack else "no JACK: notes by key, journal only"
        )
        findings = []
        for part in options.only or PARTS:
            print(f"measuring: {part} …", file=sys.stderr, flush=True)
            findings.append(PARTS[part](stand))
        told.append(f"load at the end: {load()}")
    text = page(findings, told)
    print(text)
    for target in (target for found in findings for target in found.targets):
        print(target)
    if options.write:
        PAGE.write_text(text)
        print(f"written to {PAGE.relative_to(PAGE.parents[1])}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description="Latencies, each with its comparison in the same run."
    )
    parser.add_argument("--quick", action="store_true", help="a look at everything, under a minute")
    parser.add_argument("--write", action="store_true", help="write the table to docs/bench.md")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts only")
    return parser.parse_args()


@contextmanager
def jack_server(place: Path) -> Iterator[JackServer | None]:
    """A JACK server of our own, where one is installed; without it none is joined."""
    server = JackServer(f"ripieno-bench-{os.getpid()}", place / "jackd.log")
    os.environ.update(server.environment)
    if not shutil.which("jackd"):
        yield None
        return
    forget_dead_servers()
    server.start()
    try:
        yield server
    finally:
        server.stop()
