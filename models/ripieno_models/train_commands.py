"""What every `train` has beside the options of its family: where it trains, and listening."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ripieno.settings import check

from ripieno_models.options import Chosen, chosen

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback

    from ripieno_models.corpora import Corpus
    from ripieno_models.piece import Piece
    from ripieno_models.tokens.kind import TokenKind
    from ripieno_models.train import Machines

INTERRUPTED = 130


def add_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags to a command line."""
    command.add_argument(
        "--listen",
        action="store_true",
        help="after each validation let a sample be heard; without a sound device, say where it is",
    )
    command.add_argument("--devices", type=int, default=1, help="GPUs, or processes without one")
    command.add_argument("--nodes", type=int, default=1, help="machines, each with that many")
    command.add_argument(
        "--strategy", default="auto", help="how they train together: a name of Lightning's, as ddp"
    )


def corpus(told: argparse.Namespace) -> Corpus:
    """What the run learns from; says which of its files were skipped. Raises RipienoError."""
    from ripieno_models import corpora
    from ripieno_models.corpora.skipping import summary

    found = corpora.find(told.data)
    if found.skipped:
        print(summary(list(found.skipped), len(found.pieces)), file=sys.stderr)
    return found


def options(told: argparse.Namespace, kind: type[Chosen], config: Path, folder: Path) -> Chosen:
    """The options of a run: those of the file that is asked for; else, where the run in `folder` is
    gone on with, those that it began with; else those of the family's own `config` where there is
    one. Then the flags. Raises SettingError."""
    from ripieno_models.runs import RECORD, read

    began = read(folder, RECORD).get("options", {}) if told.resume and not told.config else {}
    known = {item.name for item in fields(kind)}
    flags = {name: value for name, value in began.items() if name in known} | vars(told)
    return chosen(kind, told.config or (config if config.exists() else None), flags)


def drawn_at(told: argparse.Namespace, usual: float = 1.0) -> float:
    """The temperature at which `sample` draws, the `usual` one if none is said. Raises
    SettingError, also for other numbers of `sample` that cannot be."""
    check("pieces", told.pieces, 1, 10_000)
    check("seed", told.seed, 0, 2**32 - 1)
    temperature = usual if told.temperature is None else float(told.temperature)
    check("temperature", temperature, 0.1, 2)
    return temperature


def machines(told: argparse.Namespace) -> Machines:
    """Where the run is trained. Raises SettingError."""
    from ripieno_models.train import Machines

    return Machines(told.devices, told.nodes, told.strategy)


def grid_listeners(told: argparse.Namespace, folder: Path) -> list[Callback]:
    """What lets a family of the grid be heard, if that is asked for."""
    if not told.listen:
        return []
    from ripieno_models import corpora
    from ripieno_models.listen import Listen, grid_writer
    from ripieno_models.piece import Split

    @cache
    def forms() -> list[Piece]:
        return corpora.find(told.data).of(Split.VALID)

    return [Listen(folder, grid_writer(forms))]


def token_listeners(told: argparse.Namespace, folder: Path, kind: TokenKind) -> list[Callback]:
    """What lets a family of tokens be heard, if that is asked for."""
    if not told.listen:
        return []
    from ripieno_models.listen import Listen
    from ripieno_models.listen_tokens import token_writer
    from ripieno_models.tokens.runs import VOCABULARY

    return [Listen(folder, token_writer(kind, told.data, folder / VOCABULARY))]


def tell(trainer: Any, folder: Path, unit: str) -> int:
    """Say how a run has ended. Returns the command's exit status."""
    from ripieno_models.train import LAST

    if trainer.interrupted:
        kept = (folder / LAST).exists()
        what = f"The weights so far are in {folder}" if kept else "There was nothing to keep yet"
        print(f"Interrupted. {what}; go on with --resume.")
        return INTERRUPTED
    if trainer.is_global_zero:
        best = trainer.checkpoint_callback.best_model_score
        print(f"Best validation: {best:.4f} {unit}. The weights are in {folder}.")
    return 0
