"""Frame models whose memory is an LSTM that hears one sixteenth after the other."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ripieno_models.families.frames import FRAME, FrameModel, FrameOptions, Head, States
from ripieno_models.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentOptions(FrameOptions):
    """Options of the families with an LSTM over sixteenths."""

    hidden: int = option(128, 2, 4096, "memory cells per layer")
    layers: int = option(2, 1, 8, "layers of LSTM")


class Recurrent(FrameModel):
    """An LSTM over sixteenths; the last layer's output is the summary."""

    def __init__(self, options: RecurrentOptions, heard: int = FRAME) -> None:
        super().__init__(options)
        self.head = Head(options.hidden, self.codes, options)
        self.layers, self.hidden = options.layers, options.hidden
        self.lstm = nn.LSTM(
            heard,
            options.hidden,
            options.layers,
            batch_first=True,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )

    def heard(self, sounding: Tensor) -> Tensor:
        """What the LSTM hears of `sounding` [..., 4]: five numbers for each voice."""
        told: Tensor = self.codes(sounding).flatten(-2)
        return told

    def remember(self, sounding: Tensor) -> Tensor:
        outputs: Tensor = self.lstm(self.heard(sounding))[0]  # [B, T, hidden]
        return outputs

    def states(self) -> dict[str, tuple[int, ...]]:
        shape = (self.layers, 1, self.hidden)
        return {"h": shape, "c": shape}

    def advance(self, sounding: Tensor, states: States) -> States:
        _, (h, c) = self.lstm(self.heard(sounding)[:, None], (states[0], states[1]))
        return h, c

    def recall(self, states: States) -> Tensor:
        last: Tensor = states[0][-1]
        return last
