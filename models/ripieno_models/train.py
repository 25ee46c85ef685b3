"""The training loop: Lightning's, with a moving average of the weights, stopped on validation."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
    Timer,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import StrategyRegistry
from ripieno.errors import SettingError, nearest_name
from ripieno.settings import check
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from ripieno_models.dataset import Batch, Crops, unknown, whole
from ripieno_models.families.chorale_lstm import legal
from ripieno_models.features import decisions
from ripieno_models.options import Training
from ripieno_models.piece import Piece, Split, without_onsets
from ripieno_models.tokens.optimiser import HEADS, optimiser
from ripieno_models.train_keeping import BEST, CURVE, LAST, Curve, EndOnSignal, WholeFiles

__all__ = ["BEST", "CURVE", "LAST", "MONITOR", "Learner", "Machines", "Pieces", "trainer_for"]

MONITOR = "valid_nll"
FIGURES = ("train_nll", "valid_natural", "valid_random", MONITOR)
RANDOM_ORDERS = 7
"""Seed of the random orders of validation: always the same ones."""


class Learner(L.LightningModule):
    """A model of the grid with its loss (nats per decision), optimiser and schedule."""

    def __init__(self, model: nn.Module, options: Training) -> None:
        super().__init__()
        self.model, self.options = model, options

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the weights of an earlier run."""
        self.model.load_state_dict(weights)
        self.train()

    def nll(self, batch: Batch) -> Tensor:
        """Mean nats per decision, over the decisions before the end of each piece."""
        asked = decisions(batch.tokens, batch.order, batch.settings)
        logits, _ = self.model(asked.features)
        counted = batch.mask.repeat_interleave(batch.order.shape[2], dim=1)
        return functional.cross_entropy(
            legal(logits, asked.may_hold)[counted], asked.targets[counted]
        )

    def training_step(self, batch: Batch, number: int) -> Tensor:
        loss = self.nll(batch)
        self.log("train_nll", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, number: int, dataloader_idx: int = 0) -> None:
        weight = int(batch.mask.sum()) * len(batch.order[0, 0])
        name = ("valid_natural", "valid_random")[dataloader_idx]
        self.log(name, self.nll(batch), batch_size=weight, add_dataloader_idx=False)

    def on_validation_epoch_end(self) -> None:
        told = self.trainer.callback_metrics
        both = (told["valid_natural"] + told["valid_random"]) / 2
        self.log(MONITOR, both, prog_bar=True)

    def configure_optimizers(self) -> Any:
        options = self.options
        if getattr(options, "orthogonal", False):
            heads = getattr(self.model, "heads", HEADS)
            return scheduled(optimiser(self.model, options, heads), options)
        decayed = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed},
            {"params": plain, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups, lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.98)
        )
        return scheduled(optimizer, options)


def scheduled(optimizer: torch.optim.Optimizer, options: Training) -> dict[str, Any]:
    """What Lightning wants to know: the optimiser, and its rate step by step."""
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, options))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def rate(step: int, options: Training) -> float:
    """The share of the learning rate at `step`: a straight rise, then half a cosine."""
    if step < options.warmup:
        return (step + 1) / options.warmup
    done = min(1.0, (step - options.warmup) / max(1, options.steps - options.warmup))
    return options.last_rate + (1 - options.last_rate) * (1 + math.cos(math.pi * done)) / 2


class Pieces(L.LightningDataModule):
    """Fresh random crops of the training pieces each epoch; the validation pieces whole."""

    def __init__(
        self, pieces: Sequence[Piece], options: Training, hymns: Sequence[Piece] = ()
    ) -> None:
        super().__init__()
        self.options = options
        self.train = [piece for piece in pieces if piece.split is Split.TRAIN]
        self.valid = [piece for piece in pieces if piece.split is Split.VALID]
        self.crops = Crops(self.train, options, 0, hymns)

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        self.crops.epoch = self.trainer.current_epoch
        self.crops.share = (self.trainer.global_rank, self.trainer.world_size)
        seed_epoch(self.options, self.trainer)
        return DataLoader(self.crops, batch_size=None)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        both = watched(self.valid, self.options)
        return [DataLoader(batches, batch_size=None) for batches in both]  # type: ignore[arg-type]


def watched(pieces: Sequence[Piece], options: Training) -> tuple[list[Batch], list[Batch]]:
    """The batches of validation, in the order soprano, alto, tenor, bass and in random ones.

    What a run hides from every example it does not see here either; where every example is in the
    natural order, both are.
    """
    blind = options.hide_all == 1
    if blind and options.hide_onsets == 1:
        pieces = [without_onsets(piece) for piece in pieces]
    natural = whole(pieces)
    redrawn = natural if options.natural_order == 1 else whole(pieces, seed=RANDOM_ORDERS)
    return (unknown(natural), unknown(redrawn)) if blind else (natural, redrawn)


def seed_epoch(options: Training, trainer: L.Trainer) -> None:
    """Begin an epoch's randomness anew: dropout too has to be the same in a resumed run, and
    another one in each of several processes."""
    rank = 7919 * trainer.global_rank
    torch.manual_seed(options.seed * 1_000_003 + trainer.current_epoch + rank)


class Histograms(Callback):
    """Draws each weight's histogram in TensorBoard, every tenth epoch."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch % 10:
            return
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, weight in pl_module.named_parameters():
                    logger.experiment.add_histogram(name, weight, trainer.global_step)


@dataclass(frozen=True, slots=True)
class Machines:
    """What a run is trained on: `devices` (GPUs, or processes without one) of each of `nodes`
    machines, joined by the `strategy` that Lightning has under this name."""

    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"

    def __post_init__(self) -> None:
        check("devices", self.devices, 1, 1024)
        check("nodes", self.nodes, 1, 1024)
        known = ["auto", *StrategyRegistry.available_strategies()]
        if self.strategy not in known:
            raise SettingError(
                f"there is no strategy {self.strategy!r}",
                allowed="auto, ddp, fsdp and the others of Lightning",
                nearest=nearest_name(self.strategy, known),
            )

    def refuse(self, batch: int) -> None:
        """Raises SettingError where a batch cannot be shared out evenly."""
        processes = self.devices * self.nodes
        if batch % processes:
            raise SettingError(
                f"batch = {batch} cannot be shared out among {processes} processes",
                nearest=f"The nearest is {max(1, round(batch / processes)) * processes}.",
            )


def trainer_for(
    options: Training,
    folder: Path,
    progress: bool = True,
    names: Sequence[str] = FIGURES,
    *,
    machines: Machines | None = None,
    more: Sequence[Callback] = (),
) -> L.Trainer:
    """A trainer that keeps the best and the last weights of a run in `folder`, and in curve.csv the
    figures called `names`; `more` callbacks are called first."""
    warnings.filterwarnings("ignore", message=".*num_workers.*")
    warnings.filterwarnings("ignore", message=".*`isinstance.treespec.*")
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
    warnings.filterwarnings("ignore", message="Mismatch dtype between input and weight.*")
    # What Lightning tells of itself is not for musicians.
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    machines = machines or Machines()
    callbacks: list[Callback] = [
        *more,
        # Without buffers: a whole number is not what the mean of whole numbers is cut to.
        EMAWeightAveraging(decay=options.average, use_buffers=False),
        *keepers(folder),
        EarlyStopping(MONITOR, patience=options.patience, check_on_train_epoch_end=False),
        LearningRateMonitor("epoch"),
        Timer(),
        Curve(folder, names),
        EndOnSignal(),
        Histograms(),
    ]
    return L.Trainer(
        accelerator="auto",
        devices=machines.devices,
        num_nodes=machines.nodes,
        strategy=machines.strategy,
        use_distributed_sampler=False,
        precision="bf16-mixed" if options.bf16 else "32-true",
        max_steps=options.steps,
        max_epochs=-1,
        gradient_clip_val=options.clip,
        callbacks=callbacks + ([TQDMProgressBar(refresh_rate=10)] if progress else []),
        logger=TensorBoardLogger(folder, name="", version="tensorboard"),
        plugins=[WholeFiles()],
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        log_every_n_steps=options.steps_per_epoch,
        deterministic=True,
    )


def keepers(folder: Path) -> list[Callback]:
    """What keeps the best weights, and after each epoch all that is needed to go on.

    Two of them: Lightning's own `save_last` writes only where there is a new best.
    """
    best, last = (name.removesuffix(".ckpt") for name in (BEST, LAST))
    return [
        ModelCheckpoint(
            folder,
            filename=best,
            monitor=MONITOR,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        ),
        ModelCheckpoint(
            folder, filename=last, save_on_train_epoch_end=True, enable_version_counter=False
        ),
    ]
