"""Trains a family in a folder, goes on with a run that was broken off, and loads what came out."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Timer
from ripieno.errors import RipienoError, SettingError
from torch import nn

from ripieno_models import corpora
from ripieno_models.corpora import Corpus, openhymnal
from ripieno_models.dataset import whole
from ripieno_models.families.calibration import Temperatures
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.families.registry import Family, family
from ripieno_models.likelihood import likelihood
from ripieno_models.options import Training, as_flags
from ripieno_models.piece import Piece, Split
from ripieno_models.train import BEST, CURVE, LAST, RANDOM_ORDERS, Learner, Pieces, trainer_for
from ripieno_models.train import FIGURES as FIGURES_OF_CURVE

RECORD, FIGURES, SAMPLES = "run.json", "figures.json", "samples.json"
JUDGEMENT = "judgement.json"
"""What a run's folder tells: how it was made, its likelihoods, counts of its samples, and how it
writes when the engine plays it."""
TEMPERATURES = "temperatures"
"""In the record: what `calibrate` found."""


def fit(
    kind: Family,
    options: Training,
    corpus: Corpus,
    folder: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    start: Path | None = None,
) -> L.Trainer:
    """Train `kind` on `corpus` and leave its weights, curve.csv and run.json in `folder`.

    Begins with the weights of the run in the folder `start`, if any. With `resume`, goes on from
    last.ckpt. Raises RipienoError where there is nothing to learn from or nothing to go on from.
    """
    hymns = corpora.hymns() if options.hymns else ()
    data = Pieces(corpus.pieces, options, hymns)
    refuse_nothing(data, corpus)
    last = folder / LAST
    if resume and not last.exists():
        raise RipienoError("there is no run to go on with", where=str(last))
    torch.set_num_threads(options.threads)
    L.seed_everything(options.seed, verbose=False)
    learner = Learner(kind.build(options), options)
    if start:
        learner.model.load_state_dict(load(start)[0].state_dict())
        learner.train()
    trainer = trainer_for(options, folder, progress)
    told = record(kind, options, corpus, hymns, start)
    told["parameters"] = sum(weight.numel() for weight in learner.parameters())
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CURVE, BEST, LAST):
            (folder / name).unlink(missing_ok=True)
    write(folder, RECORD, told)
    go(trainer, learner, data, last if resume else None)
    write(folder, RECORD, told | {"minutes": round(minutes_of(trainer), 1)})
    return trainer


def solve(kind: Family, options: Training, corpus: Corpus, folder: Path) -> float:
    """Fit `kind`, which is solved and not trained, and leave in `folder` what `fit` leaves there.

    Returns the nats per decision of the validation pieces. Raises RipienoError where there is
    nothing to learn from.
    """
    if kind.solve is None:
        raise SettingError(f"{kind.name} is trained step by step and cannot be solved")
    data = Pieces(corpus.pieces, options)
    refuse_nothing(data, corpus)
    torch.set_num_threads(options.threads)
    L.seed_everything(options.seed, verbose=False)
    began = perf_counter()
    model = kind.build(options).eval()
    kind.solve(model, data.crops, data.valid, options)
    told = [likelihood(model, whole(data.valid, seed=seed)).nll for seed in (None, RANDOM_ORDERS)]
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    for name in (BEST, LAST):
        torch.save({"state_dict": weights}, folder / name)
    mean = sum(told) / 2
    curve = f"{data.crops.options.steps},{told[0]:.6f},{told[0]:.6f},{told[1]:.6f},{mean:.6f}"
    heading = ",".join(("step", *FIGURES_OF_CURVE))
    (folder / CURVE).write_text(f"{heading}\n{curve}\n", encoding="utf-8")
    record_of = record(kind, options, corpus)
    record_of["parameters"] = sum(weight.numel() for weight in model.parameters())
    record_of["minutes"] = round((perf_counter() - began) / 60, 1)
    write(folder, RECORD, record_of)
    return mean


def refuse_nothing(data: Pieces, corpus: Corpus) -> None:
    """Raises RipienoError where there is nothing to learn from, or nothing to choose by."""
    if not data.train or not data.valid:
        raise RipienoError(
            f"{len(data.train)} pieces to train on and {len(data.valid)} to validate on",
            where=corpus.name,
            allowed="at least one of each",
        )


def go(
    trainer: L.Trainer, learner: Learner, data: L.LightningDataModule, last: Path | None
) -> None:
    """Train from the start or from the checkpoint `last`, until the end or Ctrl-C."""
    try:
        trainer.fit(learner, data, ckpt_path=last, weights_only=False)
    except (SystemExit, KeyboardInterrupt):
        # After Ctrl-C Lightning saves what is to be saved and leaves by exit.
        if not trainer.interrupted:
            raise


def record(
    kind: Family,
    options: Training,
    corpus: Corpus,
    hymns: Sequence[Piece] = (),
    start: Path | None = None,
) -> dict[str, Any]:
    """What is needed to repeat a run."""
    words = [f"--start {start}"] if start else []
    words += [flags] if (flags := as_flags(options)) else []
    return {
        "family": kind.name,
        "options": asdict(options),
        "command": " ".join(["ripieno-models", "train", kind.name, *words]),
        "after": lineage(start),
        "minutes": 0.0,
        "machine": f"{options.threads} of {os.cpu_count()} shared {platform.machine()} cores",
        "data": corpus.name,
        "licence": corpus.licence,
        "also": hymnal_of(hymns),
        "pieces": {split: sum(p.split is split for p in corpus.pieces) for split in Split},
    }


def lineage(start: Path | None) -> dict[str, Any] | None:
    """How the run that this one begins with was made: its command, its minutes, and its hymns."""
    if start is None:
        return None
    told = read(start, RECORD)
    return {name: told.get(name) for name in ("command", "minutes", "also", "after")}


def hymnal_of(hymns: Sequence[Piece]) -> dict[str, Any] | None:
    """What a run's record tells of the hymns that it began with, if there were any."""
    if not hymns:
        return None
    return {"name": openhymnal.NAME, "licence": openhymnal.LICENCE, "pieces": len(hymns)}


def write(folder: Path, name: str, told: dict[str, Any]) -> None:
    """Keep what is `told` in a run's folder, as JSON."""
    (folder / name).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def read(folder: Path, name: str) -> dict[str, Any]:
    """What a run's folder tells in the file `name`; nothing where there is no such file."""
    path = folder / name
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def minutes_of(trainer: L.Trainer) -> float:
    """How long a run has trained and validated, over all its parts."""
    timer = next(c for c in trainer.callbacks if isinstance(c, Timer))  # type: ignore[attr-defined]
    return sum(timer.time_elapsed(stage) for stage in ("train", "validate")) / 60


def load(folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Any]:
    """The model of the run in `folder`, ready to be asked. Raises RipienoError if there is none."""
    told = read(folder, RECORD)
    if not told or not (folder / checkpoint).exists():
        raise RipienoError(
            "there are no weights here yet", where=str(folder), allowed="a folder that `train` made"
        )
    kind = family(told["family"])
    options = kind.options(**told["options"])
    weights = torch.load(folder / checkpoint, map_location="cpu", weights_only=True)
    torch.set_num_threads(options.threads)
    model = kind.build(options)
    prefix = "model."
    model.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in weights["state_dict"].items()
            if name.startswith(prefix)
        }
    )
    if isinstance(model, ChoraleTransformer):
        model.voice.temperatures = Temperatures(**told.get(TEMPERATURES, {}))
    return model.eval(), options
