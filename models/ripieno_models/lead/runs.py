"""Trains a family of lead sheets in a folder, goes on with a run, and loads what came out."""

from __future__ import annotations

from pathlib import Path

import lightning as L
import torch
from torch import nn

from ripieno_models.families.lead_sheet import Options
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.learner import FIGURES, SheetLearner, Sheets
from ripieno_models.piece import Split
from ripieno_models.runs import (
    carry_out,
    checkpoint_of,
    put,
    ready,
    record,
    refuse_nothing,
    weighed,
)
from ripieno_models.train import BEST, Machines, trainer_for


def fit(
    kind: SheetKind,
    options: Options,
    data: Path | None,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    start: Path | None = None,
    machines: Machines | None = None,
) -> L.Trainer:
    """Train `kind` and leave its weights, curve.csv and run.json in `folder`. See
    `ripieno_models.runs.fit`. Raises RipienoError."""
    last = checkpoint_of(folder, resume, kind.name)
    sheets = kind.sheets(data)
    splits = [sheet.split for sheet in sheets]
    train, valid = splits.count(Split.TRAIN), splits.count(Split.VALID)
    refuse_nothing(train, valid, kind.data, what="lead sheets")
    ready(options, machines)
    learner = SheetLearner(kind.build(options), options)
    if start:
        learner.begin_with(load(kind, start)[0].state_dict())
    material = Sheets(sheets, options)
    trainer = trainer_for(options, folder, progress, FIGURES, machines=machines)
    told = record(kind, options, kind.data, kind.licence, splits, start, folder)
    return carry_out(trainer, learner, material, folder, told, last)


def load(kind: SheetKind, folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Options]:
    """The model of the run in `folder`, and its options. Raises RipienoError."""
    options = kind.options(**weighed(folder, checkpoint)["options"])
    torch.set_num_threads(options.threads)
    model = kind.build(options)
    put(folder / checkpoint, model)
    return model.eval(), options
