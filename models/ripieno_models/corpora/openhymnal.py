"""Hymns in four voices from the Open Hymnal Project: to learn from before the chorales.

They are in the public domain and plainer than Bach: few notes between the chords, more parallel
octaves. No figure is measured on them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ripieno.errors import RipienoError
from ripieno.grammar.grid import HIGHEST, LOWEST, STEPS_PER_BEAT

from ripieno_models.piece import Piece, Split, places, tokens_from

FILE = Path("openhymnal") / "openhymnal_satb.jsonl.gz"
NAME = "Open Hymnal, its hymns in four voices"
LICENCE = "public domain"


def pieces(path: Path) -> Iterator[Piece]:
    """The hymns of the file at `path` (gzipped JSON, one a line) that stay in the grid's pitches.

    Raises RipienoError with the line where the file is broken.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                record = json.loads(line)
                pitch = np.array(record["pitch"])
                if pitch.max() <= HIGHEST and pitch[pitch >= 0].min() >= LOWEST:
                    yield piece_of(record)
    except FileNotFoundError as error:
        raise RipienoError("there is no such file", where=str(path)) from error
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise RipienoError(
            f"line {number} is broken ({type(error).__name__}: {error})",
            where=str(path),
            allowed="one JSON object a line with id, pitch, onset, bars, ts, fifths, fermata",
        ) from error


def piece_of(record: Mapping[str, Any]) -> Piece:
    """One record as a piece. Raises KeyError or ValueError where something is missing."""
    steps = len(record["pitch"])
    measures = measures_of(record["bars"], record["ts"], steps)
    return Piece(
        name=record["id"],
        tokens=tokens_from(np.array(record["pitch"]), np.array(record["onset"], dtype=bool)),
        place=places(measures),
        bar_steps=np.concatenate([np.full(count, length) for count, length in measures]),
        fifths=int(record["fifths"]),
        fermata=np.array(record["fermata"], dtype=bool),
        split=Split.TRAIN,
    )


def measures_of(
    bars: Sequence[int], meters: Sequence[Sequence[int]], steps: int
) -> list[tuple[int, int]]:
    """The measures (steps, bar's length) between the bar lines `bars`; `meters` are (first step,
    numerator, denominator)."""
    edges = sorted({0, *(bar for bar in bars if 0 < bar < steps), steps})
    measures = []
    for begin, end in pairwise(edges):
        _, numerator, denominator = [meter for meter in meters if meter[0] <= begin][-1]
        measures.append((end - begin, numerator * 4 * STEPS_PER_BEAT // denominator))
    return measures
