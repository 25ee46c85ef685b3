"""Weights for a vocabulary from a run with another one: what means the same begins the same."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ripieno_models.tokens.scheme import BAR, Scheme

TABLES = ("embedding.weight", "head.weight", "head.bias")
"""The weights that have a row for each token."""


def adopted(weights: Mapping[str, Tensor], old: Scheme, new: Scheme) -> dict[str, Tensor]:
    """The `weights` of a model of the vocabulary `old`, for one of the same shape of `new`.

    A token that `old` has not begins as the mean of its base tokens; a bar's number is new to it.
    """
    known = {names(old, number): number for number in range(len(old))}
    rows = []
    for number in range(len(new)):
        told = names(new, number)
        parts = [told] if told in known else [(name,) for name in told]
        rows.append([known[part] for part in parts if part in known])
    found = dict(weights)
    for name in TABLES:
        if name in weights:
            table = weights[name]
            mean = table.mean(0)
            found[name] = torch.stack([table[row].mean(0) if row else mean for row in rows])
    return found


def names(scheme: Scheme, number: int) -> tuple[str, ...]:
    """What an id stands for, without the numbers of bars."""
    told = (scheme.names[base] for base in scheme.spelled[number])
    return tuple(BAR if name.startswith("Bar_") else name for name in told)
