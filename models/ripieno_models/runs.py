"""Trains a family in a folder, goes on with a run that was broken off, and loads what came out."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter
from typing import Any, Protocol

import lightning as L
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import Callback, Timer
from ripieno.errors import RipienoError, SettingError
from torch import nn

from ripieno_models import corpora
from ripieno_models.corpora import Corpus, openhymnal
from ripieno_models.dataset import whole
from ripieno_models.families.calibration import Temperatures
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.families.registry import Family, family
from ripieno_models.likelihood import likelihood
from ripieno_models.options import Training, as_flags, chosen
from ripieno_models.piece import Piece, Split
from ripieno_models.train import (
    BEST,
    CURVE,
    LAST,
    RANDOM_ORDERS,
    Learner,
    Machines,
    Pieces,
    trainer_for,
)
from ripieno_models.train import FIGURES as FIGURES_OF_CURVE
from ripieno_models.train_keeping import WholeFiles, unwritten, write_whole

RECORD, FIGURES, SAMPLES = "run.json", "figures.json", "samples.json"
JUDGEMENT = "judgement.json"
"""What a run's folder tells: how it was made, its likelihoods, counts of its samples, and how it
writes when the engine plays it."""
OTHERS = "loading state_dict", "'param_groups'", "'both'"
"""What torch says of a checkpoint whose model or optimiser is another one."""
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
    machines: Machines | None = None,
    more: Sequence[Callback] = (),
) -> L.Trainer:
    """Train `kind` on `corpus` and leave its weights, curve.csv and run.json in `folder`.

    Begins with the weights of the run in the folder `start`, if any. With `resume`, goes on from
    last.ckpt. `machines` and `more` are `trainer_for`'s. Raises RipienoError where there is nothing
    to learn from or nothing to go on from.
    """
    hymns = corpora.hymns() if options.hymns else ()
    data = Pieces(corpus.pieces, options, hymns)
    refuse_nothing(len(data.train), len(data.valid), corpus.name)
    last = checkpoint_of(folder, resume, kind.name)
    ready(options, machines)
    learner = Learner(kind.build(options), options)
    if start:
        learner.begin_with(load(start)[0].state_dict())
    trainer = trainer_for(options, folder, progress, machines=machines, more=more)
    told = grid_record(kind, options, corpus, hymns, start)
    return carry_out(trainer, learner, data, folder, told, last)


def ready(options: Training, machines: Machines | None) -> None:
    """Make all that follows repeatable; the model is built next. Raises SettingError where its
    batches cannot be shared out among the `machines`."""
    (machines or Machines()).refuse(options.batch)
    torch.set_num_threads(options.threads)
    L.seed_everything(options.seed, verbose=False)


def carry_out(
    trainer: L.Trainer,
    learner: Learner,
    data: L.LightningDataModule,
    folder: Path,
    told: dict[str, Any],
    last: Path | None,
) -> L.Trainer:
    """Train `learner` from the start or from the checkpoint `last`, and keep in `folder` the record
    of the run: what is `told`, how large it is, and how long it took. Raises RipienoError."""
    told = told | {"parameters": sum(weight.numel() for weight in learner.parameters())}
    if last is None:
        clear(folder)
    else:
        told = told | beginning(read(folder, RECORD), told)
    write(folder, RECORD, told)
    go(trainer, learner, data, last)
    write(folder, RECORD, told | {"minutes": round(minutes_of(trainer), 1)})
    return trainer


def beginning(before: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What the record of a run that goes on keeps of how it was begun."""
    same = before["options"] == told["options"]
    kept = {"command": before["command"]} if same else {}
    return kept | {"after": told["after"] or before.get("after")}


def checkpoint_of(folder: Path, resume: bool, family_name: str) -> Path | None:
    """What a run goes on from; None where it begins, as one does that was ended in its first epoch.

    Raises RipienoError where there is no run to go on with, or one of another family.
    """
    if not resume:
        return None
    last, told = folder / LAST, read(folder, RECORD)
    if not told:
        raise RipienoError("there is no run to go on with", where=str(last))
    if told.get("family") != family_name:
        raise RipienoError(
            f"this is a run of {told.get('family')!r}, which {family_name} cannot go on with",
            where=str(folder),
            nearest=f"`ripieno-models train {told.get('family')} --resume` goes on with it.",
        )
    return last if last.exists() else None


@rank_zero_only
def clear(folder: Path) -> None:
    """Make room for a new run in `folder`: what an old one has left there is no part of it."""
    for name in (CURVE, BEST, LAST, RECORD):
        (folder / name).unlink(missing_ok=True)


def solve(kind: Family, options: Training, corpus: Corpus, folder: Path) -> float:
    """Fit `kind`, which is solved and not trained, and leave in `folder` what `fit` leaves there.

    Returns the nats per decision of the validation pieces. Raises RipienoError where there is
    nothing to learn from.
    """
    if kind.solve is None:
        raise SettingError(f"{kind.name} is trained step by step and cannot be solved")
    data = Pieces(corpus.pieces, options)
    refuse_nothing(len(data.train), len(data.valid), corpus.name)
    ready(options, None)
    began = perf_counter()
    model = kind.build(options).eval()
    kind.solve(model, data.crops, data.valid, options)
    told = [likelihood(model, whole(data.valid, seed=seed)).nll for seed in (None, RANDOM_ORDERS)]
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    for name in (BEST, LAST):
        WholeFiles().save_checkpoint({"state_dict": weights}, folder / name)
    mean = sum(told) / 2
    curve = f"{data.crops.options.steps},{told[0]:.6f},{told[0]:.6f},{told[1]:.6f},{mean:.6f}"
    heading = ",".join(("step", *FIGURES_OF_CURVE))
    (folder / CURVE).write_text(f"{heading}\n{curve}\n", encoding="utf-8")
    record_of = grid_record(kind, options, corpus)
    record_of["parameters"] = sum(weight.numel() for weight in model.parameters())
    record_of["minutes"] = round((perf_counter() - began) / 60, 1)
    write(folder, RECORD, record_of)
    return mean


def refuse_nothing(
    train: int, valid: int, where: str, *, what: str = "pieces", also: str = ""
) -> None:
    """Raises RipienoError where there is nothing to learn from, or nothing to choose by."""
    if not train or not valid:
        raise RipienoError(
            f"{train} {what} to train on and {valid} to validate on",
            where=where,
            allowed=f"at least one of each{also}",
        )


def go(
    trainer: L.Trainer, learner: Learner, data: L.LightningDataModule, last: Path | None
) -> None:
    """Train from the start or from the checkpoint `last`, until the end, Ctrl-C or SIGTERM.

    Raises RipienoError where the checkpoint is of another model, or the disk takes no more.
    """
    try:
        trainer.fit(learner, data, ckpt_path=last, weights_only=False)
    except (SystemExit, KeyboardInterrupt):
        # After Ctrl-C Lightning puts everything away and leaves by exit.
        if not trainer.interrupted:
            raise
    except OSError as error:
        raise unwritten(error, trainer.default_root_dir) from None
    except (RuntimeError, KeyError) as error:
        if not any(sign in str(error) for sign in OTHERS):
            raise
        raise RipienoError(
            "this checkpoint is of a model of another size, family or optimiser",
            where=str(last),
            nearest="Go on with the options that the run began with (run.json tells them).",
        ) from None


class Named(Protocol):
    """A family of any kind."""

    @property
    def name(self) -> str:
        """As the command line has it."""

    @property
    def config(self) -> Path:
        """The options that a command without flags trains with."""


def grid_record(
    kind: Named,
    options: Training,
    corpus: Corpus,
    hymns: Sequence[Piece] = (),
    start: Path | None = None,
) -> dict[str, Any]:
    """What is needed to repeat a run on the grid, which may have begun with `hymns`."""
    splits = [piece.split for piece in corpus.pieces]
    told = record(kind, options, corpus.name, corpus.licence, splits, start)
    return told | {"also": hymnal_of(hymns)}


def record(
    kind: Named,
    options: Training,
    data: str,
    licence: str,
    splits: Sequence[Split],
    start: Path | None,
    out: Path | None = None,
) -> dict[str, Any]:
    """What is needed to repeat a run; `out` is its folder, where the command shall tell it."""
    words = [] if out in (None, Path("runs") / kind.name) else [f"--out {out}"]
    words += [f"--start {start}"] if start else []
    usual = chosen(type(options), kind.config, {})
    words += [flags] if (flags := as_flags(options, usual)) else []
    return {
        "family": kind.name,
        "options": asdict(options),
        "command": " ".join(["ripieno-models", "train", kind.name, *words]),
        "after": lineage(start),
        "minutes": 0.0,
        "machine": f"{options.threads} of {os.cpu_count()} shared {platform.machine()} cores",
        "data": data,
        "licence": licence,
        "pieces": {split: splits.count(split) for split in Split},
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


@rank_zero_only
def write(folder: Path, name: str, told: dict[str, Any]) -> None:
    """Keep what is `told` in a run's folder, as JSON. Raises RipienoError."""
    write_whole(folder / name, (json.dumps(told, indent=2) + "\n").encode())


def read(folder: Path, name: str) -> dict[str, Any]:
    """What a run's folder tells in the file `name`; nothing where there is no such file."""
    path = folder / name
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def minutes_of(trainer: L.Trainer) -> float:
    """How long a run has trained and validated, over all its parts."""
    timer = next(c for c in trainer.callbacks if isinstance(c, Timer))  # type: ignore[attr-defined]
    return sum(timer.time_elapsed(stage) for stage in ("train", "validate")) / 60


def weighed(folder: Path, checkpoint: str) -> dict[str, Any]:
    """The record of the run in `folder`. Raises RipienoError where it has no weights."""
    told = read(folder, RECORD)
    if not told or not (folder / checkpoint).exists():
        raise RipienoError(
            "there are no weights here yet", where=str(folder), allowed="a folder that `train` made"
        )
    return told


def figures_of(folder: Path) -> dict[str, float]:
    """The figures of the run in `folder`. Raises RipienoError where it has none."""
    told = read(folder, FIGURES)
    if not told:
        raise RipienoError(
            "this run has no figures yet",
            where=str(folder),
            nearest="Run `ripieno-models evaluate` first.",
        )
    return told


def load(folder: Path, checkpoint: str = BEST) -> tuple[nn.Module, Any]:
    """The model of the run in `folder`, ready to be asked. Raises RipienoError if there is none."""
    told = weighed(folder, checkpoint)
    kind = family(told["family"])
    options = kind.options(**told["options"])
    torch.set_num_threads(options.threads)
    model = kind.build(options)
    put(folder / checkpoint, model)
    if isinstance(model, ChoraleTransformer):
        model.voice.temperatures = Temperatures(**told.get(TEMPERATURES, {}))
    return model.eval(), options


def put(path: Path, model: nn.Module) -> None:
    """Load the weights of the checkpoint at `path` into `model`. Raises RipienoError."""
    prefix = "model."
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        own = {name: value for name, value in kept.items() if name.startswith(prefix)}
        model.load_state_dict({name.removeprefix(prefix): value for name, value in own.items()})
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, UnpicklingError) as error:
        reason = str(error).strip().partition("\n")[0][:160]
        raise RipienoError(
            f"these are no weights of this model ({reason})",
            where=str(path),
            allowed="a checkpoint that `train` made for the same family and options",
        ) from None
