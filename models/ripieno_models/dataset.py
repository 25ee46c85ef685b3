"""Training examples from pieces: crops, transpositions, orders, and what is hidden.

Every batch follows from the seed, the epoch and its number alone, so that a resumed run sees what
an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.grid import HOLD, REST, UNKNOWN_CADENCE, UNKNOWN_KEY, UNKNOWN_PLACE, VOICES
from torch import Tensor
from torch.utils.data import IterableDataset

from ripieno_models.options import Training
from ripieno_models.piece import Ints, Piece, without_onsets

Floats = NDArray[np.float64]
UNKNOWN = (UNKNOWN_PLACE, 0, UNKNOWN_KEY, UNKNOWN_CADENCE)
PLACE, METER, KEY, CADENCE = range(4)
COUNTED_BAR = 16
EVERYONE = np.arange(len(VOICES))


class Batch(NamedTuple):
    """B examples of T steps, K voices each: see `features.decisions`.

    `tokens` [B, T, 4], `order` [B, T, K], `settings` [B, T, 4]; `mask` [B, T] is false behind the
    end of a piece.
    """

    tokens: Tensor
    order: Tensor
    settings: Tensor
    mask: Tensor


class Example(NamedTuple):
    """One row of a batch, T steps long."""

    tokens: Ints
    order: Ints
    settings: Ints


def collate(examples: Sequence[Example]) -> Batch:
    """Examples as one batch, padded with rests to the longest."""
    steps = max(len(example.tokens) for example in examples)
    rows = [
        Example(
            padded(example.tokens, steps, REST),
            np.pad(example.order, ((0, steps - len(example.order)), (0, 0)), mode="edge"),
            padded(example.settings, steps, 0),
        )
        for example in examples
    ]
    lengths = torch.tensor([len(example.tokens) for example in examples])
    tokens, order, settings = (torch.from_numpy(np.stack(c)) for c in zip(*rows, strict=True))
    return Batch(tokens, order, settings, mask=torch.arange(steps) < lengths[:, None])


def padded(rows: Ints, steps: int, filler: int) -> Ints:
    return np.pad(rows, ((0, steps - len(rows)), (0, 0)), constant_values=filler)


class Crops(IterableDataset[Batch]):
    """The batches of one epoch: random crops of `pieces`, transposed, in random orders.

    Early in a run some come from `hymns` instead. `share` is (number, count): of each batch, the
    examples of one of several processes, which have all of it between them.
    """

    def __init__(
        self, pieces: Sequence[Piece], options: Training, epoch: int, hymns: Sequence[Piece] = ()
    ) -> None:
        self.options, self.epoch = options, epoch
        self.share = (0, 1)
        every = [*pieces, *hymns]
        self.versions = [[p.transposed(by) for by in p.transpositions()] for p in every]
        lengths = np.array([len(piece) for piece in every], dtype=float)
        self.hymnal = np.arange(len(every)) >= len(pieces)
        self.within: Floats = lengths / np.where(
            self.hymnal, lengths[self.hymnal].sum(), lengths[~self.hymnal].sum()
        )

    def __len__(self) -> int:
        return self.options.steps_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        for number in range(len(self)):
            random = np.random.default_rng([self.options.seed, self.epoch, number])
            yield self.batch(random, self.shares(self.epoch * len(self) + number))

    def shares(self, step: int) -> Floats:
        """[pieces]: how likely each piece is at an optimiser step; hymns are gone at half time."""
        hymns = self.options.hymns * max(0.0, 1 - 2 * step / self.options.steps)
        if not self.hymnal.any():
            return self.within
        return np.asarray(self.within * np.where(self.hymnal, hymns, 1 - hymns))

    def batch(self, random: np.random.Generator, shares: Floats) -> Batch:
        """One batch; how many voices take part is drawn for all of it, which ones for each row."""
        everyone = random.random() < self.options.all_voices
        count = len(VOICES) if everyone else int(random.integers(1, len(VOICES)))
        chosen = random.choice(len(self.versions), self.options.batch, p=shares)
        examples = [self.example(int(row), count, random) for row in chosen]
        number, processes = self.share
        return collate(examples[number::processes])

    def example(self, row: int, count: int, random: np.random.Generator) -> Example:
        versions = self.versions[row]
        piece = versions[int(random.integers(len(versions)))]
        # A start before the piece's first step is cut to it: beginnings come often, as in life.
        begin = int(random.integers(-self.options.crop // 4, max(1, len(piece) - 31)))
        begin = max(0, min(begin, len(piece) - self.options.crop))
        part = slice(begin, begin + self.options.crop)
        voices = random.choice(EVERYONE, count, replace=False)
        natural = random.random() < self.options.natural_order
        settings = piece.settings()[part]
        if self.hymnal[row] and not piece.fermata.any():
            # Hymns are printed without fermatas; that is no sign that no phrase ends.
            settings[:, CADENCE] = UNKNOWN[CADENCE]
        shown = hidden(settings, self.options, random, begin)
        if self.options.hide_onsets and (shown[:, KEY] == UNKNOWN_KEY).all():
            blind = random.random() < self.options.hide_onsets
            piece = without_onsets(piece) if blind else piece
        return Example(
            cropped(piece, part),
            orders(piece.place[part], np.sort(voices) if natural else voices, natural, random),
            shown,
        )


def cropped(piece: Piece, part: slice) -> Ints:
    """The tokens of a part; what is held into it is struck at its first step."""
    tokens = piece.tokens[part].copy()
    tokens[0] = np.where(tokens[0] == HOLD, piece.sounding()[part][0], tokens[0])
    return tokens


def orders(place: Ints, voices: Ints, natural: bool, random: np.random.Generator) -> Ints:
    """[T, K]: the order of decisions, `voices` as given or redrawn at every bar line."""
    if natural:
        return np.tile(voices, (len(place), 1))
    bars = np.cumsum(place == 0)
    drawn = random.permuted(np.tile(voices, (int(bars[-1]) + 1, 1)), axis=1)
    return np.asarray(drawn[bars])


def hidden(settings: Ints, options: Training, random: np.random.Generator, begin: int = 0) -> Ints:
    """`settings` [T, 4] with some columns unknown, so that the model can do without them.

    Where all is hidden, the place may be what counting from the piece's first step gives; `begin`
    is the number of the first row's step.
    """
    settings = settings.copy()
    if random.random() < options.hide_all:
        settings[:] = UNKNOWN
        if options.count_place and random.random() < options.count_place:
            settings[:, PLACE] = counted(begin, len(settings))
        return settings
    shares = {(PLACE, METER): options.hide_place, (KEY,): options.hide_key}
    shares[(CADENCE,)] = options.hide_cadence
    for columns, share in shares.items():
        if random.random() < share:
            for column in columns:
                settings[:, column] = UNKNOWN[column]
    return settings


def counted(begin: int, steps: int) -> Ints:
    """[steps]: places of a clock that knows sixteen steps to a bar and no bar line."""
    return np.arange(begin, begin + steps) % COUNTED_BAR


def whole(pieces: Sequence[Piece], seed: int | None = None, batch: int = 16) -> list[Batch]:
    """Whole pieces in batches, the longest first; nothing is hidden or transposed.

    The order is soprano, alto, tenor, bass; with a `seed`, redrawn at every bar line.
    """
    random = np.random.default_rng(seed)
    sized = sorted(pieces, key=len, reverse=True)
    examples = [
        Example(p.tokens, orders(p.place, EVERYONE, seed is None, random), p.settings())
        for p in sized
    ]
    return [collate(examples[at : at + batch]) for at in range(0, len(examples), batch)]


def unknown(batches: Sequence[Batch]) -> list[Batch]:
    """The same batches with place, meter, key and cadence hidden."""
    return [b._replace(settings=torch.tensor(UNKNOWN).expand_as(b.settings)) for b in batches]
