"""The model's step against torch's, and what the engine adds to it."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno.clock import Beats, SystemClock
from ripieno.events import Planned, Request
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.onnx_model import StepModel
from ripieno.settings import Horizon, Key, Rules, Sampling, Settings, Strength

from tests.bench_table import Findings, Row, Sample, Target, at_most, quantile
from tests.bench_torch import Step, features_of, torch_of
from tests.engine.rule_checker import Played, violations

GAP = 0.010
"""Seconds between two steps when a player is waited for."""
TORCH_RATIO, OVERHEAD_US, SERVED = 12.0, 40.0, 0.995
DECISIONS = STEPS_PER_BEAT * len(VOICES)
"""In a beat."""
WARM_UP = 5
"""Beats that are not counted."""


# ---- a: model step


def model_step(folder: Path, quick: bool) -> Findings:
    """One decision: int8 and fp32 in ONNX Runtime, the same network in torch, in turns."""
    manifest = check(folder)
    steps: dict[str, Step] = {
        f"{graph.precision}, ONNX Runtime": StepModel.open(manifest, graph.precision).step
        for graph in manifest.graphs
    }
    words: list[str] = []
    if importlib.util.find_spec("torch") is None:
        words.append("torch is not installed, so the model's step has no comparison.")
    else:
        torch_step, difference = torch_of(folder, manifest.graph("fp32").file)
        steps["torch eager"] = torch_step
        words.append(
            f"torch runs the same weights on one thread: over 64 steps its logits differ from the "
            f"fp32 graph's by {difference:.1e} at most."
        )
    rows: list[Row] = []
    targets: list[Target] = []
    for gap, count in ((0.0, 200 if quick else 2000), (GAP, 30 if quick else 300)):
        found = _in_turns(steps, count, gap)
        how = "back to back" if gap == 0 else f"after {gap * 1000:g} ms of rest"
        other = next((s for s in found if s.name.startswith("torch")), None)
        for sample in found:
            if sample is not other:
                rows.append(Row(f"model step, {how}", sample, other, _times(sample, other)))
        int8 = next((s for s in found if s.name.startswith("int8")), None)
        if int8 and other:
            ratio = other.median / int8.median
            targets.append(
                Target(
                    f"int8 step ≤ 1/{TORCH_RATIO:g} of torch's, {how}",
                    f"1/{ratio:.1f}",
                    ratio >= TORCH_RATIO,
                )
            )
    return Findings(tuple(rows), tuple(targets), tuple(words))


def _times(sample: Sample, other: Sample | None) -> str:
    return f"{other.median / sample.median:.1f} × faster" if other else ""


def _in_turns(steps: dict[str, Step], count: int, gap: float) -> list[Sample]:
    """`count` timed steps of each: in blocks of 50, or one by one after a rest."""
    block = 1 if gap else 50
    taken: dict[str, list[float]] = {name: [] for name in steps}
    inputs = features_of(400)
    for step in steps.values():
        for seen in inputs[:50]:
            step(seen)
    for round_ in range(count // block):
        for name, step in steps.items():
            for place in range(block):
                seen = inputs[(round_ * block + place) % len(inputs)]
                if gap:
                    time.sleep(gap)
                began = time.perf_counter()
                step(seen)
                taken[name].append(1000 * (time.perf_counter() - began))
    return [Sample(name, tuple(values)) for name, values in taken.items()]


# ---- b: engine overhead


AS_IN_PRESETS = Sampling(temperature=0.9, top_p=0.95, seed=3)
ALL_FILTERS = Sampling(temperature=0.9, top_k=20, top_p=0.95, min_p=0.01, seed=3)


@dataclass
class Served:
    """What the generator did: its steps, and CPU seconds for each beat with and without engine."""

    steps: list[Planned] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def extra_us(self) -> list[float]:
        """What the engine adds to each decision, in microseconds: the mean of each beat."""
        pairs = zip(self.whole, self.bare, strict=True)
        return [1e6 * (whole - bare) / DECISIONS for whole, bare in pairs]

    def row(self, name: str) -> Row:
        whole, bare = (
            tuple(1000 * value / DECISIONS for value in values)
            for values in (self.whole, self.bare)
        )
        return Row(
            "a decision, CPU time",
            Sample(f"engine, all rules hard, {name}", whole),
            Sample("bare ONNX run, prebuilt binding", bare),
            f"+{quantile(self.extra_us, 0.5):.1f} µs (p99 +{quantile(self.extra_us, 0.99):.1f})",
        )


def engine_step(folder: Path, quick: bool) -> Findings:
    """All rules hard: a beat of four voices through the generator, minus its bare ONNX runs.

    In CPU time, which other programs disturb less; on a quiet machine it is the wall's.
    """
    beats = 60 if quick else 500
    usual = _served(folder, AS_IN_PRESETS, beats)
    full = _served(folder, ALL_FILTERS, beats)
    steps = [*usual.steps, *full.steps]
    broken = [*violations(usual.played), *violations(full.played)]
    share = sum(step.served for step in steps) / len(steps)
    extra = quantile(usual.extra_us, 0.5)
    inside = [1e6 * (s.seconds - s.model_seconds) / len(VOICES) for s in usual.steps]
    targets = (
        at_most(f"engine adds ≤ {OVERHEAD_US:g} µs to a decision", extra, OVERHEAD_US, "µs"),
        Target(f"≥ {SERVED:.1%} of steps decided in time", f"{share:.2%}", share >= SERVED),
        Target(
            "no hard rule broken, by an independent reader",
            f"{len(broken)} in {len(steps)} steps",
            not broken,
        ),
    )
    words = (
        f"Of a decision, {quantile(inside, 0.5):.1f} µs (p99 {quantile(inside, 0.99):.1f}) go by "
        "outside the model's run, by the engine's own clock.",
    )
    rows = (usual.row("sampling as in presets"), full.row("top-k and min-p too"))
    return Findings(rows, targets, words)


def _served(folder: Path, sampling: Sampling, beats: int) -> Served:
    """`beats` beats of four voices, each in turn with as many bare runs."""
    model = StepModel.open(check(folder), "auto")
    generator = Generator(model)
    served = Served()
    for beat in range(beats):
        request = _request(beat, sampling)
        began = time.thread_time()
        steps = list(generator.plan(request, SystemClock()))
        whole = time.thread_time() - began
        bare = _bare(model, DECISIONS)
        served.steps += steps
        served.played += _as_played(steps, request)
        if beat >= WARM_UP:
            served.whole.append(whole)
            served.bare.append(bare)
    return served


def _request(beat: int, sampling: Sampling = AS_IN_PRESETS) -> Request:
    rules = Rules(
        crossing=Strength.HARD,
        spacing=Strength.HARD,
        key=Key.parse("C major"),
        key_lock=Strength.HARD,
        longest_loop=2,
    )
    return Request(
        epoch=1,
        since=Beats(float(beat)),
        begin=Beats(float(beat)),
        end=Beats(beat + 1.0),
        heard=(),
        given=(),
        player=(),
        settings=Settings(rules=rules, sampling=sampling, horizon=Horizon(budget_ms=40.0)),
        fresh=beat == 0,
    )


def _bare(model: Any, count: int) -> float:
    """CPU seconds of `count` runs of the same session with its own bindings; no trace is left."""
    before = model.snapshot()
    runs = model._runs
    began = time.thread_time()
    for place in range(count):
        runs[place % 2]()
    taken = time.thread_time() - began
    model.restore(before)
    return taken


def _as_played(steps: list[Planned], request: Request) -> Iterator[Played]:
    rules, ours = request.settings.rules, frozenset(range(len(VOICES)))
    for planned in steps:
        yield Played(round(planned.begin * 4), planned.voices, ours, rules)
