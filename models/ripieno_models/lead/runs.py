"""Trains a family of lead sheets in a folder, goes on with a run, and loads what came out."""

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

from ripieno_models.families.lead_sheet import Options
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.learner import FIGURES, SheetLearner, Sheets
from ripieno_models.lead.sheet import Sheet
from ripieno_models.options import as_flags
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, go, lineage, minutes_of, read, write
from ripieno_models.train import BEST, CURVE, LAST, trainer_for


def fit(
    kind: SheetKind,
    options: Options,
    data: Path | None,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    start: Path | None = None,
) -> L.Trainer:
    """Train `kind` and leave its weights, curve.csv and run.json in `folder`.

    Begins with the weights of the run in the folder `start`, if any. With `resume`, goes on from
    last.ckpt. Raises RipienoError where there is nothing to learn from or nothing to go on from.
    """
    last = folder / LAST
    if resume and not last.exists():
        raise RipienoError("there is no run to go on with", where=str(last))
    sheets = kind.sheets(data)
    count = {split: sum(sheet.split is split for sheet in sheets) for split in Split}
    if not count[Split.TRAIN] or not count[Split.VALID]:
        raise RipienoError(
            f"{count[Split.TRAIN]} lead sheets to train on and {count[Split.VALID]} to validate on",
            where=kind.data,
            allowed="at least one of each",
        )
    torch.set_num_threads(options.threads)
    L.seed_everything(options.seed, verbose=False)
    learner = SheetLearner(kind.build(options), options)
    if start:
        learner.model.load_state_dict(load(kind, start)[0].state_dict())
        learner.train()
    material = Sheets(sheets, options)
    told = record(kind, options, sheets, folder, start)
    told["parameters"] = sum(weight.numel() for weight in learner.parameters())
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CURVE, BEST, LAST):
            (folder / name).unlink(missing_ok=True)
    write(folder, RECORD, told)
    trainer = trainer_for(options, folder, progress, FIGURES)
    go(trainer, learner, material, last if resume else None)
    write(folder, RECORD, told | {"minutes": round(minutes_of(trainer), 1)})
    return trainer


def record(
    kind: SheetKind, options: Options, sheets: list[Sheet], folder: Path, start: Path | None
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
        "data": kind.data,
        "licence": kind.licence,
        "pieces": {split: sum(sheet.split is split for sheet in sheets) for split in Split},
    }


def load(kind: SheetKind, folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Options]:
    """The model of the run in `folder`, and its options. Raises RipienoError."""
    told = read(folder, RECORD)
    if not told or not (folder / checkpoint).exists():
        raise RipienoError(
            "there are no weights here yet", where=str(folder), allowed="a folder that `train` made"
        )
    options = kind.options(**told["options"])
    weights = torch.load(folder / checkpoint, map_location="cpu", weights_only=True)
    torch.set_num_threads(options.threads)
    model = kind.build(options)
    prefix = "model."
    own = {n: w for n, w in weights["state_dict"].items() if n.startswith(prefix)}
    model.load_state_dict({name.removeprefix(prefix): weight for name, weight in own.items()})
    return model.eval(), options
