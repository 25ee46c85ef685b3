"""`chorale-lstm`: four voices on the grid, one decision at a time, read from top to bottom.

The recurrent memory is a plain LSTM (Hochreiter & Schmidhuber, 1997); the voices take turns in any
order, so that any of them can be given (as in orderless NADE; Uria, Murray & Larochelle, 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import (
    FEATURES,
    FIRST_PITCH,
    HIGHEST,
    HOLD,
    LOWEST,
    UNKNOWN_KEY,
    VOCABULARY,
)
from torch import Tensor, nn

from ripieno_models.options import Training, option

NAMES = tuple(feature.name for feature in FEATURES)
VOICE = NAMES.index("voice")
PITCHES = NAMES.index("pitch_soprano")
KEY = NAMES.index("key")
DEGREES = 12
SPAN = HIGHEST - LOWEST
State = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Training):
    """Options of the family; the defaults are those of the model that ships."""

    hidden: int = option(256, 8, 4096, "memory cells per layer")
    layers: int = option(2, 1, 8, "layers of LSTM")
    embedding: int = option(16, 2, 512, "numbers that stand for each feature")
    relative: bool = option(
        True, 0, 1, "a second head that tells intervals from the voice's last pitch"
    )
    tonal: bool = option(True, 0, 1, "a third head that tells degrees of the key, where it is told")
    feature_dropout: float = option(
        0.2, 0.0, 0.9, "share of features blanked in training, each decision anew"
    )
    dropout: float = option(
        0.5, 0.0, 0.9, "share of cells blanked in training, between layers and before the heads"
    )


class ChoraleLstm(nn.Module):
    """Features in, a logit for each token of the grid out."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        hidden, embedding = options.hidden, options.embedding
        sizes = torch.tensor([feature.size for feature in FEATURES])
        self.register_buffer("offsets", sizes.cumsum(0) - sizes, persistent=False)
        self.offsets: Tensor
        self.feature_dropout = options.feature_dropout
        self.embedding = nn.Embedding(int(sizes.sum()), embedding)
        self.lstm = nn.LSTM(
            len(FEATURES) * embedding,
            hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(hidden, VOCABULARY)
        self.relative = nn.Linear(hidden, 2 * SPAN + 1, bias=False) if options.relative else None
        self.tonal = nn.Linear(hidden, DEGREES, bias=False) if options.tonal else None
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
        nn.init.zeros_(self.head.bias)

    def forward(self, features: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [B, N, 48] for `features` [B, N, F], and the state after the last decision.

        `state` is (h, c), both [layers, B, hidden]; None is silence, all zeros.
        """
        seen = self.embedding(features + self.offsets)  # [B, N, F, embedding]
        seen = self.blank(seen).flatten(2)  # [B, N, F * embedding]
        remembered, state = self.lstm(seen, state)  # [B, N, hidden]
        remembered = self.dropout(remembered)
        logits = self.head(remembered)  # [B, N, 48]
        if self.relative is not None:
            logits = logits + self.from_interval(self.relative(remembered), features)
        if self.tonal is not None:
            logits = logits + self.from_degree(self.tonal(remembered), features)
        return logits, state

    def blank(self, seen: Tensor) -> Tensor:
        """In training, blanks whole features; never which voice is asked."""
        if not self.training or self.feature_dropout == 0.0:
            return seen
        keep = torch.rand(seen.shape[:3], device=seen.device) >= self.feature_dropout
        keep[..., VOICE] = True
        return seen * keep[..., None] / (1 - self.feature_dropout)

    def from_interval(self, logits: Tensor, features: Tensor) -> Tensor:
        """[B, N, 48] from `logits` [B, N, 91] of intervals, -45…45 semitones from the last pitch.

        Zero for HOLD and REST, and everywhere while the voice rests.
        """
        own = features[..., PITCHES : PITCHES + 4].gather(2, features[..., VOICE : VOICE + 1])
        tokens = torch.arange(VOCABULARY, device=logits.device)
        index = (tokens - own + SPAN).clamp(0, 2 * SPAN)  # [B, N, 48]
        pitched = (own >= FIRST_PITCH) & (tokens >= FIRST_PITCH)
        return logits.gather(2, index) * pitched

    def from_degree(self, logits: Tensor, features: Tensor) -> Tensor:
        """[B, N, 48] from `logits` [B, N, 12] of degrees above the tonic of the key signature.

        Zero for HOLD and REST, and everywhere while the key is unknown.
        """
        key = features[..., KEY : KEY + 1]  # [B, N, 1]
        tokens = torch.arange(VOCABULARY, device=logits.device)
        index = (tokens - FIRST_PITCH + LOWEST - 7 * (key - 7)) % DEGREES  # [B, N, 48]
        pitched = (key != UNKNOWN_KEY) & (tokens >= FIRST_PITCH)
        return logits.gather(2, index) * pitched


def legal(logits: Tensor, may_hold: Tensor) -> Tensor:
    """`logits` [..., 48] in float32, with HOLD impossible where `may_hold` [...] is false."""
    logits = logits.float()
    hold = torch.arange(VOCABULARY, device=logits.device) == HOLD
    return logits.masked_fill(hold & ~may_hold[..., None], -torch.inf)
