"""The JS Fake Chorales contain passages that stand only in held-out pieces of JSB Chorales, as
often as such of training pieces: why nothing here is trained on them (`docs/models.md`)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from ripieno_models.corpora import SHARED_DATA, jsb16
from ripieno_models.likeness import runs_of
from ripieno_models.piece import Piece, Split

FAKES = SHARED_DATA / "js-fakes" / "js_fakes_500.json.gz"
BACH = SHARED_DATA / jsb16.FILE
FINDINGS = Path(__file__).parents[2] / "models" / "results" / "families" / "findings.md"
PASSAGE = 12
"""Chords that are too many to agree by chance."""
SPLITS = (Split.TRAIN, Split.VALID, Split.TEST)
Runs = set[tuple[int, ...]]

needs_both = pytest.mark.skipif(
    not (FAKES.exists() and BACH.exists()),
    reason="the fake chorales and the benchmark's pieces do not lie beside this checkout",
)


def passages(pieces: Iterable[Piece]) -> Runs:
    """The passages of all `pieces`, in any key and any rhythm."""
    return {run for piece in pieces for run in runs_of(piece, PASSAGE)}


def own(pieces: list[Piece]) -> dict[Split, Runs]:
    """The passages of each split that no other split has."""
    every = {split: passages(p for p in pieces if p.split is split) for split in SPLITS}
    return {
        split: runs.difference(*(every[other] for other in SPLITS if other is not split))
        for split, runs in every.items()
    }


@needs_both
def test_the_fakes_hold_passages_of_held_out_pieces_as_often_as_of_training_pieces() -> None:
    told = json.loads(gzip.decompress(FAKES.read_bytes()))
    fakes = [jsb16.piece_of(frames, f"fake/{n}", Split.UNUSED) for n, frames in enumerate(told)]
    splits = own(jsb16.pieces(BACH))
    each = [passages([fake]) for fake in fakes]
    heard = set().union(*each)
    train, valid, test = (100 * len(splits[s] & heard) / len(splits[s]) for s in SPLITS)
    assert min(valid, test) >= train > 5
    held_out = splits[Split.VALID] | splits[Split.TEST]
    tainted = sum(not runs.isdisjoint(held_out) for runs in each)
    words = " ".join(FINDINGS.read_text(encoding="utf-8").split())
    assert f"{train:.1f} % of the passages of twelve chords" in words
    assert f"{valid:.1f} and {test:.1f} % of those" in words
    assert f"{tainted} of the {len(fakes)} hold" in words
