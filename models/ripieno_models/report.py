"""Draws a run's curves from its curve.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from ripieno.errors import RipienoError

from ripieno_models.train import CURVE

CURVES = {
    "train_nll": "training (with dropout, some voices absent)",
    "valid_random": "validation, random order",
    "valid_natural": "validation, order S A T B",
}


def curves(folder: Path) -> Path:
    """Draw the curves of the run in `folder` as curves.svg there. Raises RipienoError."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "ripieno"
    from matplotlib import pyplot

    read = points(folder / CURVE)
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, label in CURVES.items():
        steps, values = zip(*read[name], strict=True)
        axes.plot(steps, values, label=f"{label}: {values[-1]:.3f}", linewidth=1.2)
    axes.set(xlabel="optimiser steps", ylabel="nats per decision", ylim=(0.2, 1.0))
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / "curves.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def points(path: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of each curve. Raises RipienoError where there are none.

    Where a run was broken off and resumed, a step can come twice; the later line counts.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = {int(row["step"]): row for row in csv.DictReader(lines)}
    except FileNotFoundError as error:
        raise RipienoError("there are no curves yet", where=str(path)) from error
    if not rows:
        raise RipienoError("there are no curves yet", where=str(path))
    return {name: [(step, float(rows[step][name])) for step in sorted(rows)] for name in CURVES}
