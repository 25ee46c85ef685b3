"""Learning blocks: Lightning's loop with the loss, the figures and the data of block models."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
from torch import Tensor
from torch.utils.data import DataLoader

from ripieno_models.blocks.dataset import BlockCrops, whole
from ripieno_models.families.blocks import BlockBatch, BlockKind, BlockOptions, Blocks
from ripieno_models.piece import Piece, Split
from ripieno_models.report import Curves
from ripieno_models.train import MONITOR, Learner, seed_epoch

CURVES = Curves(
    {
        "train_nll": "training",
        "valid_reconstruction": "validation, reconstruction",
        MONITOR: "validation, watched",
    },
    "nats per decision (gan: distance)",
)
FIGURES = tuple(CURVES.labels)


class BlockLearner(Learner):
    """A model of blocks with its loss, optimiser and schedule."""

    model: Blocks
    options: BlockOptions

    def training_step(self, batch: BlockBatch, number: int) -> Tensor:  # type: ignore[override]
        loss = self.model.loss(batch, min(1.0, self.global_step / self.options.steps))
        self.log("train_nll", loss.nats, on_step=False, on_epoch=True, prog_bar=True)
        for name, value in loss.figures.items():
            self.log(f"train_{name}", value, on_step=False, on_epoch=True)
        return loss.total

    def validation_step(  # type: ignore[override]
        self, batch: BlockBatch, number: int, dataloader_idx: int = 0
    ) -> None:
        """What is watched has the full weight of everything from the beginning."""
        loss, size = self.model.loss(batch, 1.0), len(batch.heard)
        self.log("valid_reconstruction", loss.nats, batch_size=size, prog_bar=True)
        self.log(MONITOR, loss.watched, batch_size=size, prog_bar=True)
        for name, value in loss.figures.items():
            self.log(f"valid_{name}", value, batch_size=size)

    def on_validation_epoch_end(self) -> None:
        """Nothing to add."""


class BlockPieces(L.LightningDataModule):
    """Fresh random blocks of the training pieces each epoch; the validation pieces whole."""

    def __init__(self, kind: BlockKind, pieces: Sequence[Piece], options: BlockOptions) -> None:
        super().__init__()
        self.options = options
        self.train = [piece for piece in pieces if piece.split is Split.TRAIN]
        self.valid = [piece for piece in pieces if piece.split is Split.VALID]
        self.steps = kind.blocks * options.crop
        self.crops = BlockCrops(self.train, options, kind.blocks)

    def train_dataloader(self) -> DataLoader[BlockBatch]:
        assert self.trainer is not None
        self.crops.epoch = self.trainer.current_epoch
        self.crops.share = (self.trainer.global_rank, self.trainer.world_size)
        seed_epoch(self.options, self.trainer)
        return DataLoader(self.crops, batch_size=None)

    def val_dataloader(self) -> DataLoader[BlockBatch]:
        batches = whole(self.valid, self.steps)
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
