"""`lead-sheet`: a melody and its chord symbols, one decision at a time, read from top to bottom.

The memory is an LSTM (Hochreiter & Schmidhuber, 1997) over decisions, two a sixteenth: the
melody's, then the chord's. Besides the logits of tokens it tells degrees of the key and steps from
chord to chord, so that it need not learn twelve times what is the same in every key.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.lead_sheet import (
    CHORD,
    CHORDS,
    FEATURES,
    FIRST_CHORD,
    FIRST_PITCH,
    HIGHEST,
    LOWEST,
    MELODY_TOKENS,
    NAMES,
    UNKNOWN_KEY,
    VOCABULARY,
)
from torch import Tensor, nn

from ripieno_models.options import Training, default, option

COLUMN = {feature.name: place for place, feature in enumerate(FEATURES)}
SPAN = HIGHEST - LOWEST
PITCHES = HIGHEST - LOWEST + 1
CLASSES = 12
State = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Training):
    """Options of the family; the defaults are those of the model that ships."""

    steps: int = default("steps", 1200)
    batch: int = default("batch", 16)
    crop: int = default("crop", 256)
    learning_rate: float = default("learning_rate", 3e-3)
    hidden: int = option(192, 8, 4096, "memory cells per layer")
    layers: int = option(2, 1, 8, "layers of LSTM")
    embedding: int = option(12, 2, 512, "numbers that stand for each feature")
    feature_dropout: float = option(0.15, 0.0, 0.9, "share of features blanked, each decision anew")
    dropout: float = option(0.5, 0.0, 0.9, "share of cells blanked in training")
    hide_bar: float = option(0.3, 0.0, 1.0, "share of examples whose place in a part is not told")


class LeadSheet(nn.Module):
    """Features in, a logit for each token of the melody and of the chord out."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        sizes = torch.tensor([feature.size for feature in FEATURES])
        self.register_buffer("offsets", sizes.cumsum(0) - sizes, persistent=False)
        self.offsets: Tensor
        self.options = options
        self.embedding = nn.Embedding(int(sizes.sum()), options.embedding)
        self.lstm = nn.LSTM(
            len(FEATURES) * options.embedding,
            options.hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.hidden, VOCABULARY)
        self.interval = nn.Linear(options.hidden, 2 * SPAN + 1, bias=False)
        self.degree = nn.Linear(options.hidden, CLASSES, bias=False)
        self.chord_degree = nn.Linear(options.hidden, CHORDS, bias=False)
        self.chord_step = nn.Linear(options.hidden, CHORDS, bias=False)
        self.under = nn.Linear(options.hidden, CHORDS, bias=False)
        nn.init.normal_(self.embedding.weight, std=options.embedding**-0.5)
        nn.init.zeros_(self.head.bias)

    def forward(self, features: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits [B, N, VOCABULARY] for `features` [B, N, F], and the state after them.

        `state` is (h, c), both [layers, B, hidden]; None is silence, all zeros.
        """
        seen = self.blank(self.embedding(features + self.offsets)).flatten(2)
        remembered, state = self.lstm(seen, state)  # [B, N, hidden]
        remembered = self.dropout(remembered)
        told = self.of_melody(remembered, features), self.of_chord(remembered, features)
        return self.head(remembered) + torch.cat(told, -1), state

    def blank(self, seen: Tensor) -> Tensor:
        """In training, blanks whole features [B, N, F, E]; never which stream is asked."""
        share = self.options.feature_dropout
        if not self.training or share == 0.0:
            return seen
        keep = torch.rand(seen.shape[:3], device=seen.device) >= share
        keep[..., COLUMN["stream"]] = True
        return seen * keep[..., None] / (1 - share)

    def of_melody(self, remembered: Tensor, features: Tensor) -> Tensor:
        """[B, N, MELODY_TOKENS]: by the interval from the last pitch, and by the degree of the key.

        Zero for holds and rests, for the one while nothing sounds, for the other without a key.
        """
        own = features[..., COLUMN["pitch"]][..., None]  # 0 is none
        pitches = torch.arange(PITCHES, device=features.device)
        leap = (pitches - (own - 1) + SPAN).clamp(0, 2 * SPAN)  # [B, N, PITCHES]
        logits = self.interval(remembered).gather(2, leap) * (own > 0)
        degree, known = self.above_tonic(pitches + LOWEST, features)
        logits = logits + self.degree(remembered).gather(2, degree) * known
        return nn.functional.pad(logits, (FIRST_PITCH, 0))

    def of_chord(self, remembered: Tensor, features: Tensor) -> Tensor:
        """[B, N, CHORD_TOKENS]: by the degree of the root, by its step from the last root, and by
        where the melody's note lies above it. Zero where there is none of these."""
        numbers = torch.arange(CHORDS, device=features.device)
        root, kind = numbers // len(NAMES), numbers % len(NAMES)
        degree, known = self.above_tonic(root, features)
        logits = self.chord_degree(remembered).gather(2, degree * len(NAMES) + kind) * known
        last = features[..., COLUMN["chord"]][..., None]  # 0 is none
        step = (root - (last - 1) // len(NAMES)) % CLASSES
        logits = logits + self.chord_step(remembered).gather(2, step * len(NAMES) + kind) * (
            last > 0
        )
        own = features[..., COLUMN["pitch"]][..., None]
        above = (own - 1 + LOWEST - root) % CLASSES
        logits = logits + self.under(remembered).gather(2, above * len(NAMES) + kind) * (own > 0)
        return nn.functional.pad(logits, (FIRST_CHORD, 0))

    def above_tonic(self, pitches: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """How far each of `pitches` [P] lies above the tonic of the key signature, [B, N, P], and
        whether that is known, [B, N, 1]."""
        key = features[..., COLUMN["key"]][..., None]
        return (pitches - 7 * (key - 7)) % CLASSES, key != UNKNOWN_KEY


def legal(logits: Tensor, features: Tensor) -> Tensor:
    """`logits` [..., VOCABULARY] in float32, only those of the stream that is asked; a rest cannot
    be held."""
    asked = features[..., COLUMN["stream"]][..., None]
    tokens = torch.arange(VOCABULARY, device=logits.device)
    other = (tokens >= MELODY_TOKENS) != (asked == CHORD)
    silent = (features[..., COLUMN["pitch"]][..., None] == 0) & (tokens == 0)
    return logits.float().masked_fill(other | silent, -torch.inf)
