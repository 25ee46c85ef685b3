"""The commands of `ripieno-models` for the families that make blocks of bars."""

from __future__ import annotations

import argparse
from pathlib import Path

from ripieno_models import corpora, train_commands
from ripieno_models.blocks import evaluate, export, runs, sample
from ripieno_models.blocks.learner import CURVES
from ripieno_models.blocks.listening import block_writer
from ripieno_models.families.blocks import BlockKind
from ripieno_models.listen import Listen
from ripieno_models.piece import Split


def train(told: argparse.Namespace, kind: BlockKind, folder: Path) -> int:
    """Train; a broken-off run (Ctrl-C) leaves checkpoints and can be resumed."""
    corpus = train_commands.corpus(told)
    more = [Listen(folder, block_writer(lambda: corpus.of(Split.VALID)))] if told.listen else []
    trainer = runs.fit(
        kind,
        train_commands.options(told, kind.options, kind.config, folder),
        corpus,
        folder,
        resume=told.resume,
        progress=not told.quiet,
        start=told.start,
        machines=train_commands.machines(told),
        more=more,
    )
    unit = "nats per decision" if kind.hears else "bits from real music"
    return train_commands.tell(trainer, folder, unit)


def figures(told: argparse.Namespace, kind: BlockKind, folder: Path) -> int:
    """Print the run's figures, keep them beside it, and say which known failures they show."""
    runs.refuse_other(kind, folder)
    found = evaluate.figures(folder, corpora.find(told.data), told.test)
    for name, value in found.items():
        print(f"{name:36} {value:.4f}")
    for failure in evaluate.failures(found, "test" if told.test else "valid"):
        print(f"It shows a known failure: {failure}.")
    return 0


def draw(told: argparse.Namespace, kind: BlockKind, folder: Path) -> int:
    """Draw pieces, keep three as MIDI files beside the run, and count."""
    temperature = train_commands.drawn_at(told)
    runs.refuse_other(kind, folder)
    corpus = corpora.find(told.data)
    found = sample.samples(folder, corpus, told.pieces, temperature, told.seed)
    for name, counted in found["writing"].items():
        print(
            f"{name:14} parallels {counted['parallels']:6.2f} per 100 chord changes,"
            f" crossed {counted['crossings']:.3f}, outside the key {counted['outside_key']:.3f}"
        )
    return 0


def write(told: argparse.Namespace, kind: BlockKind, folder: Path) -> int:
    """Write the bundle, or refuse."""
    runs.refuse_other(kind, folder)
    print(f"Wrote {export.bundle(folder, corpora.find(told.data), told.zoo)}")
    return 0


def curves(told: argparse.Namespace, kind: BlockKind, folder: Path) -> int:
    """Draw the run's curves."""
    runs.refuse_other(kind, folder)
    print(f"Wrote {CURVES.draw(folder)}")
    return 0


COMMANDS = {"train": train, "evaluate": figures, "sample": draw, "export": write, "report": curves}
