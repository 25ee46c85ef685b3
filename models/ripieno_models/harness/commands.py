"""The commands of the harness: `compare` and `votes`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ripieno.errors import SettingError, nearest_name
from ripieno.settings import check

if TYPE_CHECKING:
    from ripieno_models.piece import Split
    from ripieno_models.tokens.kind import TokenKind

ZOO = Path(__file__).parents[2] / "zoo"
RESULTS, PAGE = "results.json", "report.html"
SPLITS = ("valid", "test")
KEPT = ("grid", "blocks", "melody", "piano")
"""Under which a comparison is kept for docs/models.md."""


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
    compare_it.add_argument(
        "--keep", default="", metavar="NAME", help=f"keep what is found: {', '.join(KEPT)}"
    )
    compare_it.set_defaults(run=compare, family="", flags=compare_it._actions)
    text = "keep what runs of the families tell, and write docs/models.md"
    gather_it = commands.add_parser("gather", help=text, description=text, allow_abbrev=False)
    gather_it.add_argument("folder", nargs="*", type=Path, help="runs; none: write the page only")
    gather_it.set_defaults(run=gather, family="", flags=gather_it._actions)
    text = "tell who was preferred in the votes that the page has saved"
    votes_of = commands.add_parser("votes", help=text, description=text, allow_abbrev=False)
    votes_of.add_argument("file", nargs="+", type=Path, help="a votes.json")
    votes_of.set_defaults(run=votes, family="", flags=votes_of._actions)


def compare(told: argparse.Namespace) -> int:
    """Judge bundles, write results.json and report.html, and say which failures they show."""
    from ripieno.inference import bundle as manifest

    from ripieno_models import corpora, family_results
    from ripieno_models.harness import compare as comparison
    from ripieno_models.harness import page

    check("pieces", told.pieces, 2, 1000)
    check("seed", told.seed, 0, 2**31)
    if told.keep and told.keep not in KEPT:
        raise SettingError(f"nothing is kept as {told.keep!r}", allowed=", ".join(KEPT))
    split = split_of(told.split)
    folders = [folder_of(name) for name in told.bundle]
    grammars = {manifest.check(folder).grammar for folder in folders}
    if grammars == {"tokens"}:
        kind = kind_of(folders)
        results, written = comparison.compare_tunes(
            folders, kind.measured(told.data), kind.source.name, split, told.pieces,
            told.seed,
        )  # fmt: skip
    elif grammars <= {"grid", "blocks"}:
        results, written = comparison.compare(
            folders, corpora.find(told.data), split, told.pieces, told.seed
        )
    else:
        raise SettingError(
            f"bundles of {' and '.join(sorted(grammars))} have no pieces in common",
            allowed="bundles that are all of four voices (grid, blocks), or all of tokens",
        )
    told.out.mkdir(parents=True, exist_ok=True)
    path = told.out / RESULTS
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"Wrote {path}")
    if told.keep:
        print(f"Kept as {family_results.keep(path, told.keep)}")
    if not told.no_sound:
        page.write(results, written, told.out / PAGE)
        print(f"Wrote {told.out / PAGE}: look at it, and listen, in a browser")
    for sentence in comparison.flagged(results):
        print(sentence)
    return 0


def kind_of(folders: Sequence[Path]) -> TokenKind:
    """The family whose held-out pieces the bundles of tokens are judged on: that of the first one,
    by its name, else the fiddle tunes'. Raises SettingError where their uses differ."""
    from ripieno.inference import bundle as manifest
    from ripieno.inference.tokens.manifest import SPEC

    from ripieno_models.families.token_registry import TOKEN_FAMILIES

    told = [manifest.check(folder) for folder in folders]
    uses = {each.own[SPEC].use for each in told}
    if len(uses) > 1:
        raise SettingError(
            f"bundles for {' and '.join(sorted(uses))} have no pieces in common",
            allowed="bundles for one use",
        )
    use = uses.pop()
    named = TOKEN_FAMILIES.get(told[0].name)
    same = [kind for kind in TOKEN_FAMILIES.values() if kind.use == use]
    return named if named is not None and named.use == use else same[0]


def split_of(name: str) -> Split:
    """The split called `name`. Raises SettingError."""
    from ripieno_models.piece import Split

    if name not in SPLITS:
        raise SettingError(f"there is no split {name!r}", allowed=", ".join(SPLITS))
    return Split(name)


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


def gather(told: argparse.Namespace) -> int:
    """Keep what runs tell, and write the page from all that is kept."""
    from ripieno_models import comparison, family_results

    if told.folder:
        print(f"Wrote {family_results.gather(told.folder)}")
    print(f"Wrote {comparison.write_page()}")
    return 0


def votes(told: argparse.Namespace) -> int:
    """Print who was preferred to whom."""
    from ripieno_models.harness import votes as voting

    every = [vote for path in told.file for vote in voting.read(path)]
    for preference in voting.preferences(every):
        print(voting.sentence(preference))
    if not every:
        print("There are no votes yet.")
    return 0
