"""The families of tokens that stand beside the folk models: their sizes, and a run of one."""

from __future__ import annotations

from pathlib import Path

import torch
from ripieno_models.families import remi_lstm, remi_transformer

from tests.families.token_rows import token_row
from tests.models.tunes import write_folk

VOCABULARY = 512


def test_they_are_as_large_as_they_say() -> None:
    with torch.device("meta"):
        large = remi_transformer.KIND.build(remi_transformer.Options(), VOCABULARY)
        wide = remi_lstm.KIND.build(remi_lstm.Options(), VOCABULARY)
    assert 33e6 < sum(weight.numel() for weight in large.parameters()) < 35e6
    assert 5e6 < sum(weight.numel() for weight in wide.parameters()) < 7e6


def test_from_training_to_eight_bars(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_folk(data)
    small = {"steps": 80, "steps_per_epoch": 20, "warmup": 4, "batch": 4, "crop": 96}
    row = token_row("remi-transformer", data, tmp_path, **small, learning_rate=0.01, average=0.5)
    assert row.nll < 0.75 * row.untrained
    assert row.difference <= 1e-4
    assert row.replayed <= 1e-4
    assert row.notes >= 8
    assert not row.hanging
