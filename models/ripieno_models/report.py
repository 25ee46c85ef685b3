"""Draws a run's curves from its curve.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import RipienoError

from ripieno_models.train import CURVE


@dataclass(frozen=True, slots=True)
class Curves:
    """Which figures of a run are drawn, under which labels, in which unit; `limits` are those of
    the axis, and `marker` is Matplotlib's, at each validation."""

    labels: Mapping[str, str]
    unit: str
    limits: tuple[float, float] | None = None
    marker: str = "."

    def draw(self, folder: Path) -> Path:
        """Draw the curves of the run in `folder` as curves.svg there. Raises RipienoError."""
        import matplotlib as mpl

        mpl.use("agg")
        mpl.rcParams["svg.hashsalt"] = "ripieno"
        from matplotlib import pyplot

        rows = rows_of(folder / CURVE)
        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for name, label in self.labels.items():
            values = [float(row[name]) for row in rows.values()]
            told = f"{label}: {values[-1]:.3f}"
            axes.plot(list(rows), values, label=told, linewidth=1.2, marker=self.marker)
        axes.set(xlabel="optimiser steps", ylabel=self.unit, ylim=self.limits)
        axes.grid(alpha=0.3)
        axes.legend()
        path = folder / "curves.svg"
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        return path


GRID = Curves(
    {
        "train_nll": "training (with dropout, some voices absent)",
        "valid_random": "validation, random order",
        "valid_natural": "validation, order S A T B",
    },
    "nats per decision",
    limits=(0.2, 1.0),
    marker="",
)
"""Of the families of the grid."""


def rows_of(path: Path) -> dict[int, dict[str, str]]:
    """The figures at each step, in order. Raises RipienoError where there are none.

    Where a run was broken off and resumed, a step can come twice; the later line counts.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = {int(row["step"]): row for row in csv.DictReader(lines)}
    except FileNotFoundError as error:
        raise RipienoError("there are no curves yet", where=str(path)) from error
    if not rows:
        raise RipienoError("there are no curves yet", where=str(path))
    return dict(sorted(rows.items()))
