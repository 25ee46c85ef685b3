"""What the engine asks of a model, whatever kind it is.

A model hears *rows*, one for each decision: the features of that decision, and says what it thinks
of every token. Its state is passed by hand: `mark` says where it stands, `rewind` goes back there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ripieno.inference.bundle import Manifest

Logits = NDArray[np.float32]
Row = Sequence[int]
"""The features of one decision: [len(FEATURES)] small integers."""
Mark = NDArray[np.float32] | int
"""Where a model stands: a snapshot of a recurrent state, or the length of a cache."""


class ModelFault(Exception):
    """A model failed in the middle of the music; `str()` is a sentence for the player."""


class Model(Protocol):
    """A loaded model and its present state."""

    manifest: Manifest
    precision: str
    marks_last: bool
    """A mark stays good whatever is heard after it: it holds the whole state. Otherwise going back
    and hearing something else voids the marks that lay ahead."""
    context: float
    """Positions that it can hold; infinite for a state that never grows."""
    per_step: int
    """Positions that a sixteenth takes."""

    @property
    def length(self) -> int:
        """Positions of its context that are taken; 0 for a state that never grows."""

    def step(self, row: Row) -> Logits:
        """Hear one row: logits [48], a view that the next run overwrites. Raises ModelFault."""

    def feed(self, rows: Sequence[Row], at: Sequence[int]) -> tuple[Logits, list[Mark]]:
        """Hear `rows`, one or more, in order: the last one's logits, and marks from before the
        rows numbered in `at` (rising, up to len(rows): after the last). Raises ModelFault."""

    def mark(self) -> Mark:
        """Where it stands now."""

    def rewind(self, mark: Mark) -> None:
        """Go back to `mark`, exactly, at the cost of moving a length or copying a state."""

    def reset(self) -> None:
        """As if it had heard nothing."""


@runtime_checkable
class Branching(Protocol):
    """A model that can weigh a tree of candidates in one run. What it has heard stays what it was
    until one of them is kept; `step`, `feed`, `rewind` and `reset` forget them."""

    @property
    def branches(self) -> int:
        """Rows that a tree may have; 0 where this model's graph cannot."""

    def grow(self, rows: Sequence[Row], parents: Sequence[int | None]) -> Logits:
        """Hear each of `rows` after its parent: a row grown before, numbered from 0 since the last
        one that was kept; None is all that was heard. Logits [rows, tokens], a view that the next
        run overwrites. Raises ModelFault."""

    def keep(self, row: int) -> None:
        """Go on from the grown row numbered `row`, as if its path alone had been heard."""
