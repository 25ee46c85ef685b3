"""Two temperatures of a trained model: one for rhythm (hold, rest or strike), one for pitch.

Dropout leaves a network surer of itself than it has reason to be, and what is rare but common in
Bach, an eighth note between the beats, is then drawn too seldom. One number for a trained network
mends most of that (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, 2017);
rhythm and pitch need one each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ripieno.grammar.grid import FIRST_PITCH
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What logits are divided by; 1 leaves them as they are."""

    rhythm: float = 1.0
    pitch: float = 1.0


def tempered(logits: Tensor, by: Temperatures) -> Tensor:
    """`logits` [..., 48] whose choice of hold, rest or strike is made at one temperature, and that
    of the pitch struck at the other."""
    if by == Temperatures():
        return logits
    levels = logits / by.rhythm
    pitches = logits[..., FIRST_PITCH:] / by.pitch
    struck = levels[..., FIRST_PITCH:].logsumexp(-1, keepdim=True)
    pitches = pitches - pitches.logsumexp(-1, keepdim=True) + struck
    return torch.cat((levels[..., :FIRST_PITCH], pitches), -1)
