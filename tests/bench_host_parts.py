"""The parts of `make bench-host`, and the table that is made of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ripieno import plugins, resources
from ripieno.commands import Choose, Quit
from ripieno.events import Telemetry
from ripieno.inference.bundle import check, load_manifest
from ripieno.library.archive import pack, unpack
from ripieno.library.trial import trial
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode
from ripieno.takes.facts import ModelReady

from tests.bench_ensemble import together
from tests.bench_imports import imported
from tests.bench_instruments import placement
from tests.bench_parts import jack_server
from tests.bench_recalled import recalled
from tests.bench_strangers import strangers
from tests.bench_table import Findings, Row, Sample, Target, at_most, load, machine, page
from tests.engine.jackd import JackServer
from tests.live.show import SHIPPED, best_bundle, quick, show, stage_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-host.md"
INTRODUCTION = """\
# What it costs to be a host

Written by `make bench-host ARGS=--write`. All times are wall-clock milliseconds, unless a row says
otherwise; p99 of n values is the value that 99 % of them stay below.
"""
ABOUT = "What it costs to be a host of other people's models and instruments."
SILENCE = Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())
FENCE_MS = 0.1


@dataclass(frozen=True)
class Stand:
    """Where the parts are measured: a folder of their own, and a JACK server where there is one."""

    place: Path
    jack: JackServer | None
    quick: bool


Part = Callable[[Stand], Iterable[Findings]]
PARTS: dict[str, Part] = {
    "looked at": lambda stand: looked_at(stand.place, 5 if stand.quick else 25),
    "tried": lambda stand: [tried(2 if stand.quick else 5)],
    "imported": lambda stand: [imported(stand.place, 1 if stand.quick else 3)],
    "fenced": lambda stand: [fenced(200 if stand.quick else 5000)],
    "strangers": lambda stand: [strangers(stand.place, 200 if stand.quick else 2000)],
    "changed": lambda stand: [changed(stand.place, 3 if stand.quick else 10)],
    "recalled": lambda stand: [
        recalled(stand.place, best_bundle(stand.place / "recalled-bundle"), 2 if stand.quick else 8)
    ],
    "ensemble": lambda stand: [
        together(stand.place, best_bundle(stand.place / "ensemble-bundle"), quick=stand.quick)
    ],
    "instruments": lambda stand: [placement(stand.jack, stand.quick)] if stand.jack else [],
}
"""What is measured, in this order."""


def main() -> int:
    """Measure, print, and, if asked, keep the table."""
    parser = argparse.ArgumentParser(prog="make bench-host", description=ABOUT)
    parser.add_argument("--quick", action="store_true", help="a look at everything")
    parser.add_argument("--write", action="store_true", help=f"write the table to docs/{PAGE.name}")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts only")
    options = parser.parse_args()
    findings: list[Findings] = []
    with tempfile.TemporaryDirectory() as place, jack_server(Path(place)) as jack:
        told = machine(SHIPPED)
        stand = Stand(Path(place), jack, options.quick)
        for part in options.only or PARTS:
            print(f"measuring: {part} …", file=sys.stderr, flush=True)
            findings += PARTS[part](stand)
        told.append(f"load at the end: {load()}")
    text = page(findings, told, INTRODUCTION)
    print(text)
    for target in (target for found in findings for target in found.targets):
        print(target)
    if options.write:
        PAGE.write_text(text)
    return 0


def timed(work: Callable[[], object], times: int) -> tuple[float, ...]:
    """How long `work` takes, in ms, each time."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(1000.0 * (time.perf_counter() - began))
    return tuple(took)


def looked_at(place: Path, times: int) -> Iterator[Findings]:
    """Reading the manifest of each model that ships, checking all of it, packing and unpacking."""
    for folder in resources.bundles().values():
        yield _looked_at(folder, place, times)


def _looked_at(folder: Path, place: Path, times: int) -> Findings:
    packed = place / f"{folder.name}.ripieno"
    numbers = iter(range(times))

    def unpacked() -> None:
        target = place / f"{folder.name}-{next(numbers)}"
        target.mkdir()
        unpack(packed, target)

    few = max(2, times // 5)
    samples = [
        Sample("manifest read", timed(lambda: load_manifest(folder), times)),
        Sample("files and graphs checked", timed(lambda: check(folder), times)),
        Sample("packed into one file", timed(lambda: pack(folder, packed), few)),
        Sample("unpacked", timed(unpacked, few)),
    ]
    size = f"{load_manifest(folder).bytes / 1e6:.1f} MB"
    return Findings(tuple(Row(folder.name, sample, None, size) for sample in samples))


def tried(times: int) -> Findings:
    """`ripieno models check`, with the process in which the model is tried."""
    rows = []
    for name, folder in resources.bundles().items():
        took = timed(partial(trial, folder), times)
        rows.append(Row(name, Sample("tried in a process of its own", took)))
    return Findings(tuple(rows))


def fenced(times: int) -> Findings:
    """A call of a stranger's part, and the same call without its fence."""
    plugin = plugins.Plugin(plugins.CONSTRAINTS, "bench", "bench", "1")
    fence = plugins.Fence(plugin, 0.01, "nothing happens")
    sample = Sample("behind a fence", timed(lambda: fence.call(abs, 0, 1), times))
    bare = Sample("without one", timed(lambda: abs(1), times))
    row = Row("a call of a plug-in's rule", sample, bare)
    aim = f"a fence costs p50 ≤ {FENCE_MS:g} ms"
    return Findings((row,), (at_most(aim, sample.median, FENCE_MS),))


def changed(place: Path, times: int) -> Findings:
    """From the wish for another model to its take-over while the music goes on; steps missed."""
    bundles = list(resources.bundles().values())
    first = best_bundle(place / "bundle")
    stage = stage_of(place, first, quick(Mode.SOLO, bpm=120.0), routing=SILENCE)
    wished: list[float] = []
    with show(stage) as running:
        running.beats_on(6)
        before = running.seen[-1].missed
        for number in range(times):
            wished.append(time.perf_counter())
            running.send(Choose("model", str(bundles[(number + 1) % len(bundles)])))
            running.until(partial(taken_over, stage.take, number + 2), "the other model", 60)
            running.beats_on(6)
        missed = running.seen[-1].missed - before
        running.send(Quit())
        running.until_over()
        facts = [fact for fact in running.take().facts if isinstance(fact, ModelReady)]
    took = [1000.0 * (fact.at - at) for fact, at in zip(facts[1:], wished, strict=True)]
    row = Row("another model while playing at 120", Sample("wish → take-over", tuple(took)))
    words = (f"{times} changes of model at 120 bpm: {missed} sixteenths missed.",)
    return Findings((row,), (Target("no step is lost", f"{missed} missed", not missed),), words)


def taken_over(take: Path, count: int, seen: Telemetry) -> bool:
    """Whether so many models have been ready so far, by the journal."""
    return take.read_bytes().count(b'"ModelReady"') >= count
