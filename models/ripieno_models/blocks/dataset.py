"""Blocks of bars from pieces: they begin on bar lines, as the engine's do.

Every batch follows from the seed, the epoch and its number alone, so that a resumed run sees what
an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from ripieno.grammar.grid import VOICES
from torch.utils.data import IterableDataset

from ripieno_models.dataset import cropped
from ripieno_models.families.blocks import IGNORED, UNKNOWN, BlockBatch, BlockOptions
from ripieno_models.piece import Ints, Piece


def begins(piece: Piece, steps: int) -> list[int]:
    """The bar lines from which at least half of `steps` sixteenths are left; the beginning where
    there is none."""
    lines = np.flatnonzero(piece.place == 0).tolist()
    return [line for line in lines if len(piece) - line >= steps // 2] or [0]


def block(piece: Piece, begin: int, steps: int) -> Ints:
    """[steps, 4]: the tokens from the sixteenth `begin` on; what is held into it is struck there,
    and behind the end of the piece is `IGNORED`."""
    told = cropped(piece, slice(begin, begin + steps))
    return np.pad(told, ((0, steps - len(told)), (0, 0)), constant_values=IGNORED)


def batch_of(blocks: Sequence[Ints], heard: Sequence[Ints] | None = None) -> BlockBatch:
    """`blocks` [T, 4] as one batch, all of them heard where nothing else is told."""
    targets = torch.from_numpy(np.stack(blocks))
    told = targets if heard is None else torch.from_numpy(np.stack(heard))
    return BlockBatch(torch.where(told == IGNORED, UNKNOWN, told), targets)


class BlockCrops(IterableDataset[BlockBatch]):
    """The batches of one epoch: blocks of `pieces`, transposed, with some of it hidden.

    An example has `count` blocks in a row. `share` is (number, count): of each batch, the examples
    of one of several processes.
    """

    def __init__(self, pieces: Sequence[Piece], options: BlockOptions, count: int) -> None:
        self.options, self.steps, self.epoch = options, count * options.crop, 0
        self.versions = [[p.transposed(by) for by in p.transpositions()] for p in pieces]
        self.share = (0, 1)
        self.begins = [begins(piece, self.steps) for piece in pieces]
        bars = np.array([len(lines) for lines in self.begins], dtype=float)
        self.shares = bars / bars.sum()

    def __len__(self) -> int:
        return self.options.steps_per_epoch

    def __iter__(self) -> Iterator[BlockBatch]:
        for number in range(len(self)):
            random = np.random.default_rng([self.options.seed, self.epoch, number])
            rows = random.choice(len(self.versions), self.options.batch, p=self.shares)
            told = [self.example(int(row), random) for row in rows]
            heard = [self.hidden(each, random) for each in told]
            own = slice(self.share[0], None, self.share[1])
            yield batch_of(told[own], heard[own])

    def example(self, row: int, random: np.random.Generator) -> Ints:
        versions, lines = self.versions[row], self.begins[row]
        piece = versions[int(random.integers(len(versions)))]
        return block(piece, lines[int(random.integers(len(lines)))], self.steps)

    def hidden(self, told: Ints, random: np.random.Generator) -> Ints:
        """`told` with some voices unknown, or what lies before or behind a place in it."""
        heard = told.copy()
        if random.random() < self.options.hide_voices:
            count = int(random.integers(1, len(VOICES)))
            heard[:, random.choice(len(VOICES), count, replace=False)] = UNKNOWN
        if random.random() < self.options.hide_part:
            place = int(random.integers(1, len(heard)))
            part = slice(place, None) if random.random() < 0.75 else slice(0, place)
            heard[part] = UNKNOWN
        return heard


def whole(pieces: Sequence[Piece], steps: int, batch: int = 32) -> list[BlockBatch]:
    """All of `pieces` in successive blocks, from the first bar line on; nothing is hidden."""
    found = []
    for piece in pieces:
        lines = begins(piece, steps)
        begin = lines[0]
        while begin <= lines[-1]:
            found.append(block(piece, begin, steps))
            begin = next((line for line in lines if line >= begin + steps), lines[-1] + 1)
    return [batch_of(found[at : at + batch]) for at in range(0, len(found), batch)]
