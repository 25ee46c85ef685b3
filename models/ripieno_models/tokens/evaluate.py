"""How likely held-out music is to a run, in nats per note, beside counts of what followed what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ripieno_models import waiting
from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES, write
from ripieno_models.tokens.dataset import PREFIX, Batch, Written, framed, whole
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.nats import nats_of
from ripieno_models.tokens.ngram import LONGEST, Ngram
from ripieno_models.tokens.runs import load, read_pieces
from ripieno_models.tokens.scheme import Scheme


def figures(
    kind: TokenKind, folder: Path, data: Path | None, test: bool = False
) -> dict[str, float]:
    """Measure the run in `folder` and keep the figures beside it. Raises RipienoError."""
    model, options, scheme = load(kind, folder)
    pieces, _ = read_pieces(kind, options, data, folder)
    told: dict[str, float] = {}
    for split in (Split.VALID, Split.TEST) if test else (Split.VALID,):
        of_split = [piece for piece in pieces if piece.split is split]
        told |= likelihoods(model, of_split, scheme, options, kind, split)
    floors = floor(pieces, scheme, Split.VALID)
    best = min(floors, key=floors.__getitem__)
    told |= {"floor_valid": floors[best], "floor_order": best}
    if test:
        told["floor_test"] = floor(pieces, scheme, Split.TEST)[best]
    write(folder, FIGURES, told)
    return told


def likelihoods(
    model: nn.Module,
    pieces: Sequence[Written],
    scheme: Scheme,
    options: TokenOptions,
    kind: TokenKind,
    split: Split,
) -> dict[str, float]:
    """Nats per note of `pieces`: as they are, with the key told, and in their other forms."""
    told: dict[str, float] = {}
    for form, name in enumerate(kind.form_names):
        for key in (False, True):
            batches = whole(
                pieces, scheme, options.crop, form=form, told=key, machine=name == "live"
            )
            words = [f"nll_{split}", *([name] if name else []), *(["told"] if key else [])]
            told["_".join(words)] = nats_per_note(model, batches)
    return told


@torch.inference_mode()
def nats_per_note(model: nn.Module, batches: Sequence[Batch]) -> float:
    """All nats of `batches` over the number of notes."""
    nats = sum(
        float(nats_of(model, batch)) for batch in waiting.each(batches, "Likelihood", "batch")
    )
    return nats / sum(batch.notes for batch in batches)


def floor(pieces: Sequence[Written], scheme: Scheme, split: Split) -> dict[int, float]:
    """Nats per note of n-grams over base tokens, nothing told, by how many tokens they look at."""
    lines = {
        each: [framed(p.forms[0], None, scheme) for p in pieces if p.split is each]
        for each in (Split.TRAIN, split)
    }
    counts = Ngram(LONGEST, len(scheme.names))
    counts.learn(lines[Split.TRAIN])
    asked = np.concatenate([np.arange(len(line)) >= PREFIX for line in lines[split]])
    notes = sum(scheme.ends_note[number] for line in lines[split] for number in line)
    nats = counts.nats(lines[split])[:, asked].sum(1) / notes
    return {order: float(value) for order, value in enumerate(nats, 1)}
