"""The bundle of blocks that ships says what torch said, and its preset plays it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray
from ripieno.cli import main
from ripieno.inference.blocks.latent import between
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno.preset.preset import load_preset
from ripieno_models.blocks.evaluate import failures

BUNDLE = Path(__file__).parents[2] / "models" / "zoo" / "vae"
PRESET = "morph-two-phrases"
BARS = 8
LARGEST_BUNDLE = 2 << 20
"""Bytes of its files together."""
Latent = NDArray[np.float32]
Ints = NDArray[np.int64]


def opened() -> BlockModel:
    model = open_model(check(BUNDLE))
    assert isinstance(model, BlockModel)
    return model


def test_the_bundle_is_whole_and_shows_no_known_failure() -> None:
    manifest = check(BUNDLE)
    assert (manifest.name, manifest.grammar) == ("vae", "blocks")
    told = dict(manifest.metrics)
    assert told["reconstruction_test"] < 0.2 * told["floor_test"]
    assert told["bound_test"] < told["floor_test"], "with all that the latent costs"
    assert failures(told) == failures(told, "test") == []
    assert abs(told["int8_loss_percent"]) <= 0.5
    assert told["largest_logit_difference"] <= 1e-4
    named = {extra.name for extra in manifest.files}
    assert {"CARD.md", "samples.svg", "sample-1.mid", "sample-2.mid", "sample-3.mid"} <= named
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) < LARGEST_BUNDLE


def test_the_bundle_replays_what_torch_said() -> None:
    model = opened()
    with np.load(BUNDLE / "reference.npz") as file:
        tokens, made_of, logits = (file[name] for name in ("tokens", "made_of", "logits"))
    assert np.abs(model.encode(tokens) - made_of).max() <= 0.25
    told = model.decode(made_of, still(model))
    assert np.ptp(logits, axis=-1).min() > 3  # real logits, not all alike
    assert np.abs(told - logits).max() <= 1.0
    assert (told.argmax(-1) == logits.argmax(-1)).mean() > 0.99


def test_a_morph_leads_from_one_phrase_to_the_other() -> None:
    """The block of the reference, and the same a fourth higher and in the opposite order."""
    model = opened()
    with np.load(BUNDLE / "reference.npz") as file:
        one = file["tokens"]
    other = np.where((one >= 2) & (one < 43), one + 5, one)
    ends = [np.asarray(model.encode(tokens), np.float32) for tokens in (one, other)]
    likely = [
        [surprise(model, between(ends[0], ends[1], share), tokens) for tokens in (one, other)]
        for share in (0.0, 0.25, 0.75, 1.0)
    ]
    nearer = [at_one < at_other for at_one, at_other in likely]
    assert nearer == [True, True, False, False]


def surprise(model: BlockModel, point: Latent, tokens: Ints) -> float:
    """Nats per decision of `tokens` [T, 4] in the block at a point."""
    told = model.decode(point, still(model)).astype(np.float64)
    told -= np.log(np.exp(told).sum(-1, keepdims=True))
    return -float(np.take_along_axis(told, tokens[..., None], -1).mean())


def still(model: BlockModel) -> Latent:
    return np.zeros(model.spec.directions, np.float32)


def test_its_preset_answers_and_lets_go(tmp_path: Path) -> None:
    """Four bars of somebody's, and four of its own, in virtual time."""
    assert load_preset(PRESET).model == "vae"
    out = tmp_path / "answered.mid"
    assert main(["render", "--preset", PRESET, "--bars", str(BARS), "--out", str(out)]) == 0
    down: Counter[tuple[int, int]] = Counter()
    struck: Counter[int] = Counter()
    for message in mido.MidiFile(out):
        if message.type == "note_on" and message.velocity:
            down[message.channel, message.note] += 1
            struck[message.channel] += 1
        elif message.type in ("note_on", "note_off"):
            down[message.channel, message.note] -= 1
    assert not +down, "nothing hangs"
    assert all(struck[voice] >= BARS // 2 for voice in range(4)), struck
