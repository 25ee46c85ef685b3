"""The Bach chorales as prepared JSON lines: onsets, fermatas, metre, and split marks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ripieno.errors import RipienoError

from ripieno_models.piece import Piece, Split, places, tokens_from

FILE = Path("m21-chorales") / "m21_chorales.jsonl.gz"
NAME = "Bach chorales of music21's corpus, prepared as JSON lines"
LICENCE = "public-domain works, encodings distributed with music21 by permission of their encoders"
UNRELIABLE = frozenset({"bwv171.6"})
"""Pieces on whose reading two independent parsers disagree."""


def pieces(path: Path) -> Iterator[Piece]:
    """The pieces of the prepared file at `path` (gzipped JSON, one piece a line).

    Raises RipienoError with the line where the file is broken.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                piece = piece_of(json.loads(line))
                if piece.name not in UNRELIABLE:
                    yield piece
    except FileNotFoundError as error:
        raise RipienoError("there is no such file", where=str(path)) from error
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise RipienoError(
            f"line {number} is broken ({type(error).__name__}: {error})",
            where=str(path),
            allowed="one JSON object a line with id, pitch, onset, pos16, bar16, fifths, fermata",
        ) from error


def piece_of(record: Mapping[str, Any]) -> Piece:
    """One record as a piece. Raises KeyError or ValueError where something is missing."""
    return Piece(
        name=record["id"],
        tokens=tokens_from(np.array(record["pitch"]), np.array(record["onset"], dtype=bool)),
        place=places(measures_of(record["pos16"], record["bar16"])),
        bar_steps=np.array(record["bar16"]),
        fifths=int(record["fifths"]),
        fermata=np.array(record["fermata"], dtype=bool),
        split=split_of(record["jsb_split"], record["safe_valid_test"]),
    )


def measures_of(place: Sequence[int], bar_steps: Sequence[int]) -> list[tuple[int, int]]:
    """The measures (steps, bar's length) that `place` counts; it begins anew in each one."""
    begins = [0, *(t for t in range(1, len(place)) if place[t] != place[t - 1] + 1)]
    ends = [*begins[1:], len(place)]
    return [(end - begin, bar_steps[begin]) for begin, end in zip(begins, ends, strict=True)]


def split_of(jsb_split: str, safe: bool) -> Split:
    """The split of a piece: JSB's validation and test pieces, and what is not near either."""
    if safe:
        return Split.TRAIN
    return Split(jsb_split) if jsb_split in ("valid", "test") else Split.UNUSED
