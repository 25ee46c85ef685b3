"""The floor that a model of tokens must lie below: counts of what followed what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ripieno_models.piece import Ints

Floats = NDArray[np.float64]
LONGEST = 8
"""How many tokens the floor looks at, the last one included, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What followed contexts of one length. `longer` are the contexts in order, each told as the
    one that is a token shorter and the token before it; `pairs` (context and what follows it) came
    `times`; a context came `total` times, before `kinds` different tokens."""

    longer: Ints
    pairs: Ints
    times: Ints
    total: Ints
    kinds: Ints


class Ngram:
    """Interpolated n-grams after Witten & Bell (1991), up to `order` tokens out of `size`."""

    def __init__(self, order: int, size: int) -> None:
        self.order, self.size = order, size
        self.counts: list[Counts] = []

    def learn(self, lines: Sequence[Sequence[int]]) -> None:
        """Count what follows each context of up to `order` - 1 tokens."""
        tokens, reach = joined(lines)
        context, seen = np.zeros(len(tokens), np.int64), np.ones(len(tokens), bool)
        self.counts = []
        for length in range(self.order):
            longer = np.zeros(1, np.int64)
            if length:
                key = context * self.size + shifted(tokens, length)
                seen = reach >= length
                longer, context[seen] = np.unique(key[seen], return_inverse=True)
            pairs, times = np.unique(context[seen] * self.size + tokens[seen], return_counts=True)
            total = np.bincount(context[seen], minlength=len(longer))
            kinds = np.bincount(pairs // self.size, minlength=len(longer))
            self.counts.append(Counts(longer, pairs, times, total, kinds))

    def nats(self, lines: Sequence[Sequence[int]]) -> Floats:
        """[order, N]: nats of each token of the `lines`, one behind the other, by n-grams of 1 …
        `order` tokens. What was never seen is told by the next shorter one."""
        tokens, reach = joined(lines)
        context, seen = np.zeros(len(tokens), np.int64), np.ones(len(tokens), bool)
        likely = np.full(len(tokens), 1.0 / self.size)
        told = []
        for length, counts in enumerate(self.counts):
            if length:
                key = context * self.size + shifted(tokens, length)
                place, found = sought(key, counts.longer)
                seen = seen & found & (reach >= length)
                context = np.where(seen, place, 0)
            place, found = sought(context * self.size + tokens, counts.pairs)
            times = np.where(found, counts.times[place], 0)
            total, kinds = counts.total[context], counts.kinds[context]
            likely = np.where(seen, (times + kinds * likely) / (total + kinds), likely)
            told.append(-np.log(likely))
        return np.stack(told)


def joined(lines: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """All tokens [N] of the `lines`, and how many of its own line lie before each."""
    tokens = np.concatenate([np.asarray(line, np.int64) for line in lines])
    return tokens, np.concatenate([np.arange(len(line)) for line in lines])


def shifted(tokens: Ints, by: int) -> Ints:
    """For each place the token `by` places before; 0 where there is none."""
    return np.concatenate(
        [np.zeros(min(by, len(tokens)), np.int64), tokens[: max(0, len(tokens) - by)]]
    )


def sought(keys: Ints, among: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Where each key lies in `among`, which is in order, and whether it is there."""
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return place, among[place] == keys
