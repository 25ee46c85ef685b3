"""Learning tokens: Lightning's loop with the loss, the figures and the data of token models."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split
from ripieno_models.tokens.dataset import Batch, Crops, Written, whole
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.train import MONITOR, Learner

FIGURES = ("train_nll", MONITOR)
"""In nats per note."""


class TokenLearner(Learner):
    """A model of tokens with its loss (mean nats per token), optimiser and schedule."""

    def nats(self, batch: Batch) -> Tensor:
        """All nats of a batch."""
        logits, _ = self.model(batch.tokens[:, :-1])
        return functional.cross_entropy(
            logits.flatten(0, 1).float(), batch.targets.flatten(), reduction="sum"
        )

    def training_step(self, batch: Batch, number: int) -> Tensor:  # type: ignore[override]
        nats = self.nats(batch)
        self.log("train_nll", nats / batch.notes, on_step=False, on_epoch=True, prog_bar=True,
                 batch_size=batch.notes)  # fmt: skip
        return nats / (batch.targets >= 0).sum()

    def validation_step(  # type: ignore[override]
        self, batch: Batch, number: int, dataloader_idx: int = 0
    ) -> None:
        self.log(MONITOR, self.nats(batch) / batch.notes, batch_size=batch.notes, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        """Nothing to add: there is one figure."""


class WrittenPieces(L.LightningDataModule):
    """Fresh random crops of the training pieces each epoch; some validation pieces, whole."""

    def __init__(self, pieces: Sequence[Written], scheme: Scheme, options: TokenOptions) -> None:
        super().__init__()
        self.options = options
        self.train = [piece for piece in pieces if piece.split is Split.TRAIN]
        valid = [piece for piece in pieces if piece.split is Split.VALID]
        self.valid = whole(valid[: options.watched], scheme, options.crop)
        self.crops = Crops(self.train, scheme, options)

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        self.crops.epoch = self.trainer.current_epoch
        # Dropout too has to be the same in a resumed run.
        torch.manual_seed(self.options.seed * 1_000_003 + self.crops.epoch)
        return DataLoader(self.crops, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.valid, batch_size=None)  # type: ignore[arg-type]
