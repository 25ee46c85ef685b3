"""How much chance is in a figure: runs that differ in nothing but their seed, side by side."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

Told = Mapping[str, Any]
FEWEST = 3
"""Seeds of a run that is told here."""
SIZES = {"--hidden": "cells", "--entries": "entries"}
"""Flags whose value tells one line of the table from another."""
CHANGES_NOTHING = ("--seed", "--out")
"""Flags, each with its value, that make no other model."""


def plain(command: str) -> str:
    """A run's command without its seed and its folder."""
    words = iter(command.split())
    kept = []
    for word in words:
        if word in CHANGES_NOTHING:
            next(words, None)
        else:
            kept.append(word)
    return " ".join(kept).removeprefix("ripieno-models train ")


def alike(runs: Mapping[str, Told]) -> Iterator[tuple[str, list[Told]]]:
    """(command, runs) of all that were run from three seeds or more, by the first one's command."""
    groups: defaultdict[str, dict[int, Told]] = defaultdict(dict)
    for run in runs.values():
        if run["valid"] is not None:
            groups[kind_of(run)][run["seed"]] = run
    several = [[found[seed] for seed in sorted(found)] for found in groups.values()]
    each = [(plain(found[0]["command"]), found) for found in several if len(found) >= FEWEST]
    yield from sorted(each, key=lambda one: one[0])


def kind_of(run: Told) -> str:
    """What is the same of runs that differ in nothing but their seed: their options, as what a
    command leaves out may have changed since; where they are not told, their command."""
    if "options" not in run:
        return plain(run["command"])
    return json.dumps([run["family"], {**run["options"], "seed": None}], sort_keys=True)


def section(runs: Mapping[str, Told]) -> str:
    """A table with a line for each; nothing where no run has that many seeds."""
    lines = []
    for command, found in alike(runs):
        valid = [run["valid"] for run in found]
        family, _, flags = command.partition(" ")
        short = f"`{family}`" + (f", {found[0]['steps']} steps" if "--steps" in flags else "")
        size = "".join(
            f", {value} {what}" for flag, what in SIZES.items() if (value := value_of(flags, flag))
        )
        cells = [", ".join(f"{each:.3f}" for each in valid), f"{max(valid) - min(valid):.3f}"]
        lines.append(f"| {short}{size} | {' | '.join(cells)} |")
    if not lines:
        return ""
    head = [
        "## What another seed changes\n",
        "The same command from three seeds; figures as above. Sizes that are not told are the"
        " family's own (`vq-vae`: 128 entries).\n",
        "| run | validation, seeds 1, 2, 3 | apart |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *lines]) + "\n"


def value_of(flags: str, name: str) -> str:
    """The value of a flag; empty where it is not told."""
    words = flags.split()
    return words[words.index(name) + 1] if name in words else ""
