"""A run's model of blocks, which the engine's sources draw from as they do from a bundle."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.inference.blocks.manifest import Kind, Output, Spec
from ripieno.inference.blocks.model import BlockModel
from ripieno.settings import DIRECTIONS
from torch import Tensor

from ripieno_models.families.blocks import VOICE_COUNT, BlockKind, Blocks
from ripieno_models.families.vq_vae import VqVae

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class TorchBlocks(BlockModel):
    """The same as a bundle's graphs would say, without writing them first."""

    def __init__(self, model: Blocks, kind: BlockKind) -> None:
        self.model, self.kind = model, kind
        self.spec = spec_of(model)
        self.play(None, 0)

    @property
    def hears(self) -> bool:
        return self.kind.hears

    @torch.inference_mode()
    def encode(self, tokens: Ints) -> Floats | Ints:
        found: NDArray[np.float32] = self.model.encode(torch.from_numpy(tokens)[None])[0].numpy()
        return found

    @torch.inference_mode()
    def decode(self, drawn: Floats | Ints, turns: Floats) -> Floats:
        """See `BlockModel.decode`; it is always told to go no further way."""
        found: Floats = self.model.decode(torch.from_numpy(drawn)[None])[0].numpy()
        return found

    @torch.inference_mode()
    def predict(self, code: int, memory: Floats) -> tuple[Floats, Floats]:
        assert isinstance(self.model, VqVae), "only codes have a prior"
        logits, after = self.model.prior.step(torch.tensor([code]), torch.from_numpy(memory)[None])
        return first(logits), first(after)


def first(told: Tensor) -> Floats:
    """The only row of `told` [1, N]."""
    found: Floats = told[0].numpy()
    return found


def spec_of(model: Blocks) -> Spec:
    """What a manifest would tell of it."""
    kind, output = Kind(model.kind), Output(model.output)
    if isinstance(model, VqVae):
        return Spec(
            kind, output, model.steps, model.size,
            entries=model.entries, together=VOICE_COUNT, memory=model.prior.memory,
        )  # fmt: skip
    return Spec(kind, output, model.steps, model.size, directions=DIRECTIONS)
