"""`window-transformer`: self-attention over the same window as `conv-lstm`, with the same head.

Positions are told by sines (Vaswani et al., 2017); then come blocks of self-attention, normalised
before each part, and the mean over the window is the summary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from ripieno.errors import SettingError
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.frames import FRAME, Head, WindowModel, WindowOptions
from ripieno_models.options import default, option

LONGEST_WAVE = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(WindowOptions):
    """Options of the family."""

    width: int = option(64, 8, 4096, "numbers that stand for a sixteenth")
    layers: int = option(4, 1, 64, "blocks of self-attention")
    heads: int = option(4, 1, 64, "heads of attention per block")
    learning_rate: float = default("learning_rate", 1e-3)

    def __post_init__(self) -> None:
        # Not super(): with slots the class is made anew, and the bare one would be asked for.
        WindowOptions.__post_init__(self)
        if self.width % self.heads or self.width % 2:
            raise SettingError(
                f"width = {self.width} cannot be shared out among {self.heads} heads",
                allowed="an even multiple of the heads",
            )


class WindowTransformer(WindowModel):
    """Sines, blocks of attention, mean, two dense layers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.head = Head(options.width, self.codes, options)
        self.register_buffer("waves", waves(options.window, options.width), persistent=False)
        self.waves: Tensor
        self.enter = nn.Linear(FRAME, options.width)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.width)

    def read(self, window: Tensor) -> Tensor:
        """[M, width] from `window` [M, W, 4, 5]."""
        seen = self.enter(window.flatten(2)) + self.waves  # [M, W, width]
        for block in self.blocks:
            seen = block(seen)
        mean: Tensor = self.norm(seen).mean(dim=1)
        return mean


class Block(nn.Module):
    """Every sixteenth of the window looks at every other one, then thinks for itself."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        width = options.width
        self.heads = options.heads
        self.before_attention, self.before_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.packed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.inner = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, seen: Tensor) -> Tensor:
        """[M, W, width] from [M, W, width]."""
        packed = self.packed(self.before_attention(seen))  # [M, W, 3 * width]
        query, key, value = (
            part.view(*part.shape[:2], self.heads, -1).transpose(1, 2)  # [M, heads, W, size]
            for part in packed.chunk(3, dim=-1)
        )
        looked = functional.scaled_dot_product_attention(query, key, value)
        seen = seen + self.dropout(self.out(looked.transpose(1, 2).flatten(2)))
        thought: Tensor = self.inner(self.before_inner(seen))
        added: Tensor = seen + self.dropout(thought)
        return added


def waves(length: int, width: int) -> Tensor:
    """[length, width]: sines and cosines of each place, in wavelengths up to `LONGEST_WAVE`."""
    place = torch.arange(length)[:, None]
    rate = torch.exp(-math.log(LONGEST_WAVE) * torch.arange(0, width, 2) / width)
    return torch.cat((torch.sin(place * rate), torch.cos(place * rate)), dim=1)
