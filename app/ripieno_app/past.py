"""What was turned, and how it was before, so that it can be taken back. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ripieno.commands import Become, Programs, Recall

DEPTH = 50
"""How many changes are remembered."""

Back = Become | Programs | Recall
"""What brings back how it was."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed, by its name, and what takes it back."""

    name: str
    back: Back


class Past:
    """The changes of this performance."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def remember(self, name: str, back: Back) -> None:
        """`name` is turned away from `back`; turning the same thing on is one change."""
        if isinstance(back, Recall) or not self._changes or self._changes[-1].name != name:
            self._changes = [*self._changes, Change(name, back)][-DEPTH:]

    def take_back(self, stands: Callable[[Back], bool]) -> Change | None:
        """The last change that makes a difference; where all `stands` as it was, it makes none."""
        while self._changes:
            change = self._changes.pop()
            if not stands(change.back):
                return change
        return None
