"""The commands `sweep` and `ablate`.

An ablation of what a model has learned from trains it anew; one of what the engine does with it has
a bundle play."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ripieno.settings import check

from ripieno_models.families.registry import FAMILIES, Family, family
from ripieno_models.options import Training, add_flags, chosen


def add(commands: Any) -> None:
    """Add them to a command line."""
    text = "look for good values of a family's options"
    sweeps_of = common(commands, "sweep", text, sweep)
    sweeps_of.add_argument("--trials", type=int, default=20, help="how many runs, 1…10,000")
    sweeps_of.add_argument(
        "--over", nargs="+", default=[], metavar="NAME=LOW:HIGH", help="which options; :log after"
        " it for a range by factors (default: those that the family has of the usual ones)"
    )  # fmt: skip
    text = (
        "train a family without each of its parts in turn; or have a bundle write without each of"
        " the engine's rules, or of its note sampler's terms"
    )
    parts_of = common(commands, "ablate", text, ablate)
    parts_of.add_argument("--seeds", type=int, default=3, help="runs of each, 1…100")
    parts_of.add_argument(
        "--without", nargs="+", default=[], metavar="PART", help="which parts (default: all)"
    )
    which = parts_of.add_mutually_exclusive_group()
    which.add_argument(
        "--constraints", action="store_true", help="of a bundle: each of the engine's rules"
    )
    which.add_argument(
        "--sampler", action="store_true", help="of a bundle: each term of its note sampler"
    )
    parts_of.add_argument("--pieces", type=int, default=40, help="written in each way, 2…1,000")
    parts_of.add_argument("--split", default="valid", help="whose forms: valid or test")
    parts_of.add_argument("--keep", action="store_true", help="keep what is found for the page")


def common(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    """A command with what both have."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    bundle = ", or a bundle (its folder, or a name in the zoo)" if name == "ablate" else ""
    made.add_argument("family", help=f"which architecture: {', '.join(FAMILIES)}{bundle}")
    made.add_argument("--out", type=Path, help=f"a folder (default runs/FAMILY-{name})")
    made.add_argument("--data", type=Path, help="as for train (default: the chorales)")
    made.add_argument("--config", type=Path, help="a TOML file (default: the family's own)")
    made.add_argument("--storage", default="", help="a database's URL that machines share")
    made.add_argument("--quiet", action="store_true", help="no progress bar")
    add_flags(made, {name: kind.options for name, kind in FAMILIES.items()})
    made.set_defaults(run=run, command=name, flags=made._actions)
    return made


def base(told: argparse.Namespace, command: str) -> tuple[Family, Training, Path]:
    """The family, the options that all trials begin with, and the folder."""
    kind = family(told.family)
    own = kind.config if kind.config.exists() else None
    options = chosen(kind.options, told.config or own, vars(told))
    return kind, options, told.out or Path("runs") / f"{kind.name}-{command}"


def sweep(told: argparse.Namespace) -> int:
    """Try sets of values and print them, the best first."""
    from ripieno_models import corpora, sweeps

    check("trials", told.trials, 1, 10_000)
    kind, options, folder = base(told, "sweep")
    space = sweeps.ranges(kind, told.over)
    fit = sweeps.fitter(kind, corpora.find(told.data), not told.quiet)
    found = sweeps.sweep(options, space, told.trials, folder, told.storage, fit)
    print("\n".join(["nats per decision of the validation pieces", *map(sweeps.line, found)]))
    return 0


def plays(told: argparse.Namespace) -> bool:
    """Whether an ablation is of what the engine does with a bundle."""
    return bool(getattr(told, "constraints", False) or getattr(told, "sampler", False))


def ablate(told: argparse.Namespace) -> int:
    """Train without each part and print what that cost, the best first."""
    if plays(told):
        return written_without(told)
    from ripieno_models import corpora, sweeps

    check("seeds", told.seeds, 1, 100)
    kind, options, folder = base(told, "ablate")
    names = sweeps.parts(kind, told.without)
    fit = sweeps.fitter(kind, corpora.find(told.data), not told.quiet)
    found = sweeps.ablate(options, names, told.seeds, folder, told.storage, fit)
    print("\n".join(["nats per decision of the validation pieces", *map(sweeps.line, found)]))
    return 0


def written_without(told: argparse.Namespace) -> int:
    """Have a bundle write without each rule or term, and print what that changes."""
    from ripieno_models import corpora
    from ripieno_models.harness import without, without_page
    from ripieno_models.harness.commands import folder_of, split_of
    from ripieno_models.runs import write

    seed, what = getattr(told, "seed", 1), "sampler" if told.sampler else "constraints"
    check("pieces", told.pieces, 2, 1000)
    check("seed", seed, 0, 2**31)
    split, bundle = split_of(told.split), folder_of(told.family)
    found = without.ablated(bundle, what, corpora.find(told.data), split, told.pieces, seed)
    name = f"{what}-{found['bundle']}.json"
    places = [told.out or Path("runs") / "without"]
    places += [without_page.FOLDER] if told.keep else []
    for place in places:
        write(place, name, found)
        print(f"Wrote {place / name}")
    print(without_page.table(found))
    return 0
