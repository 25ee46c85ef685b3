"""The commands of `ripieno-models` for the families that write tokens."""

from __future__ import annotations

import argparse
from pathlib import Path

from ripieno_models import comparison, melody_results, train_commands
from ripieno_models.tokens import evaluate, export, runs, sample
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.learner import CURVES


def train(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Train; a broken-off run (Ctrl-C) leaves checkpoints and can be resumed."""
    trainer = runs.fit(
        kind,
        train_commands.options(told, kind.options, kind.config, folder),
        told.data,
        folder,
        resume=told.resume,
        progress=not told.quiet,
        start=told.start,
        machines=train_commands.machines(told),
        more=train_commands.token_listeners(told, folder, kind),
    )
    return train_commands.tell(trainer, folder, "nats per note")


def figures(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Print the run's figures and keep them beside it."""
    for name, value in evaluate.figures(kind, folder, told.data, told.test).items():
        print(f"{name:24} {value:.4f}")
    return 0


def draw(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Draw pieces, keep three as MIDI files beside the run, and count."""
    temperature = train_commands.drawn_at(told)
    found = sample.samples(kind, folder, told.data, told.pieces, temperature, told.seed)
    print(found["table"])
    return 0


def write(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Write the bundle, or refuse."""
    print(f"Wrote {export.bundle(kind, folder, told.data, told.zoo)}")
    return 0


def curves(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Draw the run's curves."""
    print(f"Wrote {CURVES.draw(folder)}")
    return 0


def tabulate(told: argparse.Namespace, kind: TokenKind, folder: Path) -> int:
    """Keep the run's figures in models/results, and write docs/models.md from all that is there."""
    print(f"Wrote {melody_results.keep(folder, melody_results.TOKENS, comparison.RESULTS)}")
    print(f"Wrote {comparison.write_page()}")
    return 0


COMMANDS = {
    "train": train,
    "evaluate": figures,
    "sample": draw,
    "export": write,
    "report": curves,
    "tabulate": tabulate,
}
