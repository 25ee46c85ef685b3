"""The family of tokens that stands beside the folk models: its size, and a run of it."""

from __future__ import annotations

from pathlib import Path

import torch
from ripieno_models.families import remi_transformer

from tests.families.token_rows import token_row
from tests.models.tunes import write_folk

VOCABULARY = 512


def test_it_is_as_large_as_it_says() -> None:
    with torch.device("meta"):
        large = remi_transformer.KIND.build(remi_transformer.Options(), VOCABULARY)
    assert 33e6 < sum(weight.numel() for weight in large.parameters()) < 35e6


def test_from_training_to_eight_bars(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_folk(data)
    small = {"steps": 100, "steps_per_epoch": 50, "warmup": 4, "batch": 4, "crop": 96, "bpe": 0}
    row = token_row(
        "remi-transformer",
        data,
        tmp_path,
        **{**small, "width": 32, "inner": 48, "bf16": False},
        learning_rate=0.01,
        average=0.5,
        dropout=0.05,
    )
    assert row.nll < 0.75 * row.untrained
    assert row.difference <= 1e-4
    assert row.replayed <= 1e-4
    assert row.notes >= 8
    assert not row.hanging
