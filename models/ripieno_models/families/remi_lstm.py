"""`remi-lstm`: REMI tokens with velocities, and a deep LSTM that may look back at its outputs.

An embedding, three layers of LSTM (Hochreiter & Schmidhuber, 1997), and, if wanted, additive
attention (Bahdanau, Cho & Bengio, 2015): the last output asks the outputs of the last W tokens
which of them matter, and what they answer is half of what the logits are made from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ripieno_models.families import folk_transformer
from ripieno_models.families.decoder import LstmOptions
from ripieno_models.families.frames import windows
from ripieno_models.families.stepped import Stepped
from ripieno_models.options import default, option

VELOCITIES = 32
"""Levels of loudness in the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(LstmOptions):
    """Options of the family. A run on one processor takes fewer cells and layers."""

    hidden: int = default("hidden", 512, LstmOptions)
    layers: int = default("layers", 3, LstmOptions)
    embedding: int = default("embedding", 128, LstmOptions)
    attention: bool = option(False, 0, 1, "looks back at its own outputs")
    look_back: int = option(64, 1, 4096, "tokens whose outputs are looked at")
    compared: int = option(64, 2, 4096, "width in which an output is compared with another")
    steps: int = default("steps", 2000)
    batch: int = default("batch", 16)
    crop: int = default("crop", 256)
    learning_rate: float = default("learning_rate", 2e-3)


class RemiLstm(Stepped):
    """Embedding, LSTM, attention if wanted, logits."""

    def __init__(self, options: Options, vocabulary: int) -> None:
        super().__init__()
        self.options = options
        self.embedding = nn.Embedding(vocabulary, options.embedding)
        self.lstm = nn.LSTM(
            options.embedding,
            options.hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(options.dropout)
        if options.attention:
            self.query = nn.Linear(options.hidden, options.compared)
            self.key = nn.Linear(options.hidden, options.compared, bias=False)
            self.weigh = nn.Linear(options.compared, 1, bias=False)
        self.head = nn.Linear(options.hidden * (1 + options.attention), vocabulary)

    def read(self, tokens: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.dropout(self.embedding(tokens)))  # [B, N, hidden]
        if self.options.attention:
            size = self.options.look_back
            there = windows(torch.ones_like(outputs[..., 0]), size)  # [B, N, W]
            outputs = self.look(windows(outputs, size), there)
        logits: Tensor = self.head(self.dropout(outputs))
        return logits

    def look(self, outputs: Tensor, there: Tensor) -> Tensor:
        """[..., 2 * hidden] from `outputs` [..., W, hidden], the present one last; only those that
        are `there` [..., W] count."""
        now = outputs[..., -1, :]  # [..., hidden]
        compared = torch.tanh(self.query(now)[..., None, :] + self.key(outputs))
        scores = self.weigh(compared)[..., 0]  # [..., W]
        shares = scores.masked_fill(there == 0, -torch.inf).softmax(dim=-1)
        found = (shares[..., None] * outputs).sum(dim=-2)  # [..., hidden]
        return torch.cat((now, found), dim=-1)

    def states(self) -> dict[str, tuple[int, ...]]:
        shape = (self.options.layers, 1, self.options.hidden)
        told: dict[str, tuple[int, ...]] = {"h": shape, "c": shape}
        if not self.options.attention:
            return told
        past = (1, self.options.look_back, self.options.hidden)
        return told | {"past": past, "there": past[:2]}

    def step(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        output, (h, c) = self.lstm(self.embedding(tokens), (states[0], states[1]))
        if not self.options.attention:
            return self.head(output[:, 0]), h, c
        past = torch.cat((states[2][:, 1:], output), dim=1)  # [1, W, hidden]
        there = torch.cat((states[3][:, 1:], torch.ones_like(states[3][:, :1])), dim=1)
        return self.head(self.look(past, there)), h, c, past, there


KIND = replace(
    folk_transformer.KIND,
    name="remi-lstm",
    title="Fiddle tunes, by a deep LSTM",
    options=Options,
    build=RemiLstm,
    velocities=VELOCITIES,
    numbered=False,
)
