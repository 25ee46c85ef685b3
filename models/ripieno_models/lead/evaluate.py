"""How likely held-out lead sheets are to a run, beside counts of what followed what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ripieno.grammar.lead_sheet import MELODY_TOKENS, VOCABULARY
from ripieno.settings import Sampling
from torch import nn
from torch.nn import functional

from ripieno_models.families.lead_sheet import legal
from ripieno_models.lead.accompany import accompanied, agreement
from ripieno_models.lead.dataset import Batch, whole
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.runs import load
from ripieno_models.lead.sheet import Sheet, tokens
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES, write
from ripieno_models.tokens.ngram import LONGEST, Ngram

GREEDY = Sampling(temperature=0.1, top_k=1)
"""The likeliest that may come, always."""


def figures(
    kind: SheetKind, folder: Path, data: Path | None, test: bool = False
) -> dict[str, float]:
    """Measure the run in `folder` and keep the figures beside it. Raises RipienoError."""
    model, _ = load(kind, folder)
    sheets = kind.sheets(data)
    train = [sheet for sheet in sheets if sheet.split is Split.TRAIN]
    told: dict[str, float] = {}
    for split in (Split.VALID, Split.TEST) if test else (Split.VALID,):
        asked = [sheet for sheet in sheets if sheet.split is split]
        for name, keys in (("", True), ("_untold", False)):
            found = likelihood(model, whole(asked, told=keys))
            told |= {f"{figure}_{split}{name}": value for figure, value in found.items()}
        told |= {f"{name}_{split}": value for name, value in floors(train, asked).items()}
        same = agreement([accompanied(model, sheet, GREEDY) for sheet in asked], asked)
        told |= {
            f"same_root_{split}": same.root,
            f"same_third_{split}": same.family,
            f"same_chord_{split}": same.chord,
        }
    write(folder, FIGURES, told)
    return told


@torch.inference_mode()
def likelihood(model: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Nats of the melody and of the chords per sixteenth, of both together, and per note and per
    change of the chord."""
    melody = chords = 0.0
    for batch in batches:
        logits = legal(model(batch.features)[0], batch.features)
        each = functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), reduction="none"
        ).view_as(batch.targets)
        melody += float(each[~batch.chords].sum())
        chords += float(each[batch.chords].sum())
    steps = sum(int((batch.targets >= 0).sum()) // 2 for batch in batches)
    return {
        "nll": (melody + chords) / steps,
        "nll_melody": melody / steps,
        "nll_chord": chords / steps,
        "nll_melody_per_note": melody / sum(batch.notes for batch in batches),
        "nll_chord_per_change": chords / sum(batch.changes for batch in batches),
    }


def floors(train: Sequence[Sheet], asked: Sequence[Sheet]) -> dict[str, float]:
    """Nats per sixteenth of interpolated n-grams over the decisions, melody and chord in turn, each
    by the order that is best for it; of the chords also per change."""
    counts = Ngram(LONGEST, VOCABULARY)
    counts.learn([interleaved(sheet) for sheet in train])
    lines = [interleaved(sheet) for sheet in asked]
    told = np.concatenate([np.array(line) for line in lines])
    nats, chord = counts.nats(lines), told >= MELODY_TOKENS
    changes = int((told > MELODY_TOKENS).sum())
    best = nats[:, chord].sum(1).min()
    return {
        "floor_melody": float(nats[:, ~chord].mean(1).min()),
        "floor_chord": float(best / chord.sum()),
        "floor_chord_per_change": float(best / changes),
    }


def interleaved(sheet: Sheet) -> list[int]:
    """The decisions of a sheet as one line of tokens."""
    pairs = zip(*tokens(sheet), strict=True)
    return [token for melody, chord in pairs for token in (melody, chord + MELODY_TOKENS)]
