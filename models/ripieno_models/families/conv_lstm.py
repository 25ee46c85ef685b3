"""`conv-lstm`: the smallest model that is melodic is what it looks for.

One model for all four voices. A window (W, 4, 5) goes through a three-dimensional convolution over
time, voices and the five numbers of a pitch; an LSTM reads what comes out, sixteenth by sixteenth,
and its last output is the summary.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from ripieno_models.families.frames import VOICE_COUNT, Head, WindowModel, WindowOptions
from ripieno_models.families.note_encoding import NUMBERS
from ripieno_models.options import default, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(WindowOptions):
    """Options of the family."""

    filters: int = option(32, 1, 4096, "filters of the convolution")
    kernel: int = option(3, 1, 64, "sixteenths that a filter spans")
    hidden: int = option(16, 2, 4096, "memory cells of the LSTM")
    learning_rate: float = default("learning_rate", 3e-3)


class ConvLstm(WindowModel):
    """Convolution, LSTM, two dense layers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.head = Head(options.hidden, self.codes, options)
        self.convolution = nn.Conv3d(
            1,
            options.filters,
            (options.kernel, VOICE_COUNT, NUMBERS),
        )
        self.lead = options.kernel - 1
        self.lstm = nn.LSTM(options.filters, options.hidden, batch_first=True)

    def read(self, window: Tensor) -> Tensor:
        """[M, hidden] from `window` [M, W, 4, 5]."""
        padded = functional.pad(window, (0, 0, 0, 0, self.lead, 0))  # [M, W + kernel - 1, 4, 5]
        found = self.convolution(padded[:, None])[..., 0, 0]  # [M, filters, W]
        outputs, _ = self.lstm(functional.relu(found).transpose(1, 2))  # [M, W, hidden]
        last: Tensor = outputs[:, -1]
        return last
