"""The bundles of tokens that ship say what torch said when they were written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models.families.token_registry import TOKEN_FAMILIES

ZOO = Path(__file__).parents[2] / "models" / "zoo"
SHIPPED = ("folk-transformer", "song-transformer")
LARGEST_BUNDLE = 4 << 20
"""Bytes of one bundle's files together."""


@pytest.mark.parametrize("name", SHIPPED)
def test_the_bundle_is_whole(name: str) -> None:
    manifest = check(ZOO / name)
    assert (manifest.name, manifest.grammar) == (name, "tokens")
    told = dict(manifest.metrics)
    assert told["nll_valid"] < told["floor_valid"]
    assert told["nll_valid_told"] < told["nll_valid"]
    assert abs(told["int8_loss_percent"]) <= 0.5
    assert told["largest_logit_difference"] <= 1e-4
    named = {extra.name for extra in manifest.files}
    assert {"CARD.md", "samples.svg", "sample-1.mid", "sample-2.mid", "sample-3.mid"} <= named
    files = sum(path.stat().st_size for path in (ZOO / name).iterdir())
    assert files < LARGEST_BUNDLE
    assert {part.licence for part in manifest.training.data} == {
        TOKEN_FAMILIES[name].source.licence
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_the_bundle_replays_torchs_logits(name: str) -> None:
    with np.load(ZOO / name / "reference.npz") as reference:
        tokens, logits = reference["tokens"].tolist(), reference["logits"]
    assert len(tokens) == len(logits) == 64
    assert np.ptp(logits, axis=1).min() > 3  # real logits, not all alike
    model = open_model(check(ZOO / name), "auto")
    replayed = np.stack([model.step((token,)).copy() for token in tokens])
    assert np.abs(replayed - logits).max() <= 0.5
