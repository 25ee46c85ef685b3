"""Going on with a shipped model on a player's music: with low-rank adapters, and with all of it.

The loop is the trainer's own. Adapters (LoRA; Hu et al., 2021) are peft's, beside every linear
layer; what they have learned is added to the layer's weights in the end, so that the bundle is of
the same size and as fast as before.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from peft import LoraConfig, get_peft_model
from torch import nn

from ripieno_models.dataset import whole
from ripieno_models.likelihood import likelihood
from ripieno_models.piece import Piece
from ripieno_models.runs import clear, go, put
from ripieno_models.tokens.dataset import Written
from ripieno_models.tokens.dataset import whole as whole_tokens
from ripieno_models.tokens.evaluate import nats_per_note
from ripieno_models.tokens.learner import FIGURES as TOKEN_FIGURES
from ripieno_models.tokens.learner import TokenLearner, WrittenPieces
from ripieno_models.train import BEST, FIGURES, RANDOM_ORDERS, Learner, Pieces, trainer_for
from ripieno_models.tune_bundle import Shipped

ADAPTERS, FULL = "adapters", "full"
WAYS = (ADAPTERS, FULL)
RATES = {ADAPTERS: 2e-3, FULL: 6e-4}
"""Highest step sizes of AdamW."""
LEARNED = (nn.Linear, nn.Embedding)
"""What gets adapters. An embedding that also makes the logits gets none: both would have to."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done: optimiser `steps` at most and `minutes` at most for each way, validation
    `every` so many steps, `rank` of the adapters, and the `seed`."""

    steps: int = 240
    minutes: float = 5.0
    every: int = 20
    rank: int = 8
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What one way came to: `nll` of the pieces to choose by, after so many `minutes`."""

    way: str
    model: nn.Module
    nll: float
    minutes: float


class Within(Callback):
    """Ends a run after so many minutes."""

    def __init__(self, minutes: float) -> None:
        self.until = perf_counter() + 60 * minutes

    def on_train_batch_end(self, trainer: L.Trainer, *told: Any) -> None:
        if perf_counter() > self.until:
            trainer.should_stop = True


def options_for(options: Any, way: str, effort: Effort, pieces: int) -> Any:
    """The family's options for a short run on `pieces` pieces."""
    return replace(
        options,
        seed=effort.seed,
        steps=effort.steps,
        steps_per_epoch=min(effort.every, effort.steps),
        patience=5,
        batch=min(options.batch, max(4, pieces)),
        learning_rate=RATES[way],
        warmup=min(20, effort.steps // 4),
        average=0.9,
        hymns=0.0,
    )


def adapted(model: nn.Module, rank: int) -> nn.Module:
    """`model` with adapters; nothing else of it is learned."""
    tied = "head" not in dict(model.named_children()) and hasattr(model, "embedding")
    kinds = LEARNED[:1] if tied else LEARNED
    names = [name for name, part in model.named_modules() if isinstance(part, kinds)]
    how = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.1, target_modules=names)
    made: nn.Module = get_peft_model(model, how)
    return made


def plain(model: nn.Module, way: str) -> nn.Module:
    """The model with what its adapters have learned, without them."""
    merged: nn.Module = model.merge_and_unload() if way == ADAPTERS else model  # type: ignore[operator]
    for weight in merged.parameters():
        weight.requires_grad_(True)
    return merged.eval()


def tune(
    shipped: Shipped,
    way: str,
    train: Sequence[Any],
    valid: Sequence[Any],
    effort: Effort,
    folder: Path,
    progress: bool,
) -> Tuned | None:
    """Go on with the shipped model in one way, and keep what was best on `valid`; None where it was
    interrupted.

    `train` and `valid` are Pieces of the grid, or Written ones. Raises RipienoError.
    """
    began = perf_counter()
    options = options_for(shipped.options, way, effort, len(train))
    L.seed_everything(effort.seed, verbose=False)
    model = copy.deepcopy(shipped.model)
    if way == ADAPTERS:
        model = adapted(model, effort.rank)
    learner, data, names = parts(shipped, model, options, [*train, *valid])
    learner.train()
    trainer = trainer_for(options, folder, progress, names, more=[Within(effort.minutes)])
    clear(folder)
    go(trainer, learner, data, None)
    if trainer.interrupted:
        return None
    put(folder / BEST, model)
    found = plain(model, way)
    nll = own_nll(shipped, found, valid)
    minutes = (perf_counter() - began) / 60
    return Tuned(way, found, nll, minutes)


def parts(
    shipped: Shipped, model: nn.Module, options: Any, pieces: Sequence[Any]
) -> tuple[Learner, L.LightningDataModule, Sequence[str]]:
    """What the trainer needs, by the kind of model."""
    if shipped.scheme is None:
        return Learner(model, options), Pieces(pieces, options), FIGURES
    data = WrittenPieces(pieces, shipped.scheme, options)
    return TokenLearner(model, options), data, TOKEN_FIGURES


def own_nll(shipped: Shipped, model: nn.Module, pieces: Sequence[Any]) -> float:
    """How likely `pieces` are to `model`: nats per decision on the grid, the mean of the order of
    the voices and of random ones, or nats per note, the key told."""
    return NLLS[shipped.scheme is None](shipped, model.eval(), pieces)


def grid_nll(shipped: Shipped, model: nn.Module, pieces: Sequence[Piece]) -> float:
    orders = (None, RANDOM_ORDERS)
    return sum(likelihood(model, whole(pieces, seed=seed)).nll for seed in orders) / len(orders)


def token_nll(shipped: Shipped, model: nn.Module, pieces: Sequence[Written]) -> float:
    assert shipped.scheme is not None
    return nats_per_note(model, whole_tokens(pieces, shipped.scheme, shipped.options.crop))


NLLS: dict[bool, Callable[[Shipped, nn.Module, Sequence[Any]], float]] = {
    True: grid_nll,
    False: token_nll,
}


def best(ways: Sequence[Tuned]) -> Tuned:
    """The one that is likeliest to have written the pieces to choose by."""
    return min(ways, key=lambda tuned: tuned.nll)


def threads(count: int) -> None:
    """Use so many processor threads."""
    torch.set_num_threads(count)
