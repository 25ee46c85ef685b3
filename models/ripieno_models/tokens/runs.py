"""Trains a family of tokens in a folder, goes on with a run, and loads what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import Callback
from torch import nn

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES as FIGURES_FILE
from ripieno_models.runs import (
    carry_out,
    checkpoint_of,
    clear,
    put,
    ready,
    record,
    refuse_nothing,
    weighed,
)
from ripieno_models.tokens.adopt import adopted
from ripieno_models.tokens.dataset import Written, written
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.learner import FIGURES, TokenLearner, WrittenPieces
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.train import BEST, Machines, trainer_for

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
    machines: Machines | None = None,
    more: Sequence[Callback] = (),
) -> L.Trainer:
    """Train `kind` and leave its weights, vocabulary, curve.csv and run.json in `folder`.

    Begins with the weights of the run in the folder `start`, if any, and with its vocabulary if
    that is of the same kind. With `resume`, goes on from last.ckpt. Raises RipienoError where there
    is nothing to learn from or nothing to go on from.
    """
    last = checkpoint_of(folder, resume, kind.name)
    before = load(kind, start) if start else None
    kept = folder if resume else start if before and alike(kind, options, before[1:]) else None
    ready(options, machines)
    pieces, scheme = read_pieces(kind, options, data, kept)
    learner = TokenLearner(kind.build(options, len(scheme)), options)
    if before:
        learner.begin_with(adopted(before[0].state_dict(), before[2], scheme))
    material = WrittenPieces(pieces, scheme, options)
    if not resume:
        begin(folder, scheme)
    trainer = trainer_for(options, folder, progress, FIGURES, machines=machines, more=more)
    source, splits = kind.source, [piece.split for piece in pieces]
    told = record(kind, options, source.name, source.licence, splits, start, folder)
    told["vocabulary"] = len(scheme)
    return carry_out(trainer, learner, material, folder, told, last)


@rank_zero_only
def begin(folder: Path, scheme: Scheme) -> None:
    """Make room for a new run in `folder`, and keep its vocabulary there."""
    clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    scheme.write(folder / VOCABULARY)


def alike(kind: TokenKind, options: TokenOptions, before: tuple[Any, Scheme]) -> bool:
    """Whether a run of `before`'s options and vocabulary has the one that is asked for."""
    numbered = kind.numbered or options.numbered
    return bool(before[0].bpe == options.bpe and before[1].numbered == numbered)


def read_pieces(
    kind: TokenKind, options: TokenOptions, data: Path | None, folder: Path | None = None
) -> tuple[list[Written], Scheme]:
    """The pieces as base ids, and the vocabulary: of the run in `folder`, or learned anew.

    Raises RipienoError where there is nothing to train on or nothing to validate on.
    """
    tunes = kind.tunes(data)
    if folder:
        scheme = kind.written.read(folder / VOCABULARY)
    else:
        scheme = replace(kind, numbered=kind.numbered or options.numbered).scheme()
    pieces = [written(tune, kind.forms(tune), scheme) for tune in tunes]
    train = [piece for piece in pieces if piece.split is Split.TRAIN]
    valid = sum(piece.split is Split.VALID for piece in pieces)
    refuse_nothing(len(train), valid, kind.source.name)
    if options.bpe and not folder:
        scheme.train([line for piece in train for line in piece.forms], options.bpe)
    return pieces, scheme


def load(kind: TokenKind, folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Any, Scheme]:
    """The model of the run in `folder`, its options and its vocabulary. Raises RipienoError."""
    told = weighed(folder, checkpoint)
    options = kind.options(**told["options"])
    scheme = kind.written.read(folder / VOCABULARY)
    torch.set_num_threads(options.threads)
    model = kind.build(options, len(scheme))
    put(folder / checkpoint, model)
    return model.eval(), options, scheme
