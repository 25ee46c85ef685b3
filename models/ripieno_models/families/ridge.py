"""`ridge`: the floor that a network must beat.

Ridge regression (Hoerl & Kennard, 1970) from the encoded window, and from what the other families'
heads see of a decision, to the tokens as ones and zeros: one regression for each voice. Its
estimates are taken for probabilities, none below a floor that the validation pieces choose.
Nothing is trained step by step: scikit-learn solves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.grammar.grid import VOCABULARY
from torch import Tensor, nn

from ripieno_models.dataset import Batch, Crops, whole
from ripieno_models.families.frames import (
    DECIDED,
    FRAME,
    VOICE_COUNT,
    Codes,
    Seen,
    WindowModel,
    WindowOptions,
    asked,
    sounded,
)
from ripieno_models.features import decisions
from ripieno_models.likelihood import likelihood
from ripieno_models.options import default, option
from ripieno_models.piece import Piece

FLOORS = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Probabilities tried as the least that a token has before all are scaled to one."""
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(WindowOptions):
    """Options of the family; those of the optimiser and of dropout are without effect."""

    alpha: float = option(30.0, 0.0, 1e9, "weight of the squared coefficients against the errors")
    steps: int = default("steps", 16)
    steps_per_epoch: int = default("steps_per_epoch", 16)
    batch: int = default("batch", 32)
    crop: int = default("crop", 64)


class Ridge(WindowModel):
    """One linear map per voice, from everything in sight."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.linear = LinearHead(options.window * FRAME, self.codes, options)
        self.head = self.linear

    def read(self, window: Tensor) -> Tensor:
        """[M, 20 W] from `window` [M, W, 4, 5]."""
        return window.flatten(1)

    def seen(self, features: Tensor) -> Tensor:
        """[B, N, X]: what the regressions are from, for `features` [B, N, F]."""
        each = features.shape[1] // int((features[0, :, DECIDED] == 0).sum())
        summary = self.remember(sounded(features[:, ::each])).repeat_interleave(each, dim=1)
        told: Tensor = self.linear.sees(summary, features)
        return told


class LinearHead(nn.Module):
    """Logits that are the logarithms of what the regressions estimate."""

    def __init__(self, summary: int, codes: Codes, options: Options) -> None:
        super().__init__()
        self.sees = Seen(summary, codes, options)
        # In doubles: near the floor a logarithm makes much of the last digits.
        self.map = nn.Linear(self.sees.size, VOICE_COUNT * VOCABULARY, dtype=torch.float64)
        self.register_buffer("floor", torch.tensor(FLOORS[0], dtype=torch.float64))
        self.floor: Tensor

    def forward(self, summary: Tensor, features: Tensor) -> Tensor:
        """[B, N, 48] from the `summary` [B, N, S] and `features` [B, N, F]."""
        every = self.map(self.sees(summary, features).double())
        return asked(every, features).maximum(self.floor).log().float()


@torch.no_grad()
def solve(model: Ridge, crops: Crops, valid: Sequence[Piece], options: Options) -> None:
    """Fit `model` to the crops of one epoch, then choose its floor on the pieces `valid`."""
    from sklearn.linear_model import Ridge as Regression

    seen, targets, voices = examples(model, crops)
    weight = model.linear.map.weight.view(VOICE_COUNT, VOCABULARY, -1)
    bias = model.linear.map.bias.view(VOICE_COUNT, VOCABULARY)
    for voice in range(VOICE_COUNT):
        own = voices == voice
        told = np.eye(VOCABULARY, dtype=np.float32)[targets[own]]
        fitted = Regression(alpha=options.alpha).fit(seen[own], told)
        weight[voice].copy_(torch.from_numpy(fitted.coef_))
        bias[voice].copy_(torch.from_numpy(fitted.intercept_))
    batches = whole(valid)
    losses = {}
    for floor in FLOORS:
        model.linear.floor.fill_(floor)
        losses[likelihood(model, batches).nll] = floor
    model.linear.floor.fill_(losses[min(losses)])


def examples(model: Ridge, crops: Crops) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """What is seen [M, X], what is decided [M] and by which voice [M], in all decisions."""
    found = [each(model, batch) for batch in crops]
    seen, targets, voices = (np.concatenate(part) for part in zip(*found, strict=True))
    return seen, targets, voices


def each(model: Ridge, batch: Batch) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """The same in one batch."""
    told = decisions(batch.tokens, batch.order, batch.settings)
    counted = batch.mask.repeat_interleave(batch.order.shape[2], dim=1)
    parts = (model.seen(told.features), told.targets, told.voices)
    seen, targets, voices = (part[counted].numpy() for part in parts)
    return seen, targets, voices
