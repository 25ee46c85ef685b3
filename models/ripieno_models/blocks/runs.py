"""Trains a family of blocks in a folder, goes on with a run, and loads what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError

from ripieno_models.blocks.adversarial import GanLearner
from ripieno_models.blocks.learner import FIGURES, BlockLearner, BlockPieces
from ripieno_models.corpora import Corpus
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.blocks import BlockKind, BlockOptions, Blocks
from ripieno_models.families.gan import Gan
from ripieno_models.runs import (
    RECORD,
    carry_out,
    checkpoint_of,
    grid_record,
    put,
    read,
    ready,
    refuse_nothing,
)
from ripieno_models.train import BEST, Machines, trainer_for


def fit(
    kind: BlockKind,
    options: BlockOptions,
    corpus: Corpus,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    start: Path | None = None,
    machines: Machines | None = None,
    more: Sequence[Callback] = (),
) -> L.Trainer:
    """Train `kind` on `corpus` and leave its weights, curve.csv and run.json in `folder`. See
    `ripieno_models.runs.fit`. Raises RipienoError."""
    last = checkpoint_of(folder, resume, kind.name)
    ready(options, machines)
    learner = learner_of(kind.build(options), options)
    if start:
        learner.begin_with(load(start)[0].state_dict())
    material = material_of(kind, corpus, options)
    trainer = trainer_for(options, folder, progress, FIGURES, machines=machines, more=more)
    if not learner.automatic_optimization:  # it holds its gradients itself
        trainer.gradient_clip_val = None
    told = grid_record(kind, options, corpus, (), start)
    return carry_out(trainer, learner, material, folder, told, last)


def learner_of(model: Blocks, options: BlockOptions) -> BlockLearner:
    """What trains `model`."""
    return GanLearner(model, options) if isinstance(model, Gan) else BlockLearner(model, options)


def material_of(kind: BlockKind, corpus: Corpus, options: BlockOptions) -> BlockPieces:
    """The blocks of `corpus`. Raises RipienoError where there is nothing to learn from."""
    pieces = [piece for piece in corpus.pieces if len(piece) >= options.crop // 2]
    data = BlockPieces(kind, pieces, options)
    longer = f", with {options.crop // 2} sixteenths or more"
    refuse_nothing(len(data.train), len(data.valid), corpus.name, also=longer)
    return data


def refuse_other(kind: BlockKind, folder: Path) -> None:
    """Raises RipienoError where the run in `folder` is one of another family."""
    told = read(folder, RECORD)
    if told and told.get("family") != kind.name:
        raise RipienoError(
            f"this is a run of {told.get('family')!r}, and {kind.name} was asked for",
            where=str(folder),
            nearest=f"Ask for {told.get('family')}, or name another folder with --out.",
        )


def load(folder: Path, checkpoint: str = BEST) -> tuple[Blocks, BlockOptions, BlockKind]:
    """The model of the run in `folder`, ready to be asked. Raises RipienoError if there is none."""
    told = read(folder, RECORD)
    if not told or not (folder / checkpoint).exists() or told["family"] not in BLOCK_FAMILIES:
        raise RipienoError(
            "there are no weights of a family of blocks here yet",
            where=str(folder),
            allowed="a folder that `train` made",
        )
    kind = BLOCK_FAMILIES[told["family"]]
    options = kind.options(**told["options"])
    torch.set_num_threads(options.threads)
    model = kind.build(options)
    put(folder / checkpoint, model)
    model.eval()
    return model, options, kind
