"""What the cards of all families have in common: what is told of a run, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LOOKED = "looked at only for models that ship"
"""How often a card's test pieces were."""
PARTS = {"valid": "validation", "test": "test"}
Told = Mapping[str, Any]


def of_run(record: Told) -> dict[str, Any]:
    """What every card tells of a run, from its record, by the names that cards have for it."""
    runs = runs_before(record)
    return {
        "parameters": record["parameters"],
        "train": record["pieces"]["train"],
        "valid": record["pieces"]["valid"],
        "data": record["data"],
        "licence": record["licence"],
        "minutes": sum(run["minutes"] for run in runs),
        "machine": record["machine"],
        "seed": record["options"]["seed"],
        "commands": "\n".join(run["command"] for run in runs),
    }


def runs_before(record: Told) -> list[Told]:
    """The records of a run and of those that it began with, the first one first."""
    before = record.get("after")
    return [*(runs_before(before) if before else []), record]


def splits_of(tested: bool) -> dict[str, str]:
    """The splits that a card tells of, and their words."""
    return PARTS if tested else {"valid": PARTS["valid"]}


def row(label: str, cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {label} | {' | '.join(cells)} |" if label else f"| | {' | '.join(cells)} |"


def heading(columns: Sequence[str], label: str = "") -> list[str]:
    """A table's first two lines."""
    return [row(label, columns), "|---" * (len(columns) + 1) + "|"]
