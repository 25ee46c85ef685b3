"""The command `tune`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ripieno.errors import SettingError
from ripieno.settings import check

from ripieno_models.train_commands import INTERRUPTED

if TYPE_CHECKING:
    from ripieno_models.tune import Outcome

WAYS = ("adapters", "full")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def add(commands: Any) -> None:
    """Add it to a command line."""
    text = "go on with a shipped bundle on your own MIDI files and takes"
    command = commands.add_parser("tune", help=text, description=text, allow_abbrev=False)
    command.add_argument("bundle", help="a bundle's folder, or a name in the zoo")
    command.add_argument(
        "--data", type=Path, required=True, help="a folder of MIDI files, takes and their ratings"
    )
    command.add_argument("--name", default="", help="of the new bundle (default: BUNDLE-own)")
    command.add_argument("--out", type=Path, help="a folder for all of it (default: runs/NAME)")
    command.add_argument(
        "--way", default="both", help="adapters, full, or both: whichever does better is kept"
    )
    command.add_argument("--minutes", type=float, default=10, help="of learning in all, 0.1…1,440")
    command.add_argument("--steps", type=int, default=240, help="optimiser steps of each way")
    command.add_argument("--every", type=int, default=20, help="steps between two validations")
    command.add_argument("--rank", type=int, default=8, help="of the adapters, 1…256")
    command.add_argument("--threads", type=int, default=0, help="processor threads (0: as many"
                         " as there are)")  # fmt: skip
    command.add_argument("--seed", type=int, default=1, help="a whole number")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(run=tune, family="", command="tune", flags=command._actions)


def tune(told: argparse.Namespace) -> int:
    """Tune, and say what it was good for."""
    from ripieno_models import tune as tuning
    from ripieno_models.harness.commands import folder_of
    from ripieno_models.tune_learning import Effort, threads

    ways = ways_of(told.way)
    check("minutes", told.minutes, 0.1, 1440)
    check("steps", told.steps, 1, 10**6)
    check("every", told.every, 1, 10**6)
    check("rank", told.rank, 1, 256)
    check("threads", told.threads, 0, 256)
    check("seed", told.seed, 0, 2**31 - 1)
    bundle = folder_of(told.bundle)
    name = told.name or f"{bundle.name}-own"
    if not NAME.fullmatch(name) or name == bundle.name:
        raise SettingError(
            f"{name!r} cannot be the new bundle's name",
            allowed="letters, digits, '.', '_' and '-', and not the name of the old one",
        )
    if told.threads:
        threads(told.threads)
    effort = Effort(told.steps, told.minutes / len(ways), told.every, told.rank, told.seed)
    folder = told.out or Path("runs") / name
    outcome = tuning.run(
        bundle, told.data, name, folder, ways=ways, effort=effort, progress=not told.quiet
    )
    return tell(outcome, folder)


def ways_of(told: str) -> tuple[str, ...]:
    """The ways to try. Raises SettingError."""
    if told == "both":
        return WAYS
    if told not in WAYS:
        raise SettingError(f"there is no way {told!r}", allowed=", ".join(("both", *WAYS)))
    return (told,)


def tell(outcome: Outcome | None, folder: Path) -> int:
    """Say what came of it. Returns the command's exit status."""
    if outcome is None:
        print("Interrupted. No bundle was written; the shipped one is as it was.")
        return INTERRUPTED
    told = outcome.told
    print(f"{told.unit}, as it shipped → tuned ({told.way}, {told.minutes:.1f} minutes)")
    for row in told.rows():
        label, before, after = (cell.strip() for cell in row.strip("|").split("|"))
        print(f"  {label}: {before} → {after}")
    if outcome.bundle is None:
        print(f"It has not become better on your music, so no bundle was written. See {folder}.")
        return 0
    print(f"Wrote {outcome.bundle}. To play it: ripieno models add {outcome.bundle}")
    return 0
