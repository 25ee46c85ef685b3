"""`plain-lstm`: two layers of LSTM over a piano roll, or over the grid's five numbers per voice.

In the roll (T, 88) it hears which keys are down, and not which voice holds them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.grammar.grid import FIRST_PITCH, LOWEST
from torch import Tensor
from torch.nn import functional

from ripieno_models.families.frames import FRAME
from ripieno_models.families.recurrent import Recurrent, RecurrentOptions
from ripieno_models.options import default, option

KEYS, LOWEST_KEY = 88, 21
"""Keys of a piano, and the MIDI number of the lowest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(RecurrentOptions):
    """Options of the family."""

    hidden: int = default("hidden", 512, RecurrentOptions)
    dropout: float = default("dropout", 0.5, RecurrentOptions)
    roll: bool = option(True, 0, 1, "hears a piano roll instead of five numbers per voice")


class PlainLstm(Recurrent):
    """Roll, LSTM, two dense layers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options, KEYS if options.roll else FRAME)
        self.roll = options.roll

    def heard(self, sounding: Tensor) -> Tensor:
        """[..., 88] of ones and zeros from `sounding` [..., 4]; without the roll, [..., 20]."""
        if not self.roll:
            return super().heard(sounding)
        sounds = (sounding >= FIRST_PITCH).float()[..., None]  # [..., 4, 1]
        key = (sounding - FIRST_PITCH + LOWEST - LOWEST_KEY).clamp(min=0)
        voices = functional.one_hot(key, KEYS).float() * sounds  # [..., 4, 88]
        return voices.amax(dim=-2)
