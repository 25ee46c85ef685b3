"""What the families have in common that make whole blocks of bars at once.

Such a model hears a block of the grid, T sixteenths of four voices, in which some may be unknown,
finds what it is made of (a latent, or codes), and tells from that alone, for each sixteenth and
voice, how likely each token is: all at once, without looking at what was drawn before. So what
lies between two phrases is told by what lies between their latents, and by nothing else.

Shapes: B blocks, T sixteenths, 4 voices, 48 tokens, Z numbers of a latent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ripieno.grammar.grid import HOLD, VOCABULARY, VOICES
from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.options import Training, default, option

CONFIGS = Path(__file__).parent.parent / "configs"
UNKNOWN = VOCABULARY
"""What a model hears where nobody tells it what a voice does."""
VOICE_COUNT = len(VOICES)
HELD = 5.0
"""Nats that a hold is likelier than any other token to who knows nothing: it is three of four."""
IGNORED = -100
"""As a target: behind the end of a piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOptions(Training):
    """Options of every family that makes blocks. `crop` is the length of a block."""

    crop: int = option(32, 16, 256, "length of a block in sixteenths")
    hide_voices: float = option(0.3, 0.0, 1.0, "share of blocks in which some voices are not heard")
    hide_part: float = option(0.2, 0.0, 1.0, "share of blocks whose begin or end is not heard")
    embedding: int = option(32, 2, 1024, "numbers that stand for what a voice does")
    dropout: float = option(0.1, 0.0, 0.9, "share of what is heard that is blanked in training")
    steps: int = default("steps", 4000)
    batch: int = default("batch", 32)
    warmup: int = default("warmup", 100)
    weight_decay: float = default("weight_decay", 0.01)
    average: float = default("average", 0.99)
    bf16: bool = default("bf16", False)


class BlockBatch(NamedTuple):
    """`heard` [B, T, 4]: what the encoder is told, `UNKNOWN` where nothing; `targets` [B, T, 4]:
    what was there, `IGNORED` behind the end of a piece."""

    heard: Tensor
    targets: Tensor


class Loss(NamedTuple):
    """`total` is what is made smaller; `nats` per decision what the decoder loses; by `watched` the
    best weights are chosen, on held-out blocks; `figures` are for the curves."""

    total: Tensor
    nats: Tensor
    watched: Tensor
    figures: dict[str, Tensor]


class Blocks(nn.Module):
    """Heard tokens in, logits of the whole block out."""

    steps: int
    kind: str
    """'latent' or 'codes'."""
    size: int
    """Numbers of the latent, or how many codes make a block."""
    output = "voices"

    @property
    def entrance(self) -> nn.Linear:
        """The layer that a latent comes to first."""
        raise AttributeError("codes do not enter through a layer")

    @abstractmethod
    def encode(self, heard: Tensor) -> Tensor:
        """What each block of `heard` [B, T, 4] is made of, without chance: [B, size]."""

    @abstractmethod
    def decode(self, drawn: Tensor) -> Tensor:
        """Logits [B, T, 4, 48] of the blocks made of `drawn` [B, size]."""

    @abstractmethod
    def loss(self, batch: BlockBatch, done: float) -> Loss:
        """`done` tells how much of the training is over, 0…1."""


@dataclass(frozen=True, slots=True)
class BlockKind:
    """A family called `name`, built by `build` from its `options`.

    `blocks` is how many successive blocks a training example has. `hears` tells whether it has an
    encoder.
    """

    name: str
    options: type[BlockOptions]
    build: Callable[[Any], Blocks]
    about: str
    blocks: int = 1
    hears: bool = True
    title: str = "Bach chorales, whole bars at a time"

    @property
    def config(self) -> Path:
        """The TOML file with the options of the model that ships."""
        return CONFIGS / f"{self.name}.toml"


class Voices(nn.Module):
    """Four tokens as numbers: each voice has its own for each token."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(VOICE_COUNT * (VOCABULARY + 1), size)
        offsets = torch.arange(VOICE_COUNT) * (VOCABULARY + 1)
        self.register_buffer("offsets", offsets, persistent=False)
        self.offsets: Tensor

    def forward(self, heard: Tensor) -> Tensor:
        """[B, T, 4, size] for `heard` [B, T, 4]."""
        told: Tensor = self.table(heard + self.offsets)
        return told


def outer(size: int) -> nn.Linear:
    """A layer from `size` numbers to all voices' tokens, which holds before it has learned."""
    made = nn.Linear(size, VOICE_COUNT * VOCABULARY)
    with torch.no_grad():
        made.bias[HOLD::VOCABULARY] += HELD
    return made


def told_voices(flat: Tensor) -> Tensor:
    """[B, T, 4, 48] from [B, T, 4 * 48]."""
    return flat.view(*flat.shape[:-1], VOICE_COUNT, VOCABULARY)


def nats_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean nats per decision of `logits` [B, T, 4, 48] for `targets` [B, T, 4]."""
    return functional.cross_entropy(logits.flatten(0, 2), targets.flatten(), ignore_index=IGNORED)
