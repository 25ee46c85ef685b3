"""Draws the curves of a run of a family of blocks."""

from __future__ import annotations

import csv
from pathlib import Path

from ripieno.errors import RipienoError

from ripieno_models.blocks.learner import FIGURES
from ripieno_models.train import CURVE

LABELS = dict(
    zip(FIGURES, ("training", "validation, reconstruction", "validation, watched"), strict=True)
)


def curves(folder: Path) -> Path:
    """Draw the curves of the run in `folder` as curves.svg there. Raises RipienoError."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "ripieno"
    from matplotlib import pyplot

    try:
        with (folder / CURVE).open(encoding="utf-8", newline="") as lines:
            rows = {int(row["step"]): row for row in csv.DictReader(lines)}
    except FileNotFoundError as error:
        raise RipienoError("there are no curves yet", where=str(folder / CURVE)) from error
    if not rows:
        raise RipienoError("there are no curves yet", where=str(folder / CURVE))
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    steps = sorted(rows)
    for name, label in LABELS.items():
        values = [float(rows[step][name]) for step in steps]
        axes.plot(steps, values, label=f"{label}: {values[-1]:.3f}", linewidth=1.2, marker=".")
    axes.set(xlabel="optimiser steps", ylabel="nats per decision (gan: distance)")
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / "curves.svg"
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
