"""The bundle that ships says what torch said when it was written, without torch's weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ripieno.grammar.grid import FEATURES, VOCABULARY
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model

ZOO = Path(__file__).parents[2] / "models" / "zoo"
SHIPPED = {"chorale-lstm": ("int8", "fp32"), "chorale-transformer": ("int8",)}
"""The chorale models, and in which precisions."""
TOLERANCES = {"fp32": 1e-4, "int8": 0.5}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_bundle_is_whole(name: str) -> None:
    manifest = check(ZOO / name)
    assert manifest.name == name
    assert {graph.precision for graph in manifest.graphs} == set(SHIPPED[name])
    told = dict(manifest.metrics)
    assert told["nll_valid_natural"] < 0.45
    assert abs(told["int8_loss_percent"]) <= 0.5
    assert told["largest_logit_difference"] <= 1e-4


@pytest.mark.parametrize(
    ("name", "precision"), [(name, each) for name in SHIPPED for each in SHIPPED[name]]
)
def test_the_bundle_replays_torchs_logits(name: str, precision: str) -> None:
    with np.load(ZOO / name / "reference.npz") as reference:
        features = reference["features"].astype(np.int64)
        logits = reference["logits"]
    assert features.shape == (64, len(FEATURES))
    assert logits.shape == (64, VOCABULARY)
    assert np.ptp(logits, axis=1).min() > 3  # real logits, not all alike
    model = open_model(check(ZOO / name), precision)
    replayed = np.stack([model.step(row).copy() for row in features.tolist()])
    assert np.abs(replayed - logits).max() <= TOLERANCES[precision]
