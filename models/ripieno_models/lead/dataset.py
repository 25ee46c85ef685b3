"""Training examples of lead sheets: crops in every key, with what is told hidden now and then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.lead_sheet import CHORD, FEATURES, FIRST_PITCH, MELODY_TOKENS, UNKNOWN_KEY
from torch import Tensor
from torch.utils.data import IterableDataset

from ripieno_models.families.lead_sheet import COLUMN, Options
from ripieno_models.lead.sheet import Sheet, rows
from ripieno_models.piece import Ints

KEYS = range(-5, 7)
"""Semitones by which a sheet is moved: once into every key."""
HIDDEN_BY_KEY = ("melody_degree", "root_degree")


class Batch(NamedTuple):
    """`features` int64 [B, N, F], `targets` int64 [B, N] among all tokens, -100 where none is
    asked; how many `notes` and `changes` of the chord are told."""

    features: Tensor
    targets: Tensor
    notes: int
    changes: int

    @property
    def chords(self) -> Tensor:
        """Which of the targets are the chord's, bool [B, N]."""
        return self.features[..., COLUMN["stream"]] == CHORD


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A sheet in one key as decisions: `features` uint8 [N, F], `targets` int16 [N]; where its bars
    begin."""

    features: NDArray[np.uint8]
    targets: NDArray[np.int16]
    begins: tuple[int, ...]


def decided(sheet: Sheet) -> Decided:
    """The decisions of a sheet, two a sixteenth."""
    seen, told = zip(*rows(sheet), strict=True)
    targets = np.array(told, np.int16)
    targets[1::2] += MELODY_TOKENS
    return Decided(np.array(seen, np.uint8), targets, tuple(range(0, len(targets), 2 * sheet.bar)))


class Crops(IterableDataset[Batch]):
    """An epoch of crops; each batch follows from the seed, the epoch and its number.

    `share` is (number, count): of each batch, the examples of one of several processes.
    """

    def __init__(self, sheets: Sequence[Sheet], options: Options) -> None:
        self.pieces = [[decided(sheet.transposed(by)) for by in KEYS] for sheet in sheets]
        self.options, self.epoch, self.share = options, 0, (0, 1)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.options.steps_per_epoch):
            rng = np.random.default_rng((self.options.seed, self.epoch, number))
            first, processes = self.share
            yield collate([self.crop(rng) for _ in range(self.options.batch)][first::processes])

    def crop(self, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """One example: `crop` sixteenths from a bar line on, in some key."""
        options = self.options
        piece = self.pieces[rng.integers(len(self.pieces))][rng.integers(len(KEYS))]
        begin = 0 if rng.random() < 0.5 else piece.begins[rng.integers(len(piece.begins))]
        end = begin + 2 * options.crop
        features = piece.features[begin:end].astype(np.int64)
        if rng.random() < options.hide_key:
            without_key(features)
        if rng.random() < options.hide_bar:
            features[:, COLUMN["bar"]] = 0
        if rng.random() < options.hide_place:
            features[:, [COLUMN[name] for name in ("place", "meter", "bar")]] = 0
        return features, piece.targets[begin:end].astype(np.int64)


def without_key(features: Ints) -> None:
    """Blank what tells the key, in place."""
    features[:, COLUMN["key"]] = UNKNOWN_KEY
    features[:, [COLUMN[name] for name in HIDDEN_BY_KEY]] = 0


def collate(examples: Sequence[tuple[Ints, Ints]]) -> Batch:
    """Examples side by side, the shorter ones filled up."""
    longest = max(len(targets) for _, targets in examples)
    features = np.zeros((len(examples), longest, len(FEATURES)), np.int64)
    targets = np.full((len(examples), longest), -100, np.int64)
    for row, (seen, told) in enumerate(examples):
        features[row, : len(told)], targets[row, : len(told)] = seen, told
    notes = int(((targets >= FIRST_PITCH) & (targets < MELODY_TOKENS)).sum())
    changes = int((targets > MELODY_TOKENS).sum())
    return Batch(torch.from_numpy(features), torch.from_numpy(targets), notes, changes)


def whole(sheets: Sequence[Sheet], *, told: bool = True) -> list[Batch]:
    """Each sheet by itself, from the beginning to the end, the key told or not."""
    batches = []
    for sheet in sheets:
        piece = decided(sheet)
        features = piece.features.astype(np.int64)
        if not told:
            without_key(features)
        batches.append(collate([(features, piece.targets.astype(np.int64))]))
    return batches
