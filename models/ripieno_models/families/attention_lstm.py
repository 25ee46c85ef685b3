"""`attention-lstm`: a two-layer LSTM that looks back at what it thought, with a head per voice.

Before each sixteenth the LSTM's last output asks the outputs of the last W sixteenths which of them
matter, by additive attention (Bahdanau, Cho & Bengio, 2015); what they answer is half the summary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ripieno_models.families.frames import FRAME, FrameModel, Head, States, windows
from ripieno_models.families.recurrent import RecurrentOptions
from ripieno_models.options import default, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(RecurrentOptions):
    """Options of the family."""

    look_back: int = option(32, 1, 4096, "sixteenths whose outputs are looked at")
    attention: int = option(64, 2, 4096, "width in which an output is compared with another")
    batch: int = default("batch", 16)


class AttentionLstm(FrameModel):
    """LSTM, attention over its outputs, two dense layers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.head = Head(2 * options.hidden, self.codes, options)
        self.layers, self.hidden = options.layers, options.hidden
        self.look_back = options.look_back
        self.lstm = nn.LSTM(
            FRAME,
            options.hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.query = nn.Linear(options.hidden, options.attention)
        self.key = nn.Linear(options.hidden, options.attention, bias=False)
        self.weigh = nn.Linear(options.attention, 1, bias=False)

    def look(self, outputs: Tensor, there: Tensor) -> Tensor:
        """The summary [..., 2 * hidden] from `outputs` [..., W, hidden], the present one last;
        only those that are `there` [..., W] count."""
        now = outputs[..., -1, :]  # [..., hidden]
        compared = torch.tanh(self.query(now)[..., None, :] + self.key(outputs))
        scores = self.weigh(compared)[..., 0]  # [..., W]
        shares = scores.masked_fill(there == 0, -torch.inf).softmax(dim=-1)
        found = (shares[..., None] * outputs).sum(dim=-2)  # [..., hidden]
        return torch.cat((now, found), dim=-1)

    def remember(self, sounding: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.codes(sounding).flatten(-2))  # [B, T, hidden]
        past = windows(outputs, self.look_back)  # [B, T, W, hidden]
        there = windows(torch.ones_like(outputs[..., 0]), self.look_back)  # [B, T, W]
        return self.look(past, there)

    def states(self) -> dict[str, tuple[int, ...]]:
        shape = (self.layers, 1, self.hidden)
        past = (1, self.look_back, self.hidden)
        return {"h": shape, "c": shape, "past": past, "there": past[:2]}

    def advance(self, sounding: Tensor, states: States) -> States:
        h, c, past, there = states
        output, (h, c) = self.lstm(self.codes(sounding).flatten(-2)[:, None], (h, c))
        past = torch.cat((past[:, 1:], output), dim=1)
        there = torch.cat((there[:, 1:], torch.ones_like(there[:, :1])), dim=1)
        return h, c, past, there

    def recall(self, states: States) -> Tensor:
        return self.look(states[2], states[3])
