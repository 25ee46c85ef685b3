"""Tunes as piano rolls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ripieno_models.tokens.tune import Tune

BARS_SHOWN = 16
COLOURS = ("#c0392b", "#1f618d")
"""Of the melody, and of the piano."""


def piano_rolls(tunes: Sequence[Tune], path: Path) -> None:
    """Draw the first bars of each tune, one above the other, with bar lines in grey."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "ripieno"
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(
        len(tunes), figsize=(9, 2.2 * len(tunes)), layout="constrained", squeeze=False
    )
    for axes, tune in zip(rows[:, 0], tunes, strict=True):
        end = min(tune.bars, BARS_SHOWN) * tune.bar
        shown = [note for note in tune.notes if note.onset < end]
        for note in shown:
            length = min(note.duration, end - note.onset) - 0.2
            axes.barh(note.pitch, length, left=note.onset, height=0.8, color=COLOURS[note.part])
        axes.vlines(range(0, end + 1, tune.bar), 0, 1, transform=axes.get_xaxis_transform(),
                    color="0.8", linewidth=0.7, zorder=0)  # fmt: skip
        pitches = [note.pitch for note in shown] or [60]
        axes.set(xlim=(0, end), ylim=(min(pitches) - 2, max(pitches) + 2), xticks=[])
        meter = f"{tune.meter[0]}/{tune.meter[1]}"
        axes.set_title(f"{tune.name}: {meter}", fontsize=9, loc="left")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
