"""What a network learns with parts of its input missing, so that it does not learn by heart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Blank(nn.Module):
    """Dropout (Srivastava et al., 2014) whose mask takes one random number for eight cells.

    torch's own draws one for each, and takes a fifth of a training step on a processor. The share
    is rounded to a 256th.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.threshold = round(256 * share)

    def forward(self, x: Tensor) -> Tensor:
        """`x` in any shape; in training, some of it zero and the rest larger."""
        if not self.training or self.threshold == 0:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        cells = words.random_(-(1 << 63), None).view(torch.uint8)[: x.numel()].view(x.shape)
        return x * ((cells >= self.threshold).to(x.dtype) * (256 / (256 - self.threshold)))


class Table(nn.Module):
    """One embedding for each of many small integers, side by side."""

    def __init__(
        self, sizes: Sequence[int], embedding: int, share: float, always: int | None = None
    ) -> None:
        super().__init__()
        ends = torch.tensor(list(sizes)).cumsum(0)
        self.register_buffer("offsets", ends - torch.tensor(list(sizes)), persistent=False)
        self.offsets: Tensor
        self.sizes, self.always = sizes, always
        self.share = share
        self.weight = nn.Parameter(torch.empty(int(ends[-1]), embedding))
        nn.init.normal_(self.weight, std=embedding**-0.5)

    def forward(self, classes: Tensor) -> Tensor:
        """[..., columns * embedding] from `classes` [..., columns]; in training some are blank."""
        seen = functional.embedding(classes + self.offsets, self.weight)
        if self.training and self.share > 0.0:
            keep = torch.rand(classes.shape, device=seen.device) >= self.share
            if self.always is not None:
                keep[..., self.always] = True
            seen = seen * (keep / (1 - self.share)).to(seen.dtype)[..., None]
        return seen.flatten(-2)
