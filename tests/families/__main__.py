"""`make families`: every family on a small slice of the chorales, from training to eight bars.

`python -m tests.families [--steps N] [FAMILY …]` prints a row for each and fails where one is red.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from ripieno_models.corpora import SHARED_DATA, Corpus, find
from ripieno_models.piece import Split

from tests.families.rows import GRID_STREAMS, row_of
from tests.families.token_rows import TOKEN_STREAMS, token_row
from tests.models.tunes import write_folk

TRAIN, VALID = 60, 12
HEADING = "| family | parameters | nats per decision | from torch | in the engine | notes | s | |"


def main() -> int:
    """Print the table. Returns 0 where all rows are green."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*", default=[*GRID_STREAMS, *TOKEN_STREAMS])
    parser.add_argument("--steps", type=int, default=300, help="optimiser steps per family")
    told = parser.parse_args()
    torch.set_num_threads(1)
    found = find(None)
    pieces = found.of(Split.TRAIN)[:TRAIN] + found.of(Split.VALID)[:VALID]
    corpus = Corpus(found.name, found.licence, tuple(pieces))
    print(HEADING + "\n|---|---|---|---|---|---|---|---|", flush=True)
    red = 0
    with tempfile.TemporaryDirectory() as place:
        for name in told.family:
            options = options_of(name, told.steps)
            if name in TOKEN_STREAMS:
                row = token_row(name, tunes(Path(place)), Path(place), **options)
            else:
                row = row_of(name, corpus, Path(place), **options)
            red += not row.good
            print(
                f"| {row.name} | {row.parameters:,} | {row.nll:.3f} | {row.difference:.0e}"
                f" | {row.replayed:.0e} | {row.notes} | {row.seconds:.0f}"
                f" | {'green' if row.good else 'RED'} |",
                flush=True,
            )
    return 1 if red else 0


def tunes(place: Path) -> Path:
    """The folder of data with the fiddle tunes; made-up ones where they do not lie beside us."""
    if (SHARED_DATA / "folk").is_dir():
        return SHARED_DATA
    if not (place / "data").exists():
        write_folk(place / "data", count=64)
    return place / "data"


def options_of(name: str, steps: int) -> dict[str, Any]:
    """Small enough for a minute; ridge is solved at once."""
    small: dict[str, Any] = {"steps": steps, "batch": 8, "crop": 64}
    small["steps_per_epoch"] = min(100, steps)
    if name in TOKEN_STREAMS:
        return small | {"crop": 96}
    return {} if name == "ridge" else small


if __name__ == "__main__":
    sys.exit(main())
