"""Training examples of tokens: crops of pieces, transposed, with what is told in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split, transposed_fifths
from ripieno_models.tokens.scheme import END, PAD, START, Scheme, key_name
from ripieno_models.tokens.tune import Tune

Rng = np.random.Generator
POOL = 8
"""How many times a batch's pieces are drawn, to find some of like length."""
PREFIX = 2
"""Tokens that are told and not asked: the start and the key."""


class Batch(NamedTuple):
    """`tokens` int64 [B, N], padded; `targets` [B, N - 1], -100 where none is asked; `notes`."""

    tokens: Tensor
    targets: Tensor
    notes: int


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A tune's base ids without start and end: `forms` of it to learn (the whole of it, or with
    parts left out); where its bars begin, and its key."""

    name: str
    forms: tuple[tuple[int, ...], ...]
    fifths: int | None
    split: Split


def written(tune: Tune, forms: Sequence[Tune], scheme: Scheme) -> Written:
    """The `forms` of a `tune` as base ids."""
    lines = tuple(tuple(scheme.encode(form)) for form in forms)
    return Written(tune.name, lines, tune.fifths, tune.split)


class Crops(IterableDataset[Batch]):
    """An epoch of crops; each batch follows from the seed, the epoch and its number.

    `share` is (number, count): of each batch, the examples of one of several processes.
    """

    def __init__(self, pieces: Sequence[Written], scheme: Scheme, options: TokenOptions) -> None:
        self.pieces, self.scheme, self.options = pieces, scheme, options
        self.epoch = 0
        self.share = (0, 1)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.options.steps_per_epoch):
            rng = np.random.default_rng((self.options.seed, self.epoch, number))
            number_of, processes = self.share
            yield collate(self.like_lengths(rng)[number_of::processes], self.scheme)

    def like_lengths(self, rng: Rng) -> list[list[int]]:
        """A batch of crops of pieces of about the same length, so that little of it is padding."""
        size = self.options.batch
        drawn = [self.pieces[n] for n in rng.integers(0, len(self.pieces), POOL * size)]
        drawn.sort(key=lambda piece: len(piece.forms[0]))
        begin = size * int(rng.integers(0, POOL))
        return [self.crop(piece, rng) for piece in drawn[begin : begin + size]]

    def crop(self, piece: Written, rng: Rng) -> list[int]:
        """One example: start, key, and at most `crop` tokens from a bar line on."""
        options, scheme = self.options, self.scheme
        base = piece.forms[int(rng.integers(0, len(piece.forms)))]
        semitones = int(rng.integers(-options.transpose, options.transpose + 1))
        told, moved = transposed(base, piece.fifths, semitones, scheme)
        if rng.random() < options.hide_key:
            told = None
        bars = [place for place, number in enumerate(moved) if number in scheme.bars]
        if rng.random() < options.start_inside and len(bars) > 1:
            moved = moved[bars[int(rng.integers(1, len(bars)))] :]
        return framed(scheme.merged(moved), told, scheme)[: options.crop]


def framed(ids: Sequence[int], fifths: int | None, scheme: Scheme) -> list[int]:
    """Start and key before `ids`, the end behind them."""
    base = scheme.base
    return [base[START], base[key_name(fifths)], *ids, base[END]]


def transposed(
    ids: Sequence[int], fifths: int | None, semitones: int, scheme: Scheme
) -> tuple[int | None, list[int]]:
    """The key and the base ids `semitones` higher; as they are where a pitch would be none."""
    low, high = scheme.pitches
    pitches = [number for number in ids if low <= number <= high]
    if not pitches or min(pitches) + semitones < low or max(pitches) + semitones > high:
        semitones = 0
    moved = [number + semitones if low <= number <= high else number for number in ids]
    return None if fifths is None else transposed_fifths(fifths, semitones), moved


def collate(lines: Sequence[Sequence[int]], scheme: Scheme, machine: bool = False) -> Batch:
    """A batch of framed lines. The start and the key are told; all else is asked, or with `machine`
    only what tells the machine's own notes."""
    longest = max(len(line) for line in lines)
    tokens = torch.full((len(lines), longest), scheme.base[PAD])
    asked = torch.zeros(len(lines), longest, dtype=torch.bool)
    notes = 0
    for row, line in enumerate(lines):
        tokens[row, : len(line)] = torch.tensor(line)
        own = scheme.machines(line) if machine else [True] * len(line)
        asked[row, : len(line)] = torch.tensor(own)
        notes += sum(scheme.ends_note[n] for n, is_own in zip(line, own, strict=True) if is_own)
    asked[:, :PREFIX] = False
    return Batch(tokens, tokens[:, 1:].masked_fill(~asked[:, 1:], -100), notes)


def windows(line: Sequence[int], scheme: Scheme, longest: int) -> list[list[int]]:
    """A framed line in pieces of at most `longest` tokens, each from a bar line on with the start
    and the key before it."""
    told, rest = list(line[:PREFIX]), list(line[PREFIX:])
    found: list[list[int]] = []
    while len(rest) > longest - PREFIX:
        room = rest[: longest - PREFIX + 1]
        bars = [p for p, n in enumerate(room) if p and scheme.spelled[n][0] in scheme.bars]
        end = bars[-1] if bars else len(room) - 1
        found.append(told + rest[:end])
        rest = rest[end:]
    return [*found, told + rest]


def whole(
    pieces: Sequence[Written],
    scheme: Scheme,
    longest: int,
    *,
    form: int = 0,
    told: bool = False,
    machine: bool = False,
    batch: int = 16,
) -> list[Batch]:
    """One form of each piece in windows of at most `longest` tokens, the key told or not."""
    lines = sorted(
        (
            window
            for p in pieces
            for window in windows(
                framed(scheme.merged(p.forms[form]), p.fifths if told else None, scheme),
                scheme,
                longest,
            )
        ),
        key=len,
    )
    return [
        collate(lines[begin : begin + batch], scheme, machine)
        for begin in range(0, len(lines), batch)
    ]
