"""`ripieno-models`: train, evaluate, export and report, each in one command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ripieno.errors import RipienoError, SettingError, nearest_name
from ripieno.settings import check

from ripieno_models import sweep_commands, train_commands, tune_commands
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.blocks import BlockKind
from ripieno_models.families.registry import FAMILIES, Family, family
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.harness import commands as commands_of_harness
from ripieno_models.lead.kind import SHEET_FAMILIES, SheetKind
from ripieno_models.options import add_flags
from ripieno_models.tokens.kind import TokenKind

if TYPE_CHECKING:
    from ripieno_models.piece import Split

WRONG_INPUT = 2
ZOO = Path(__file__).parents[1] / "zoo"
Kind = Family | TokenKind | BlockKind | SheetKind
OWN: dict[str, Mapping[str, Kind]] = {
    "tokens": TOKEN_FAMILIES,
    "blocks": BLOCK_FAMILIES,
    "lead": SHEET_FAMILIES,
}
"""The families that have commands of their own, by the folder of these."""
KINDS: dict[str, Kind] = {**FAMILIES, **TOKEN_FAMILIES, **BLOCK_FAMILIES, **SHEET_FAMILIES}


class Parser(argparse.ArgumentParser):
    """A parser that refuses with a sentence and names the nearest flag."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(message, nearest=f"See {self.prog} --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        told, rest = self.parse_known_args(args, namespace)
        if rest:
            flags = [flag for action in told.flags for flag in action.option_strings]
            raise SettingError(f"unknown option {rest[0]!r}", nearest=nearest_name(rest[0], flags))
        return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, 2 where the input is wrong, or 130 when it was interrupted."""
    try:
        told = parser().parse_args(sys.argv[1:] if arguments is None else arguments)
        own = any(told.family in kinds for kinds in OWN.values()) and not sweep_commands.plays(told)
        return run_own(told) if own else int(told.run(told))
    except RipienoError as error:
        print(f"ripieno-models: {error}", file=sys.stderr)
        return WRONG_INPUT


def parser() -> Parser:
    """The command line; each command's options are those of its family."""
    top = Parser(prog="ripieno-models", description="Trains the models that Ripieno plays.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("train", train, "train a family, or go on with a run"),
        ("evaluate", evaluate, "tell a run's likelihoods, and how its music compares with Bach's"),
        ("sample", sample, "draw pieces from a run and count what a teacher would"),
        ("balance", balance, "count which chords a run writes too often, for its export"),
        ("judge", judge, "have a run write pieces in the engine, and judge them beside Bach's"),
        ("harmonise", harmonise, "tell what it is worth to know a player's voice a beat ahead"),
        ("export", export, "write a run as a bundle that the engine plays"),
        ("report", report, "draw the curves of a run"),
        ("tabulate", tabulate, "put a run's figures beside those of the other models"),
    ):
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        add_common(command, name)
        command.set_defaults(run=run, command=name, flags=command._actions)
    commands_of_harness.add(commands)
    sweep_commands.add(commands)
    tune_commands.add(commands)
    return top


def add_common(command: argparse.ArgumentParser, name: str) -> None:
    """The arguments of one command."""
    command.add_argument("family", help=f"which architecture: {', '.join(KINDS)}")
    command.add_argument("--out", type=Path, help="the run's folder (default runs/FAMILY)")
    if name not in ("report", "tabulate"):
        command.add_argument(
            "--data",
            type=Path,
            help="a prepared .jsonl.gz, or a folder of .txt or .mid files (default: the chorales)",
        )
    if name == "train":
        command.add_argument("--config", type=Path, help="a TOML file (default: the family's own)")
        command.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
        command.add_argument("--start", type=Path, help="a run whose weights to begin with")
        command.add_argument("--quiet", action="store_true", help="no progress bar")
        train_commands.add_flags(command)
        add_flags(command, {name: kind.options for name, kind in KINDS.items()})
    if name == "evaluate":
        command.add_argument(
            "--test",
            action="store_true",
            help="on the test pieces: only for the model that was chosen without them",
        )
        command.add_argument(
            "--chords", action="store_true", help="also given each sixteenth's chord; takes minutes"
        )
        command.add_argument(
            "--with",
            type=Path,
            nargs="+",
            dest="others",
            metavar="RUN",
            help="runs from other seeds: tell them side by side instead, and all as one model",
        )
    if name == "sample":
        command.add_argument("--pieces", type=int, default=10, help="how many, in each order")
        command.add_argument("--temperature", type=float, help="1 is as it learned")
        command.add_argument("--seed", type=int, default=1, help="a whole number")
    if name == "balance":
        command.add_argument("--pieces", type=int, default=80, help="how many, in each round")
        command.add_argument("--rounds", type=int, default=3, help="how often it is counted")
        command.add_argument("--seed", type=int, default=1, help="a whole number")
    if name == "judge":
        command.add_argument("--pieces", type=int, default=100, help="how many, in each condition")
        command.add_argument("--split", default="valid", help="whose forms: valid or test")
        command.add_argument("--seed", type=int, default=1, help="a whole number")
    if name == "harmonise":
        command.add_argument("--pieces", type=int, default=16, help="how many the engine writes")
        command.add_argument("--split", default="valid", help="whose: valid or test")
        command.add_argument(
            "--sixteenths", type=int, default=1500, help="how many of them tell the likelihood"
        )
        command.add_argument("--seed", type=int, default=1, help="a whole number")
    if name == "export":
        command.add_argument("--zoo", type=Path, default=ZOO, help="where the bundle's folder goes")


def folder_of(told: argparse.Namespace) -> Path:
    return told.out if told.out else Path("runs") / family(told.family).name


def run_own(told: argparse.Namespace) -> int:
    """Run one command of a family that has its own. Raises SettingError if it has none such."""
    name = told.family
    folder, kind = next((place, kinds[name]) for place, kinds in OWN.items() if name in kinds)
    # Only now, as this brings torch: help and refusals come at once.
    commands = import_module(f"ripieno_models.{folder}.commands").COMMANDS
    if told.command not in commands:
        raise SettingError(f"{name} has no {told.command!r}", allowed=", ".join(commands))
    if told.command == "train":
        refuse_foreign(told, kind)
    if told.command == "evaluate" and told.others:
        raise SettingError(f"runs of {name} are not told side by side", nearest="Leave out --with.")
    return int(commands[told.command](told, kind, told.out or Path("runs") / name))


def refuse_foreign(told: argparse.Namespace, kind: Kind) -> None:
    """Raises SettingError where an option belongs to another family."""
    own = {item.name for item in fields(kind.options)}
    others = {item.name for other in KINDS.values() for item in fields(other.options)}
    for name in sorted((others - own) & vars(told).keys()):
        flag = "--" + name.replace("_", "-")
        raise SettingError(f"{kind.name} has no option {flag}", nearest=nearest_name(name, own))


def train(told: argparse.Namespace) -> int:
    """Train; a broken-off run (Ctrl-C) leaves checkpoints and can be resumed."""
    from ripieno_models import runs

    kind = family(told.family)
    refuse_foreign(told, kind)
    folder = folder_of(told)
    options = train_commands.options(told, kind.options, kind.config, folder)
    if kind.solve is not None:
        nll = runs.solve(kind, options, train_commands.corpus(told), folder)
        print(f"Validation: {nll:.4f} nats per decision. The weights are in {folder}.")
        return 0
    trainer = runs.fit(
        kind,
        options,
        train_commands.corpus(told),
        folder,
        resume=told.resume,
        progress=not told.quiet,
        start=told.start,
        machines=train_commands.machines(told),
        more=train_commands.grid_listeners(told, folder),
    )
    return train_commands.tell(trainer, folder, "nats per decision")


def evaluate(told: argparse.Namespace) -> int:
    """Print the run's figures and keep them beside it."""
    from ripieno_models import corpora, evaluate, seeds

    if told.others:
        runs = [folder_of(told), *told.others]
        print(seeds.table(seeds.measure(runs, corpora.find(told.data), told.test)))
        return 0
    evaluate.figures(folder_of(told), corpora.find(told.data), told.test, told.chords)
    return 0


def sample(told: argparse.Namespace) -> int:
    """Draw pieces, write them as MIDI files beside the run, and count."""
    from ripieno_models import corpora, sample

    temperature = train_commands.drawn_at(told)
    corpus = corpora.find(told.data)
    counts = sample.samples(folder_of(told), corpus, told.pieces, temperature, told.seed)
    for name, found in counts["writing"].items():
        print(
            f"{name:6} parallels {found['parallels']:6.2f} per 100 chord changes,"
            f" crossed {found['crossings']:.3f}, outside the key {found['outside_key']:.3f}"
        )
    return 0


def balance(told: argparse.Namespace) -> int:
    """Count the chords of what a run writes, and keep what evens them out."""
    from ripieno_models import balance, corpora

    check("pieces", told.pieces, 1, 10_000)
    check("rounds", told.rounds, 1, 100)
    corpus = corpora.find(told.data)
    found = balance.balance(folder_of(told), corpus, told.pieces, told.rounds, told.seed)
    for number, bits in enumerate(found, 1):
        print(f"round {number}: its chords are {bits:.4f} bits from those of {corpus.name}")
    return 0


def judge(told: argparse.Namespace) -> int:
    """Write pieces through the engine, count, and keep what was found and three samples."""
    from ripieno_models import corpora, judge, verdicts

    split = split_of(told)
    corpus = corpora.find(told.data)
    found = judge.judge_run(folder_of(told), corpus, split, told.pieces, told.seed)
    print(verdicts.table(found))
    return 0


def harmonise(told: argparse.Namespace) -> int:
    """Add three voices to one with and without look-ahead, count, and keep what was found."""
    from ripieno_models import ahead_run, corpora

    split = split_of(told)
    check("sixteenths", told.sixteenths, 2, 1_000_000)
    found = ahead_run.measure(
        folder_of(told), corpora.find(told.data), split, told.pieces, told.sixteenths, told.seed
    )
    print(ahead_run.table(found))
    return 0


def split_of(told: argparse.Namespace) -> Split:
    """Whose pieces lend their form. Raises SettingError, also for other numbers that cannot be."""
    from ripieno_models.piece import Split

    check("pieces", told.pieces, 1, 10_000)
    check("seed", told.seed, 0, 2**31)
    if told.split not in (Split.VALID, Split.TEST):
        raise SettingError(f"there is no split {told.split!r}", allowed="valid, test")
    return Split(told.split)


def export(told: argparse.Namespace) -> int:
    """Write the bundle, or refuse."""
    from ripieno_models import corpora, export

    print(f"Wrote {export.bundle(folder_of(told), corpora.find(told.data), told.zoo)}")
    return 0


def tabulate(told: argparse.Namespace) -> int:
    """Keep the run's figures in models/results, and write docs/models.md from all that is there."""
    from ripieno_models import comparison

    print(f"Wrote {comparison.keep(folder_of(told))}")
    print(f"Wrote {comparison.write_page()}")
    return 0


def report(told: argparse.Namespace) -> int:
    """Draw the run's curves."""
    from ripieno_models import report

    print(f"Wrote {report.GRID.draw(folder_of(told))}")
    return 0
