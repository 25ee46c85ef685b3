"""The optimiser of token models: orthogonal steps for the matrices inside, AdamW for all else.

Muon (Jordan et al., 2024) makes every step of a matrix as large in one direction as in another;
scaled to the size of AdamW's steps (Liu et al., 2025), both go by one step size and one schedule.
Vectors go by AdamW, and so do the tables that a token looks up, and the logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from ripieno_models.families.blanking import Table
from ripieno_models.options import Training

ADAM_BETAS = (0.9, 0.98)
TABLES = (nn.Embedding, Table)
HEADS = ("head.weight",)
"""How the names of weights end that make the logits."""


class Both(Optimizer):
    """Two optimisers as one: their groups side by side, which a schedule may change."""

    def __init__(self, first: Optimizer, second: Optimizer) -> None:
        self.both = (first, second)
        super().__init__([*first.param_groups, *second.param_groups], {})
        # The groups themselves, not copies: a schedule that changes a rate changes theirs.
        self.param_groups = [*first.param_groups, *second.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for one in self.both:
            one.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"both": [one.state_dict() for one in self.both]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for one, state in zip(self.both, state_dict["both"], strict=True):
            one.load_state_dict(state)
        self.param_groups = [group for one in self.both for group in one.param_groups]


def optimiser(model: nn.Module, options: Training, heads: tuple[str, ...] = HEADS) -> Optimizer:
    """AdamW for `model`'s tables, heads and vectors, Muon for its other matrices, if there are."""
    tables = {id(p) for m in model.modules() if isinstance(m, TABLES) for p in m.parameters()}
    inside: list[Tensor] = []
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for name, weight in model.named_parameters():
        if weight.ndim < 2:
            plain.append(weight)
        elif id(weight) in tables or name.endswith(heads):
            decayed.append(weight)
        else:
            inside.append(weight)
    rate, decay = options.learning_rate, options.weight_decay
    groups: list[dict[str, Any]] = [
        {"params": decayed},
        {"params": plain, "weight_decay": 0.0},
    ]
    adam = AdamW(groups, lr=rate, weight_decay=decay, betas=ADAM_BETAS)
    if not inside:
        return adam
    return Both(adam, Muon(inside, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
