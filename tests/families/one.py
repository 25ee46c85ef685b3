"""One family of them all, from end to end, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ripieno_models.corpora import Corpus, find
from ripieno_models.piece import Split

from tests.families.block_rows import BLOCK_STREAMS, block_row
from tests.families.rows import GRID_STREAMS, Row, row_of
from tests.families.token_rows import TOKEN_STREAMS, token_row

FAMILIES = (*GRID_STREAMS, *TOKEN_STREAMS, *BLOCK_STREAMS)
TRAIN, VALID = 60, 12
STEPS = {"window-transformer": 160, "plain-lstm": 160, "attention-lstm": 160}
"""Optimiser steps of the grid families that take longer; others take 300."""


def row(name: str, place: Path) -> Row:
    """One family, in a process with one thread."""
    torch.set_num_threads(1)
    if name in TOKEN_STREAMS:
        return token_row(name, place)
    found = find(None)
    pieces = found.of(Split.TRAIN)[:TRAIN] + found.of(Split.VALID)[:VALID]
    corpus = Corpus(found.name, found.licence, tuple(pieces))
    if name in BLOCK_STREAMS:
        return block_row(name, corpus, place)
    return row_of(name, corpus, place, **options_of(name))


def options_of(name: str) -> dict[str, Any]:
    """Small enough for half a minute; ridge is solved at once."""
    if name == "ridge":
        return {}
    steps = STEPS.get(name, 300)
    small: dict[str, Any] = {"steps": steps, "steps_per_epoch": steps // 2, "batch": 8, "crop": 64}
    if name == "plain-lstm":
        small["hidden"] = 96
    return small
