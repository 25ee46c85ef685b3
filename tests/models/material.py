"""Real pieces for the trainer's tests: music21's own, and the prepared ones where they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from ripieno_models.corpora import Corpus, music21_chorales, prepared
from ripieno_models.families.chorale_lstm import Options
from ripieno_models.piece import Piece, Split

PREPARED = Path(__file__).parents[3] / "shared" / "data" / prepared.FILE
needs_prepared = pytest.mark.skipif(
    not PREPARED.exists(), reason="the prepared chorales do not lie beside this checkout"
)


@cache
def few(split: Split, count: int) -> tuple[Piece, ...]:
    """The first `count` chorales of a split, from music21's own corpus."""
    names = [name for name, its in music21_chorales.splits().items() if its is split]
    return tuple(music21_chorales.pieces(names[:count]))


@cache
def small_corpus() -> Corpus:
    """Six chorales to train on and two to validate on."""
    return Corpus("a few chorales", "public domain", few(Split.TRAIN, 6) + few(Split.VALID, 2))


@cache
def all_prepared() -> tuple[Piece, ...]:
    return tuple(prepared.pieces(PREPARED))


def small(**other: int | float | bool) -> Options:
    """Options of a run that takes seconds."""
    told: dict[str, int | float | bool] = {
        "hidden": 24,
        "embedding": 4,
        "batch": 4,
        "crop": 32,
        "steps": 24,
        "steps_per_epoch": 8,
        "warmup": 4,
        "learning_rate": 0.01,
        "average": 0.5,
        "bf16": False,
        "dropout": 0.2,
        "feature_dropout": 0.1,
    }
    return Options(**{**told, **other})  # type: ignore[arg-type]
