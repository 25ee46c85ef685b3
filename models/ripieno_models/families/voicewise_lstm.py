"""`voicewise-lstm`: four independent LSTMs, one per voice; none hears another.

A control: whatever harmony comes out of it is chance, and every measure of how voices go together
must say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import VOCABULARY
from torch import Tensor, nn

from ripieno_models.families.frames import (
    VOICE_COUNT,
    FrameModel,
    HeardOptions,
    States,
    asked,
)
from ripieno_models.families.note_encoding import NUMBERS
from ripieno_models.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(HeardOptions):
    """Options of the family. A voice sees neither the others nor the bar."""

    hidden: int = option(64, 2, 4096, "memory cells of each voice's LSTM")


class VoicewiseLstm(FrameModel):
    """For each voice an LSTM and two dense layers of its own."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.hidden = options.hidden
        self.lstms = nn.ModuleList(
            nn.LSTM(NUMBERS, options.hidden, batch_first=True) for _ in range(VOICE_COUNT)
        )
        self.head = OwnHeads(options)

    def remember(self, sounding: Tensor) -> Tensor:
        frames = self.codes(sounding)  # [B, T, 4, 5]
        each = [lstm(frames[..., v, :])[0] for v, lstm in enumerate(self.lstms)]
        return torch.cat(each, dim=-1)  # [B, T, 4 * hidden]

    def states(self) -> dict[str, tuple[int, ...]]:
        shape = (VOICE_COUNT, 1, self.hidden)
        return {"h": shape, "c": shape}

    def advance(self, sounding: Tensor, states: States) -> States:
        frame = self.codes(sounding)  # [1, 4, 5]
        h, c = states
        after = [
            lstm(frame[:, v : v + 1], (h[v : v + 1], c[v : v + 1]))[1]
            for v, lstm in enumerate(self.lstms)
        ]
        return torch.cat([h for h, _ in after]), torch.cat([c for _, c in after])

    def recall(self, states: States) -> Tensor:
        return states[0].transpose(0, 1).flatten(1)  # [1, 4 * hidden]


class OwnHeads(nn.Module):
    """Two dense layers for each voice, which read that voice's part of the summary and no more."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(options.dropout),
                nn.Linear(options.hidden, options.dense),
                nn.ReLU(),
                nn.Linear(options.dense, VOCABULARY),
            )
            for _ in range(VOICE_COUNT)
        )

    def forward(self, summary: Tensor, features: Tensor) -> Tensor:
        """[B, N, 48] from the `summary` [B, N, 4 * hidden]."""
        parts = summary.chunk(VOICE_COUNT, dim=-1)
        each = [head(part) for head, part in zip(self.heads, parts, strict=True)]
        return asked(torch.cat(each, dim=-1), features)
