"""Learning lead sheets: Lightning's loop with the loss, the figures and the data."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from ripieno_models.families.lead_sheet import Options, legal
from ripieno_models.lead.dataset import Batch, Crops, whole
from ripieno_models.lead.sheet import Sheet
from ripieno_models.piece import Split
from ripieno_models.report import Curves
from ripieno_models.train import MONITOR, Learner, seed_epoch

CURVES = Curves(
    {
        "train_nll": "training (crops, with dropout)",
        "valid_melody": "validation: melody",
        "valid_chord": "validation: chords",
        MONITOR: "validation: both",
    },
    "nats per sixteenth",
)
"""The last is the sum of the two before."""
FIGURES = tuple(CURVES.labels)


class SheetLearner(Learner):
    """A model of lead sheets with its loss (mean nats per decision), optimiser and schedule."""

    def nats(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """All nats of a batch: the melody's, and the chords'."""
        logits = legal(self.model(batch.features)[0], batch.features)
        each = functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), reduction="none"
        ).view_as(batch.targets)
        return each[~batch.chords].sum(), each[batch.chords].sum()

    def training_step(self, batch: Batch, number: int) -> Tensor:  # type: ignore[override]
        melody, chords = self.nats(batch)
        steps = (batch.targets >= 0).sum() / 2
        told = (melody + chords) / steps
        self.log("train_nll", told, on_step=False, on_epoch=True, prog_bar=True,
                 sync_dist=True, batch_size=len(batch.targets))  # fmt: skip
        return told / 2

    def validation_step(  # type: ignore[override]
        self, batch: Batch, number: int, dataloader_idx: int = 0
    ) -> None:
        melody, chords = self.nats(batch)
        steps = int((batch.targets >= 0).sum()) // 2
        for name, nats in (
            ("valid_melody", melody),
            ("valid_chord", chords),
            (MONITOR, melody + chords),
        ):
            self.log(name, nats / steps, batch_size=steps, prog_bar=name == MONITOR)

    def on_validation_epoch_end(self) -> None:
        """Nothing to add."""


class Sheets(L.LightningDataModule):
    """Fresh random crops of the training sheets each epoch; the validation sheets, whole."""

    def __init__(self, sheets: Sequence[Sheet], options: Options) -> None:
        super().__init__()
        self.options = options
        self.valid = whole([sheet for sheet in sheets if sheet.split is Split.VALID])
        self.crops = Crops([sheet for sheet in sheets if sheet.split is Split.TRAIN], options)

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        self.crops.epoch = self.trainer.current_epoch
        self.crops.share = (self.trainer.global_rank, self.trainer.world_size)
        seed_epoch(self.options, self.trainer)
        return DataLoader(self.crops, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.valid, batch_size=None)  # type: ignore[arg-type]
