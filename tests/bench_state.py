"""What going back, hearing an event, and drawing several candidates cost, each beside a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ripieno.clock import Beats, SystemClock
from ripieno.events import Request
from ripieno.grammar.grid import VOICES
from ripieno.inference.bundle import Manifest, check
from ripieno.inference.bundle_music import GRID
from ripieno.inference.generate import Generator
from ripieno.inference.model import Model, Row
from ripieno.inference.opening import open_model
from ripieno.inference.scoring import Motion, parallels
from ripieno.inference.tokens.manifest import SPEC, TOKENS
from ripieno.settings import Horizon, Key, Rules, Sampling, Settings, Strength

from tests.bench_table import Findings, Sample, Target, quantile
from tests.bench_table import Row as Line
from tests.bench_torch import features_of
from tests.engine.cached_bundles import CachedRecipe, write_cached_bundle

REWIND, EVENT = 1.02, 1.3
"""Aims: a rewind and a step against a step; three rows as one chunk against a step."""
AT, SHORTER, BACK = 512, 128, 40
"""Decisions heard when a step is timed, also fewer, and how far a rewind goes."""
TRANSFORMER = CachedRecipe(
    layers=6, heads=4, kv_heads=4, head_size=64, inner=1024, context=2048, int8=True
)
"""6.6 million parameters with random weights, one position for each decision."""
CANDIDATES = (1, 4, 8)
BEATS, QUICK_BEATS = 96, 16


def state(folder: Path, place: Path, quick: bool) -> Findings:
    """`folder`: the bundle that ships; `place`: where one with random weights may be written."""
    beside = sorted(path.parent for path in folder.parent.glob("*/manifest.toml"))
    # A block is read, not remembered: its steps and rewinds cost nothing that could be compared.
    manifests = {each.name: check(each) for each in beside}
    manifests = {name: told for name, told in manifests.items() if told.grammar != "blocks"}
    other = write_cached_bundle(place / "transformer", TRANSFORMER)
    manifests["6.6 M transformer"] = check(other)
    count = 100 if quick else 1000
    lines: list[Line] = []
    targets: list[Target] = []
    for name, manifest in manifests.items():
        subject = Subject(name, open_model(manifest), _rows(manifest))
        found = [_rewinds(subject, count), _events(subject, count, AT)]
        found.append(_events(subject, count, SHORTER))
        lines += [line for line, _ in found]
        targets += [target for _, target in found if target]
    candidates = _candidates(folder, QUICK_BEATS if quick else BEATS)
    words = (
        "A rewind goes back over forty decisions. Samples are taken in turns, and ratios are those "
        "of medians.",
        *candidates.words,
    )
    return Findings((*lines, *candidates.rows), tuple(targets), words)


@dataclass(frozen=True)
class Subject:
    """A model, and rows that it can hear."""

    name: str
    model: Model
    rows: list[Row]

    def filled(self, count: int) -> list[Row]:
        """Rows to go on with, after `count` that the model has heard, or as many as fit."""
        count = int(min(count, self.model.context - BACK - 1))
        self.model.reset()
        self.model.feed(self.rows[:count], [])
        return self.rows[count:]


def _rows(manifest: Manifest) -> list[Row]:
    """As many as are needed: features of the grid, or tokens in any order."""
    if manifest.grammar == TOKENS:
        return [(number % manifest.own[SPEC].size,) for number in range(AT + 200)]
    if manifest.grammar == GRID:
        return list(features_of(AT + 200))
    return [(0,) * int(manifest.features.shape[-1])] * (AT + 200)


def _rewinds(subject: Subject, count: int) -> tuple[Line, Target]:
    """A step, and a rewind with a step, at the same place."""
    name, model, rows = subject.name, subject.model, subject.filled(AT)
    mark = model.mark()

    def ahead() -> None:
        model.rewind(mark)
        model.feed(rows[:BACK], [])
        model.rewind(mark)

    def plain() -> None:
        model.step(rows[0])

    def back() -> None:
        model.rewind(mark)
        model.step(rows[0])

    def beyond() -> None:
        model.rewind(mark)
        model.feed(rows[:BACK], [])

    step, rewound = _paired(count, (ahead, plain), (beyond, back))
    ratio = quantile(rewound, 0.5) / quantile(step, 0.5)
    return (
        Line(f"rewind, {name}", Sample("rewind and step", rewound), Sample("step", step), "—"),
        Target(f"rewind and step ≤ {REWIND:g} × a step, {name}", f"{ratio:.3f}", ratio <= REWIND),
    )


def _events(subject: Subject, count: int, after: int) -> tuple[Line, Target | None]:
    """Three rows told at once, as when a player's note is heard, against one step."""
    name, model, rows = subject.name, subject.model, subject.filled(after)
    mark = model.mark()

    def ready() -> None:
        model.rewind(mark)

    def step() -> None:
        model.step(rows[0])

    def event() -> None:
        model.feed(rows[:3], [])

    one, three = _paired(count, (ready, step), (ready, event))
    ratio = quantile(three, 0.5) / quantile(one, 0.5)
    name = f"{name} after {after} decisions"
    aim = f"three rows as a chunk ≤ {EVENT:g} × a step, {name}"
    recurrent = model.marks_last  # it hears its rows one by one, so there is nothing to aim at
    return (
        Line(f"event, {name}", Sample("three rows", three), Sample("step", one), f"{ratio:.2f} ×"),
        None if recurrent or after != AT else Target(aim, f"{ratio:.2f}", ratio <= EVENT),
    )


Way = tuple[Callable[[], None], Callable[[], None]]
"""What makes ready, and what is timed."""


def _paired(count: int, first: Way, second: Way) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Milliseconds of CPU time of both, taken in turns, each turn the other way round."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(count):
        for which in (0, 1) if number % 2 else (1, 0):
            ready, timed = (first, second)[which]
            ready()
            began = time.thread_time()
            timed()
            taken[which].append(1000 * (time.thread_time() - began))
    return tuple(taken[0]), tuple(taken[1])


def _candidates(folder: Path, beats: int) -> Findings:
    """What several candidates cost, and what they gain where no rule forbids parallels."""
    model = open_model(check(folder), "int8")
    lines: list[Line] = []
    gains: list[str] = []
    plain: Sample | None = None
    for count in CANDIDATES:
        costs: list[float] = []
        found = changes = onsets = 0
        for before, now, struck, cost in _steps(model, count, beats):
            costs.append(1000 * cost)
            onsets += struck
            if before is not None and before != now:
                changes += 1
                found += parallels(Motion(before, now, frozenset(range(len(VOICES))), None))
        sample = Sample(f"best of {count}", tuple(costs))
        plain = plain or sample
        lines.append(Line("a sixteenth, four voices", sample, plain, "—"))
        gains.append(
            f"{count}: {100 * found / max(1, changes):.2f} parallels per 100 chord changes, "
            f"{onsets / len(costs):.2f} onsets per beat and voice"
        )
    words = ("Best of how many, with no rule against parallels: " + "; ".join(gains) + ".",)
    return Findings(tuple(lines), (), words)


Heard = tuple[list[int | None] | None, list[int | None], int, float]


def _steps(model: Model, candidates: int, beats: int) -> Iterator[Heard]:
    """(pitches before, pitches now, onsets, seconds) of each sixteenth."""
    settings = Settings(
        rules=Rules(parallels=Strength.OFF, key=Key.parse("G major")),
        sampling=Sampling(candidates=candidates),
        horizon=Horizon(budget_ms=1000.0),
    )
    asked = Request(
        epoch=1,
        since=Beats(0.0),
        begin=Beats(0.0),
        end=Beats(float(beats)),
        heard=(),
        given=(),
        player=(),
        settings=settings,
        fresh=True,
    )
    before: list[int | None] | None = None
    for step in Generator(model).plan(asked, SystemClock()):
        now = [voice.pitch for voice in step.voices]
        yield before, now, sum(voice.struck for voice in step.voices), step.seconds
        before = now
