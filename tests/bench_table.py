"""The bench's table: rows, targets, and the page that keeps them."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench.md"
INTRODUCTION = """\
# What was measured

Written by `make bench ARGS=--write`. Every row and its comparison were taken in the same run, in
turns. All times are wall-clock milliseconds, unless a row says otherwise; p99 of n values is the
value that 99 % of them stay below.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Measured values of one thing, in milliseconds."""

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return quantile(self.values, 0.5)

    @property
    def p99(self) -> float:
        return quantile(self.values, 0.99)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a sample, what it is compared with, and what it means."""

    title: str
    sample: Sample
    other: Sample | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at, what came, and whether that is enough."""

    aim: str
    came: str
    met: bool

    def __str__(self) -> str:
        return f"{'met   ' if self.met else 'MISSED'}  {self.aim}: {self.came}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a part of the bench found; `words` are sentences for below the table."""

    rows: tuple[Row, ...] = ()
    targets: tuple[Target, ...] = ()
    words: tuple[str, ...] = ()


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0…1) of all stay at or below: a measured one, not interpolated.

    Not a number where nothing was measured, which meets no target.
    """
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def at_most(aim: str, value: float, limit: float, unit: str = "ms") -> Target:
    return Target(aim, f"{value:.3g} {unit}", value <= limit)


def page(
    findings: Sequence[Findings], machine: Sequence[str], introduction: str = INTRODUCTION
) -> str:
    """All of it as Markdown."""
    lines = [introduction, *(f"- {line}" for line in machine), ""]
    lines += [
        "| what | n | p50 | p99 | compared with | n | p50 | p99 | |",
        "|---|--:|--:|--:|---|--:|--:|--:|---|",
    ]
    lines += [_line(row) for found in findings for row in found.rows]
    lines += ["", *(f"- {word}" for found in findings for word in found.words)]
    lines += ["", "| aim | came | |", "|---|---|---|"]
    lines += [
        f"| {target.aim} | {target.came} | {'met' if target.met else '**missed**'} |"
        for found in findings
        for target in found.targets
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    cells = [f"{row.title}: {row.sample.name}" if row.sample.name else row.title]
    for sample in (row.sample, row.other):
        if sample is row.other:
            cells.append(sample.name if sample else "")
        if sample is None:
            cells += ["", "", ""]
        else:
            cells += [str(len(sample.values)), f"{sample.median:.3g}", f"{sample.p99:.3g}"]
    return "| " + " | ".join([*cells, row.note]) + " |"


def machine(bundle: str) -> list[str]:
    """What it was measured on, the load at the start included."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "textual"))
    return [
        f"{date.today()}, {cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {libraries}",
        f"model: {bundle}",
        f"load at the start: {load()}",
    ]


def load() -> str:
    return ", ".join(f"{value:.2f}" for value in os.getloadavg()) + " (1, 5, 15 minutes)"
