"""What the doctor finds about the model: whether it is whole, how it runs best, and how fast.

ONNX Runtime is imported where it is used: the doctor must be able to say that it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno import resources
from ripieno.clock import FASTEST, SLOWEST, Seconds
from ripieno.doctor import feasible
from ripieno.doctor.finding import Finding, Health
from ripieno.errors import RipienoError
from ripieno.grammar.grid import STEPS_PER_BEAT

if TYPE_CHECKING:
    from ripieno.inference.calibration import Choice

TEMPOS = (60.0, 90.0, 120.0, 160.0, 200.0, 300.0)
"""For which the feasible plans are shown."""


def playing(model: str, precision: str, bpm: float, log: Path) -> Iterator[Finding]:
    """The bundle, how it runs best here, and how fast it answers in a process of its own."""
    from ripieno.doctor import pace
    from ripieno.inference import calibration
    from ripieno.inference.bundle import check

    try:
        folder = resources.bundle_folder(model)
        manifest = check(folder)
        graph = manifest.graph(precision)
        yield Finding("Model", Health.GOOD, f"{manifest.name} {graph.precision}, all files whole")
        if precision == calibration.AUTO:
            yield _calibrated(folder)
        trips = pace.round_trips(folder, precision, log)
    except RipienoError as error:
        advice = "`ripieno models` lists the models that are installed."
        yield Finding("Model", Health.BROKEN, str(error), advice)
        return
    yield keeping_up(trips[1], bpm)
    yield plans(pace.p95(trips), bpm)


def _calibrated(folder: Path) -> Finding:
    """Try all ways to run the model, and remember the best one. Raises RipienoError."""
    from ripieno.inference import calibration

    best, *others = calibration.calibrate(folder)
    told = ", ".join(f"{_way(other)} {other.p99_ms:.1f} ms" for other in others) or "no other way"
    found = f"{_way(best)} runs best here: {best.p99_ms:.1f} ms at p99, with gaps ({told})"
    try:
        calibration.remember(folder, best)
    except OSError as error:
        return Finding(
            "Calibration",
            Health.FAIR,
            found,
            f"It could not be written down ({error.strerror}), so `auto` does not know of it.",
        )
    return Finding("Calibration", Health.GOOD, found)


def _way(choice: Choice) -> str:
    return f"{choice.precision} on {choice.threads} thread{'s' if choice.threads > 1 else ''}"


def keeping_up(trips: Sequence[float], bpm: float) -> Finding:
    """Whether a model that takes `trips` seconds for a sixteenth keeps up at `bpm`."""
    from ripieno.measure import quantile

    median, slow = quantile(trips, 0.5), quantile(trips, 0.95)
    step = feasible.step_seconds(bpm)
    found = (
        f"a sixteenth is decided in {median * 1000:.1f} ms (95 % within {slow * 1000:.1f} ms); "
        f"at {bpm:g} bpm it lasts {step * 1000:.0f} ms"
    )
    fastest = 60 / STEPS_PER_BEAT / slow
    if slow <= step:
        return Finding(
            "Pace", Health.GOOD, f"{found}; fast enough up to {min(FASTEST, fastest):.0f} bpm"
        )
    slower = f"Play at {fastest:.0f} bpm or below" if fastest >= SLOWEST else "Use a smaller model"
    return Finding("Pace", Health.FAIR, found, f"{slower}.")


def plans(trips: Mapping[int, Seconds], bpm: float) -> Finding:
    """Which plans never run dry, by tempo, and the one that follows you most closely at `bpm`."""
    rows = tuple(feasible.table(trips, TEMPOS))
    picked = feasible.smallest(trips, feasible.step_seconds(bpm))
    if picked is None:
        return Finding(
            "Plans",
            Health.FAIR,
            f"none keeps up at {bpm:g} bpm; below, how often to plan, by tempo and length L",
            "Play slower, or use a smaller model.",
            rows,
        )
    ahead = picked.length / STEPS_PER_BEAT
    found = (
        f"at {bpm:g} bpm one every {_sixteenths(picked.interval)}, {_sixteenths(picked.length)} "
        f"long, never runs dry: --set lookahead={ahead:g} or more; how often, by tempo and length L"
    )
    return Finding("Plans", Health.GOOD, found, table=rows)


def _sixteenths(count: int) -> str:
    return "sixteenth" if count == 1 else f"{count} sixteenths"
