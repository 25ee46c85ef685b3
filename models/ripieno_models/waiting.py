"""Progress bars with the time left, for all that lasts longer than a second."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

Item = TypeVar("Item")
PATIENCE = 1.0
"""Seconds after which a bar appears."""


def each(items: Collection[Item], what: str, unit: str = "piece") -> Iterator[Item]:
    """The `items` in turn; a bar called `what` appears in a terminal where it takes long."""
    yield from tqdm(items, desc=what, unit=unit, delay=PATIENCE, leave=False, disable=None)
