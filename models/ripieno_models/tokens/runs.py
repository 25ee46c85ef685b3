"""Trains a family of tokens in a folder, goes on with a run, and loads what came out."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from ripieno.errors import RipienoError
from torch import nn

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.options import as_flags
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES as FIGURES_FILE
from ripieno_models.runs import RECORD, go, lineage, minutes_of, read, write
from ripieno_models.tokens.dataset import Written, written
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.learner import FIGURES, TokenLearner, WrittenPieces
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.train import BEST, CURVE, LAST, trainer_for

__all__ = ["FIGURES_FILE", "VOCABULARY", "fit", "load", "read_pieces"]

VOCABULARY = "vocabulary.miditok.json"
"""In a run's folder: the vocabulary, in MidiTok's own form."""


def fit(
    kind: TokenKind,
    options: TokenOptions,
    data: Path | None,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    start: Path | None = None,
) -> L.Trainer:
    """Train `kind` and leave its weights, vocabulary, curve.csv and run.json in `folder`.

    Begins with the weights and the vocabulary of the run in the folder `start`, if any. With
    `resume`, goes on from last.ckpt. Raises RipienoError where there is nothing to learn from
    or nothing to go on from.
    """
    last = folder / LAST
    if resume and not last.exists():
        raise RipienoError("there is no run to go on with", where=str(last))
    pieces, scheme = read_pieces(kind, options, data, folder if resume else start)
    torch.set_num_threads(options.threads)
    L.seed_everything(options.seed, verbose=False)
    learner = TokenLearner(kind.build(options, len(scheme)), options)
    if start:
        learner.model.load_state_dict(load(kind, start)[0].state_dict())
        learner.train()
    material = WrittenPieces(pieces, scheme, options)
    told = record(kind, options, pieces, folder, start)
    told["parameters"] = sum(weight.numel() for weight in learner.parameters())
    told["vocabulary"] = len(scheme)
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CURVE, BEST, LAST):
            (folder / name).unlink(missing_ok=True)
        scheme.write(folder / VOCABULARY)
    write(folder, RECORD, told)
    trainer = trainer_for(options, folder, progress, FIGURES)
    go(trainer, learner, material, last if resume else None)
    write(folder, RECORD, told | {"minutes": round(minutes_of(trainer), 1)})
    return trainer


def read_pieces(
    kind: TokenKind, options: TokenOptions, data: Path | None, folder: Path | None = None
) -> tuple[list[Written], Scheme]:
    """The pieces as base ids, and the vocabulary: of the run in `folder`, or learned anew.

    Raises RipienoError where there is nothing to train on or nothing to validate on.
    """
    tunes = kind.tunes(data)
    scheme = Scheme.read(folder / VOCABULARY) if folder else kind.scheme()
    pieces = [written(tune, kind.forms(tune), scheme) for tune in tunes]
    train = [piece for piece in pieces if piece.split is Split.TRAIN]
    valid = sum(piece.split is Split.VALID for piece in pieces)
    if not train or not valid:
        raise RipienoError(
            f"{len(train)} pieces to train on and {valid} to validate on",
            where=kind.source.name,
            allowed="at least one of each",
        )
    if options.bpe and not folder:
        scheme.train([line for piece in train for line in piece.forms], options.bpe)
    return pieces, scheme


def record(
    kind: TokenKind,
    options: TokenOptions,
    pieces: list[Written],
    folder: Path,
    start: Path | None,
) -> dict[str, Any]:
    """What is needed to repeat a run."""
    words = [] if folder == Path("runs") / kind.name else [f"--out {folder}"]
    words += [f"--start {start}"] if start else []
    words += [flags] if (flags := as_flags(options)) else []
    return {
        "family": kind.name,
        "options": asdict(options),
        "command": " ".join(["ripieno-models", "train", kind.name, *words]),
        "after": lineage(start),
        "minutes": 0.0,
        "machine": f"{options.threads} of {os.cpu_count()} shared {platform.machine()} cores",
        "data": kind.source.name,
        "licence": kind.source.licence,
        "pieces": {split: sum(p.split is split for p in pieces) for split in Split},
    }


def load(kind: TokenKind, folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Any, Scheme]:
    """The model of the run in `folder`, its options and its vocabulary. Raises RipienoError."""
    told = read(folder, RECORD)
    if not told or not (folder / checkpoint).exists():
        raise RipienoError(
            "there are no weights here yet", where=str(folder), allowed="a folder that `train` made"
        )
    options = kind.options(**told["options"])
    scheme = Scheme.read(folder / VOCABULARY)
    weights = torch.load(folder / checkpoint, map_location="cpu", weights_only=True)
    torch.set_num_threads(options.threads)
    model = kind.build(options, len(scheme))
    prefix = "model."
    own = {n: w for n, w in weights["state_dict"].items() if n.startswith(prefix)}
    model.load_state_dict({name.removeprefix(prefix): weight for name, weight in own.items()})
    return model.eval(), options, scheme
