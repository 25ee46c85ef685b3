"""JSB Chorales on sixteenths, split as everybody splits them: the benchmark's pieces.

Pitches only: there are no bar lines, keys or fermatas, and a note struck again cannot be told from
one that is held. The split is that of Boulanger-Lewandowski, Bengio & Vincent (2012).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ripieno.errors import RipienoError
from ripieno.grammar.grid import HIGHEST, LOWEST, VOICES

from ripieno_models.piece import Piece, Split, tokens_from

FILE = Path("jsb16") / "jsb16.json"
BAR_STEPS = 16
SPLITS = {"train": Split.TRAIN, "valid": Split.VALID, "test": Split.TEST}
TWINS = {Split.VALID: (58, 74), Split.TEST: ()}
"""Pieces that are also, wholly or mostly, among the training pieces of this split."""


def pieces(path: Path) -> list[Piece]:
    """The pieces of the file at `path`. Raises RipienoError where it is missing or broken."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return [
            piece_of(frames, f"{name}/{number}", split)
            for name, split in SPLITS.items()
            for number, frames in enumerate(table[name])
        ]
    except FileNotFoundError as error:
        raise RipienoError(
            "there is no such file",
            where=str(path),
            nearest="The benchmark needs Jsb16thSeparated.json of the JSB-Chorales-dataset.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RipienoError(
            f"cannot be read ({type(error).__name__}: {error})",
            where=str(path),
            allowed="JSON with train, valid and test, each a list of lists of four MIDI numbers",
        ) from error


def piece_of(frames: Any, name: str, split: Split) -> Piece:
    """One piece [T, 4] of MIDI numbers, soprano to bass, below 0 for a rest. Raises ValueError."""
    pitch = np.array(frames, dtype=np.int64)
    if pitch.ndim != 2 or pitch.shape[1] != len(VOICES):
        raise ValueError(f"{name} is no list of four numbers each")
    if pitch.max() > HIGHEST or pitch[pitch >= 0].min(initial=LOWEST) < LOWEST:
        raise ValueError(f"{name} leaves {LOWEST}…{HIGHEST}")
    return Piece(
        name=name,
        tokens=tokens_from(pitch, np.zeros(pitch.shape, dtype=bool)),
        place=np.arange(len(pitch)) % BAR_STEPS,
        bar_steps=np.full(len(pitch), BAR_STEPS),
        fifths=None,
        fermata=np.zeros(len(pitch), dtype=bool),
        split=split,
    )


def without_twins(some: list[Piece], split: Split) -> list[Piece]:
    """The pieces of a split of which none is also trained on."""
    names = {f"{split.value}/{number}" for number in TWINS[split]}
    return [piece for piece in some if piece.name not in names]
