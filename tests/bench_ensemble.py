"""What an ensemble of one, two and four models costs: how late it is, what it misses, what it takes
of the processor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ripieno.clock import Beats
from ripieno.commands import Quit
from ripieno.ensemble import Member
from ripieno.inference.link import ModelSpec
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Horizon, Mode, Sampling, Settings
from ripieno.stage import Seat
from ripieno.takes.facts import StepPlanned
from ripieno.takes.report import lateness, report
from ripieno.takes.take import read

from tests.bench_table import Findings, Row, Sample, at_most
from tests.live.processes import family
from tests.live.show import show, stage_of

SIZES = (1, 2, 4)
BPM = 100.0
LATE_MS = 5.0
SILENCE = Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())


@dataclass(frozen=True)
class Played:
    """One performance: lateness and steps in ms, the share of steps that were held for want of
    time, and the processor's share, 1.0 for one core."""

    late: tuple[float, ...]
    steps: tuple[float, ...]
    held: float
    processor: float


def together(place: Path, bundle: Path, *, quick: bool) -> Findings:
    """`bundle` alone, twice and four times over, all in solo, nobody hearing anybody."""
    bars = 4 if quick else 16
    found = {}
    for size in SIZES:
        folder = place / f"ensemble-{size}"
        folder.mkdir()
        found[size] = _played(folder, bundle, size, bars)
    alone = found[1]
    rows, targets = [], []
    for size in SIZES:
        each = found[size]
        title = "one model" if size == 1 else f"an ensemble of {size} models"
        late, steps = Sample("late", each.late), Sample("step", each.steps)
        told = f"{each.held:.1%} of steps held, {each.processor:.2f} cores"
        compared = None if size == 1 else Sample("one model", alone.late)
        rows.append(Row(f"{title}: lateness", late, compared, told))
        compared = None if size == 1 else Sample("one model", alone.steps)
        rows.append(Row(f"{title}: a step", steps, compared, "what a sixteenth costs"))
        aim = f"lateness p99 of {size} ≤ {LATE_MS:g} ms"
        targets.append(at_most(aim, late.p99, LATE_MS))
    words = (f"On {os.cpu_count()} cores; {bars} bars at {BPM:g}, four voices for each model.",)
    return Findings(tuple(rows), tuple(targets), words)


def _played(folder: Path, bundle: Path, size: int, bars: int) -> Played:
    settings = Settings(
        mode=Mode.SOLO,
        bpm=BPM,
        sampling=Sampling(candidates=8),
        horizon=Horizon(commit=Beats(0.25), lookahead=Beats(2.0)),
    )
    stage = stage_of(folder, bundle, settings, routing=SILENCE)
    seats = tuple(
        Seat(
            member=Member(name=f"m{number}", settings=_seeded(settings, number), hears=()),
            model=ModelSpec(bundle, "auto"),
            routing=replace(SILENCE, channels=tuple(range(4 * number, 4 * number + 4))),
        )
        for number in range(size)
    )
    with show(replace(stage, ensemble=seats)) as running:
        first = running.until(lambda t: t.beat > 1, "the first beat")
        pids = family(running.realtime)
        began = _seconds(pids)
        last = running.until(
            lambda t: t.beat > bars * settings.meter.bar, "the last bar", 60 + 4 * bars
        )
        spent = _seconds(pids) - began
        running.send(Quit())
        running.until_over()
    take = read(stage.take)
    told = report(take)
    steps = [1000 * f.seconds for f in take.facts if isinstance(f, StepPlanned)]
    late = [1000 * each for each in lateness(take.facts)]
    return Played(tuple(late), tuple(steps), 1 - told.served, spent / (last.at - first.at))


def _seeded(settings: Settings, number: int) -> Settings:
    """So that they do not all play the same."""
    return replace(settings, sampling=replace(settings.sampling, seed=number + 1))


def _seconds(pids: Sequence[int]) -> float:
    """What the processes have taken of the processor so far."""
    ticks = 0
    for pid in pids:
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")
