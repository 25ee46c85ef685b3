"""Which way to run a model is best on this machine: precision and threads, by the slowest steps.

`ripieno doctor` measures and remembers it; a performance whose precision is `auto` reads it.
A player's steps come with gaps, in which caches go cold and processors slow down, so steps are
measured with gaps as well, the ways to run in turns.
"""

from __future__ import annotations

import json
import os
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ripieno import resources
from ripieno.clock import Beats, Clock, SystemClock
from ripieno.events import Request
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_graphs import PRECISIONS
from ripieno.inference.computer import manifest_hash, this_computer
from ripieno.inference.grammars import player_of
from ripieno.inference.opening import open_model
from ripieno.measure import quantile
from ripieno.settings import Settings

AUTO = "auto"
GAP = 0.01
"""Seconds between two steps."""
WARM, ROUNDS = 8, 100
"""Steps that do not count, and steps that do, for each way to run."""
CLEARLY = 0.85
"""A way further down the list must take at most this share of the time: the first ways leave more
of the machine to others, and a 99th percentile of a hundred steps is not exact."""
_THREADS = (1, 2)
_DECIDE = ("step", "frame")
"""Graphs that every decision goes through."""
_FILE = "calibration.toml"


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to run a model: `precision` as its manifest has it, `threads` 1…2, p99 of a step."""

    precision: str
    threads: int
    p99_ms: float


def calibrate(folder: Path) -> tuple[Choice, ...]:
    """All ways to run the bundle in `folder`, the one to take first. Raises RipienoError."""
    manifest = check(folder)
    runs = [_Run(manifest, *way) for way in _ways(manifest)]
    clock = SystemClock()
    for number in range(WARM + ROUNDS):
        for run in runs:
            time.sleep(GAP)
            run.step(clock, number)
    return ranked([run.choice() for run in runs])


def _ways(manifest: Manifest) -> list[tuple[str, int]]:
    """What there is to try: smaller numbers and fewer threads first."""
    main = {graph.precision for graph in manifest.graphs if graph.role in _DECIDE}
    there = sorted(main, key=PRECISIONS.index)
    threads = [count for count in _THREADS if count <= (os.cpu_count() or 1)]
    return [(precision, count) for precision in there for count in threads]


class _Run:
    """One way to run, and what its steps have taken."""

    def __init__(self, manifest: Manifest, precision: str, threads: int) -> None:
        self._way = precision, threads
        self._generator = player_of(open_model(manifest, precision, threads))
        self._took: list[float] = []

    def step(self, clock: Clock, number: int) -> None:
        """Decide the sixteenth with this number."""
        begin, end = Beats(number / STEPS_PER_BEAT), Beats((number + 1) / STEPS_PER_BEAT)
        request = Request(1, begin, begin, end, (), (), (), Settings(), number=number + 1)
        began = time.perf_counter()
        for _ in self._generator.plan(request, clock):
            pass
        if number >= WARM:
            self._took.append(time.perf_counter() - began)

    def choice(self) -> Choice:
        return Choice(*self._way, p99_ms=round(1000 * quantile(self._took, 0.99), 3))


def ranked(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """The one to take first: the first in order that none of the later ones clearly beats."""
    best = choices[0]
    for choice in choices[1:]:
        if choice.p99_ms < CLEARLY * best.p99_ms:
            best = choice
    others = sorted((c for c in choices if c is not best), key=lambda c: c.p99_ms)
    return (best, *others)


def remember(folder: Path, choice: Choice) -> Path:
    """Write the choice for this bundle on this machine down. Raises OSError."""
    file = resources.cache_home() / _FILE
    key = _key(folder)
    kept = [entry for entry in _entries(file) if (entry["bundle"], entry["computer"]) != key]
    entry = {
        "bundle": key[0],
        "computer": key[1],
        "precision": choice.precision,
        "threads": choice.threads,
        "p99_ms": choice.p99_ms,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(_as_toml, [*kept, entry]))
    temporary = file.with_suffix(".new")
    temporary.write_text(f"# How `ripieno doctor` found models to run best here.\n{text}")
    temporary.replace(file)
    return file


def _as_toml(entry: dict[str, object]) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
    return "\n".join(("", "[[choice]]", *lines, ""))


def _key(folder: Path) -> tuple[str, str]:
    return manifest_hash(folder), f"{this_computer()}, {os.cpu_count()} cores"


def _entries(file: Path) -> list[dict[str, object]]:
    """What is remembered; a file that cannot be read is forgotten, not complained about."""
    try:
        found = tomllib.loads(file.read_text()).get("choice", [])
    except (OSError, ValueError):
        return []
    entries = found if isinstance(found, list) else []
    return [e for e in entries if isinstance(e, dict) and {"bundle", "computer"} <= e.keys()]


def chosen(folder: Path) -> Choice | None:
    """What was found best for the bundle in `folder` on this machine; None when nobody looked."""
    for entry in _entries(resources.cache_home() / _FILE):
        if (entry["bundle"], entry["computer"]) != _key(folder):
            continue
        match entry:
            case {"precision": str(precision), "threads": int(threads), "p99_ms": float(p99)}:
                return Choice(precision, threads, p99) if threads in _THREADS else None
    return None


def resolve(folder: Path, precision: str) -> tuple[str, int]:
    """Precision and threads for the bundle in `folder`: `auto` takes what was found best."""
    choice = chosen(folder) if precision == AUTO else None
    return (choice.precision, choice.threads) if choice else (precision, 1)
