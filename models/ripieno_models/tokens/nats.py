"""The nats of a batch of tokens, by a model's logits, or as the model itself counts them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.tokens.dataset import Batch


@runtime_checkable
class Learns(Protocol):
    """A model with a loss of its own."""

    def learn(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """(what is made small, all nats) of `tokens` [B, N] and what follows each, `targets`
        [B, N], -100 where nothing is asked."""


@runtime_checkable
class Counts(Protocol):
    """A model whose logits are dear, and that counts nats without them."""

    def nats(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """All nats of `targets` [B, N], each after `tokens` [B, N] up to its place."""


def nats_of(model: nn.Module, batch: Batch) -> Tensor:
    """All nats of what is asked in a batch."""
    tokens = batch.tokens[:, :-1]
    if isinstance(model, Counts):
        return model.nats(tokens, batch.targets)
    logits, _ = model(tokens)
    return functional.cross_entropy(
        logits.flatten(0, 1).float(), batch.targets.flatten(), reduction="sum"
    )
