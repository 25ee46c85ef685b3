"""Writes a run of lead sheets as a bundle, and refuses unless the graph says what torch says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.grammar.lead_sheet import (
    CHORD_TOKENS,
    FEATURES,
    HIGHEST,
    LOWEST,
    MELODY_TOKENS,
    NAMES,
    VOCABULARY,
)
from ripieno.inference.lead.manifest import LEAD_SHEET
from ripieno.settings import FULL_RANGES
from tomlkit.items import Table
from torch import nn

from ripieno_models.bundle_files import About, Checked, decorate, put, table
from ripieno_models.export import FP32, INT8, REFERENCE, REFERENCE_STEPS, layout, write_graphs
from ripieno_models.families.lead_sheet import legal
from ripieno_models.gates import STEPS_REPLAYED, refuse_difference, refuse_loss
from ripieno_models.lead import card
from ripieno_models.lead.dataset import Batch, whole
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.learner import CURVES
from ripieno_models.lead.runs import load
from ripieno_models.onnx_step import Floats, OnnxStep
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, SAMPLES, figures_of, read


def bundle(kind: SheetKind, folder: Path, data: Path | None, zoo: Path) -> Path:
    """Write the run in `folder` to `zoo`/NAME. Raises RipienoError where a check fails.

    Everything is checked before anything in the zoo is touched.
    """
    model, options = load(kind, folder)
    told = figures_of(folder)
    valid = whole(kind.sheets(data, Split.VALID))
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        write_graphs(model, options, made / FP32, made / INT8, len(FEATURES))
        checked = gate(model, made / FP32, made / INT8, valid)
        (made / FP32).unlink()
        write_reference(model, valid[0], made / REFERENCE)
        metrics = {**told, "largest_logit_difference": checked.difference}
        metrics["int8_loss_percent"] = 100 * checked.loss
        words = card.text(kind, read(folder, RECORD), metrics, read(folder, SAMPLES))
        decorate(folder, made, CURVES, words)
        laid_out = layout(options, len(FEATURES), VOCABULARY, (("step", "int8", INT8),))
        return put(folder, about(kind), laid_out, metrics, made, zoo)


def gate(model: nn.Module, fp32: Path, int8: Path, valid: Sequence[Batch]) -> Checked:
    """Hold the graphs against torch on real sheets. Raises BundleError."""
    first = valid[0].features[0, :STEPS_REPLAYED]
    with torch.inference_mode():
        right = [model(batch.features)[0][0].numpy() for batch in valid]
    told = OnnxStep(fp32).replay(first.numpy())
    difference = float(np.abs(told - right[0][: len(first)]).max())
    refuse_difference(difference, len(first), fp32.name)
    graph = OnnxStep(int8)
    eight = [graph.replay(batch.features[0].numpy()) for batch in valid]
    checked = Checked(difference, nats(right, valid), nats(eight, valid))
    refuse_loss(checked, int8.name)
    return checked


def nats(logits: Sequence[Floats], batches: Sequence[Batch]) -> float:
    """Nats per decision of `logits` [N, VOCABULARY] for each of `batches`, one sheet each."""
    total = 0.0
    for each, batch in zip(logits, batches, strict=True):
        likely = legal(torch.from_numpy(each), batch.features[0]).log_softmax(-1)
        total -= float(likely.gather(1, batch.targets[0][:, None]).sum())
    return total / sum(len(each) for each in logits)


def write_reference(model: nn.Module, batch: Batch, path: Path) -> None:
    """Write torch's logits for the first decisions of a sheet, to check the bundle without it."""
    seen = batch.features[:, :REFERENCE_STEPS]
    with torch.inference_mode():
        logits = model(seen)[0][0].numpy()
    np.savez_compressed(path, features=seen[0].numpy().astype(np.uint8), logits=logits)


def about(kind: SheetKind) -> About:
    """What the manifest tells of the model beside its graphs."""
    pairs = zip(VOICES, ((LOWEST, HIGHEST), *FULL_RANGES[1:]), strict=True)
    voices = [{"name": name, "low": low, "high": high} for name, (low, high) in pairs]
    unit = "nll: nats per sixteenth, each told in CARD.md"
    return About(kind.name, kind.title, LEAD_SHEET, grammar(), voices, unit)


def grammar() -> Table:
    """The manifest's table of the grammar."""
    return table(
        {
            "steps_per_beat": STEPS_PER_BEAT,
            "melody_tokens": MELODY_TOKENS,
            "chord_tokens": CHORD_TOKENS,
            "features": [feature.name for feature in FEATURES],
            "kinds": list(NAMES),
        },
        steps_per_beat="a step is a sixteenth",
        melody_tokens="hold, rest, and the pitches",
        chord_tokens="stay, none, and the symbols: twelve roots, each with all kinds",
    )
