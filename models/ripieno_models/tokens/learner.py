"""Learning tokens: Lightning's loop with the loss, the figures and the data of token models."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
from torch import Tensor
from torch.utils.data import DataLoader

from ripieno_models.families.decoder import TokenOptions
from ripieno_models.piece import Split
from ripieno_models.report import Curves
from ripieno_models.tokens.dataset import Batch, Crops, Written, whole
from ripieno_models.tokens.nats import Learns, nats_of
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.train import MONITOR, Learner, seed_epoch

CURVES = Curves(
    {"train_nll": "training (crops, with dropout)", MONITOR: "validation"}, "nats per note"
)
FIGURES = tuple(CURVES.labels)


class TokenLearner(Learner):
    """A model of tokens with its loss (mean nats per token), optimiser and schedule."""

    options: TokenOptions

    def nats(self, batch: Batch) -> Tensor:
        """All nats of a batch."""
        return nats_of(self.model, batch)

    def training_step(self, batch: Batch, number: int) -> Tensor:  # type: ignore[override]
        if isinstance(self.model, Learns):
            loss, nats = self.model.learn(batch.tokens[:, :-1], batch.targets)
        else:
            nats = self.nats(batch)
            loss = nats / (batch.targets >= 0).sum()
        self.log("train_nll", nats / batch.notes, on_step=False, on_epoch=True, prog_bar=True,
                 sync_dist=True, batch_size=batch.notes)  # fmt: skip
        return loss

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
        self.crops.share = (self.trainer.global_rank, self.trainer.world_size)
        seed_epoch(self.options, self.trainer)
        return DataLoader(self.crops, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.valid, batch_size=None)  # type: ignore[arg-type]
