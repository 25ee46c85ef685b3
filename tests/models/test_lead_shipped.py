"""The lead-sheet bundle that ships says what torch said, and its preset plays it."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
from ripieno.cli import main
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models.corpora import openewld

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models" / "zoo" / "lead-sheet"
LARGEST_BUNDLE = 2 << 20
"""Bytes of its files together."""


def test_the_bundle_is_whole_and_better_than_its_floors() -> None:
    manifest = check(BUNDLE)
    assert (manifest.name, manifest.grammar, manifest.given) == ("lead-sheet", "lead-sheet", "any")
    told = dict(manifest.metrics)
    assert told["nll_melody_valid"] < told["floor_melody_valid"]
    assert told["nll_chord_valid"] < told["floor_chord_valid"]
    assert abs(told["int8_loss_percent"]) <= 0.5
    assert told["largest_logit_difference"] <= 1e-4
    named = {extra.name for extra in manifest.files}
    assert {"CARD.md", "samples.svg", "sample-1.mid", "sample-2.mid", "sample-3.mid"} <= named
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) < LARGEST_BUNDLE
    assert {part.licence for part in manifest.training.data} == {openewld.LICENCE}


def test_the_bundle_replays_torchs_logits() -> None:
    with np.load(BUNDLE / "reference.npz") as reference:
        seen, logits = reference["features"].astype(int).tolist(), reference["logits"]
    assert len(seen) == len(logits) == 64
    assert np.ptp(logits, axis=1).min() > 3  # real logits, not all alike
    model = open_model(check(BUNDLE), "auto")
    replayed = np.stack([model.step(row).copy() for row in seen])
    assert np.abs(replayed - logits).max() <= 0.5


def test_its_preset_puts_chords_under_the_tune(tmp_path: Path) -> None:
    out = tmp_path / "sung.mid"
    assert main(["render", "--preset", "lead-sheet", "--bars", "8", "--out", str(out)]) == 0
    struck: dict[int, int] = {}
    for track in mido.MidiFile(out).tracks:
        for message in track:
            if message.type == "note_on" and message.velocity:
                struck[message.channel] = struck.get(message.channel, 0) + 1
    assert len(struck) == 4, "the tune, and three voices under it"
    assert all(count >= 3 for count in struck.values()), struck
