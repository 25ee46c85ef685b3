"""The tree of the pieces that tokens are spelled with: a node for each beginning of a spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Way = tuple[int, ...]
"""The pieces from the root to a node."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Beginnings of spellings, each after those that lead to it, and the spellings themselves."""

    ways: tuple[Way, ...]
    spellings: tuple[Way, ...]

    def tables(self) -> dict[str, Tensor]:
        """`nodes` [T]: the piece at each node; `above` [T, T]: 1 where a node lies on another's
        way, or is it; `depth` [T]: nodes before it; and for V spellings of at most L pieces:
        `spelled` [V, L], `length` [V], and `ways` [V, L]: the node that each piece follows,
        counted from 1; 0 is the root."""
        number = {way: at for at, way in enumerate(self.ways)}
        longest = max(map(len, self.spellings))
        spelled = torch.zeros(len(self.spellings), longest, dtype=torch.long)
        ways = torch.zeros_like(spelled)
        for row, spelling in enumerate(self.spellings):
            for at, piece in enumerate(spelling):
                spelled[row, at] = piece
                ways[row, at] = number[spelling[:at]] + 1 if at else 0
        above = [[float(way[: len(other)] == other) for other in self.ways] for way in self.ways]
        return {
            "nodes": torch.tensor([way[-1] for way in self.ways]),
            "above": torch.tensor(above),
            "depth": torch.tensor([len(way) - 1 for way in self.ways]),
            "spelled": spelled,
            "length": torch.tensor([len(spelling) for spelling in self.spellings]),
            "ways": ways,
        }


def tree_of(spellings: Sequence[Sequence[int]]) -> Tree:
    """The tree of `spellings`, each a list of pieces; an empty one is left out of it."""
    told = tuple(map(tuple, spellings))
    begun = {spelling[:at] for spelling in told for at in range(1, len(spelling))}
    return Tree(tuple(sorted(begun, key=lambda way: (len(way), way))), told)
