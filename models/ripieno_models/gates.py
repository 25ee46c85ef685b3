"""What an exported graph must keep of the model that torch has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.errors import BundleError
from torch import Tensor

from ripieno_models import waiting
from ripieno_models.bundle_files import Checked
from ripieno_models.dataset import Batch
from ripieno_models.features import Decisions, decisions
from ripieno_models.likelihood import log_prob

STEPS_REPLAYED = 256
LARGEST_DIFFERENCE = 1e-4
LARGEST_LOSS = 0.005
"""How much worse int8 may be than fp32, as a share of its nats per decision."""


class Replays(Protocol):
    """Exported graphs that can be held against torch."""

    def replay(self, features: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits [N, 48] for the decisions `features` [N, F], from silence."""


def asked_of(piece: Batch) -> Decisions:
    """The decisions of a batch of one piece."""
    return decisions(piece.tokens, piece.order, piece.settings)


def replayed(valid: Sequence[Batch]) -> Tensor:
    """[N, F]: the decisions that graphs are held against torch on, from a piece long enough."""
    piece = next((b for b in valid if b.tokens.shape[1] * 4 >= STEPS_REPLAYED), valid[0])
    return asked_of(piece).features[0, :STEPS_REPLAYED]


def refuse_difference(difference: float, count: int, where: str) -> None:
    """Raises BundleError where logits differ too much."""
    if not difference <= LARGEST_DIFFERENCE:
        raise BundleError(
            f"the graph's logits differ from torch's by {difference:.2g} in {count} steps",
            where=where,
            allowed=f"at most {LARGEST_DIFFERENCE:g}",
        )


def refuse_loss(checked: Checked, where: str) -> None:
    """Raises BundleError where 8 bits cost too much."""
    if not checked.loss <= LARGEST_LOSS:  # on a few pieces 8 bits may come out better, by chance
        raise BundleError(
            f"in int8 the model is {checked.loss:+.2%} off, {checked.nll_int8:.4f} instead of "
            f"{checked.nll_fp32:.4f} nats per decision",
            where=where,
            allowed=f"at most {LARGEST_LOSS:.1%}",
        )


def onnx_nll(graph: Replays, batches: Sequence[Batch]) -> float:
    """Nats per decision of exported graphs over whole pieces, one a batch."""
    total, count = 0.0, 0
    for batch in waiting.each(batches, "Checking the graph"):
        asked = asked_of(batch)
        logits = torch.from_numpy(graph.replay(asked.features[0].numpy()))
        total -= float(log_prob(logits[None], asked).sum())
        count += asked.targets.numel()
    return total / count
