"""The commands of the harness: `compare` and `votes`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ripieno.errors import SettingError, nearest_name
from ripieno.settings import check

ZOO = Path(__file__).parents[2] / "zoo"
RESULTS, PAGE = "results.json", "report.html"
SPLITS = ("valid", "test")


def add(commands: Any) -> None:
    """Add them to a command line."""
    text = "judge bundles on the same pieces; a page to look at and to listen to"
    compare_it = commands.add_parser("compare", help=text, description=text, allow_abbrev=False)
    compare_it.add_argument("bundle", nargs="+", help="a bundle's folder, or a name in the zoo")
    compare_it.add_argument("--data", type=Path, help="as for train (default: the chorales)")
    compare_it.add_argument("--out", type=Path, default=Path("runs/compared"), help="a folder")
    compare_it.add_argument("--split", default="valid", help="whose pieces: valid or test")
    compare_it.add_argument("--pieces", type=int, default=20, help="how many, 2…1,000")
    compare_it.add_argument("--seed", type=int, default=1, help="a whole number")
    compare_it.add_argument("--no-sound", action="store_true", help="the figures, without the page")
    compare_it.set_defaults(run=compare, family="", flags=compare_it._actions)
    text = "tell who was preferred in the votes that the page has saved"
    votes_of = commands.add_parser("votes", help=text, description=text, allow_abbrev=False)
    votes_of.add_argument("file", nargs="+", type=Path, help="a votes.json")
    votes_of.set_defaults(run=votes, family="", flags=votes_of._actions)


def compare(told: argparse.Namespace) -> int:
    """Judge bundles, write results.json and report.html, and say which failures they show."""
    from ripieno_models import corpora
    from ripieno_models.harness import compare as comparison
    from ripieno_models.harness import page
    from ripieno_models.piece import Split

    check("pieces", told.pieces, 2, 1000)
    check("seed", told.seed, 0, 2**31)
    if told.split not in SPLITS:
        raise SettingError(f"there is no split {told.split!r}", allowed=", ".join(SPLITS))
    folders = [folder_of(name) for name in told.bundle]
    corpus = corpora.find(told.data)
    results, written = comparison.compare(
        folders, corpus, Split(told.split), told.pieces, told.seed
    )
    told.out.mkdir(parents=True, exist_ok=True)
    path = told.out / RESULTS
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"Wrote {path}")
    if not told.no_sound:
        page.write(results, written, told.out / PAGE)
        print(f"Wrote {told.out / PAGE}: look at it, and listen, in a browser")
    for sentence in comparison.flagged(results):
        print(sentence)
    return 0


def folder_of(name: str) -> Path:
    """The bundle called `name`: a folder, or one of the zoo. Raises SettingError."""
    for folder in (Path(name), ZOO / name):
        if (folder / "manifest.toml").exists():
            return folder
    there = [path.parent.name for path in ZOO.glob("*/manifest.toml")]
    raise SettingError(
        f"there is no bundle {name!r}",
        allowed="a bundle's folder, or " + ", ".join(sorted(there)),
        nearest=nearest_name(name, there),
    )


def votes(told: argparse.Namespace) -> int:
    """Print who was preferred to whom."""
    from ripieno_models.harness import votes as voting

    every = [vote for path in told.file for vote in voting.read(path)]
    for preference in voting.preferences(every):
        print(voting.sentence(preference))
    if not every:
        print("There are no votes yet.")
    return 0
