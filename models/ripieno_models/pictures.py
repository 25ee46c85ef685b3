"""Pieces as piano rolls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ripieno.grammar.grid import VOICES

from ripieno_models.piece import Piece

ROLLS = "samples.svg"
BARS_SHOWN = 8
COLOURS = ("#c0392b", "#d68910", "#1e8449", "#1f618d")
"""Of soprano, alto, tenor and bass."""


def piano_rolls(pieces: Sequence[Piece], path: Path) -> None:
    """Draw the first bars of each piece, one above the other, voices in colours, bar lines grey and
    fermatas as dots."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "ripieno"
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(
        len(pieces), figsize=(9, 2.2 * len(pieces)), layout="constrained", squeeze=False
    )
    for axes, piece in zip(rows[:, 0], pieces, strict=True):
        bars = np.flatnonzero(piece.place == 0)
        end = int(bars[BARS_SHOWN]) if len(bars) > BARS_SHOWN else len(piece)
        for note in piece.notes():
            if note.onset < end:
                length = min(note.steps, end - note.onset) - 0.15
                colour = COLOURS[note.voice]
                axes.barh(note.pitch, length, left=note.onset, height=0.8, color=colour)
        axes.vlines(bars[bars <= end], 0, 1, transform=axes.get_xaxis_transform(),
                    color="0.8", linewidth=0.7, zorder=0)  # fmt: skip
        resting = np.flatnonzero(np.diff(piece.fermata.astype(int), prepend=0) > 0)
        resting = resting[resting < end]
        axes.plot(resting, np.full(len(resting), 83), ".", color="0.3", markersize=4)
        axes.set(xlim=(0, end), ylim=(35, 85), xticks=[], yticks=[36, 48, 60, 72, 84])
        axes.set_title(piece.name, fontsize=9, loc="left")
    handles = [mpl.patches.Patch(color=colour) for colour in COLOURS]
    figure.legend(handles, VOICES, loc="outside lower center", ncols=len(VOICES), fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
