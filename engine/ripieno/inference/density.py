"""How busy the machine is: what is added to the logits of striking so that onsets come as wanted.

A first guess from the odds, and an integral control that takes out what the guess leaves: every
step moves the lean by what it missed, so in the long run the mean is the target, and where in the
bar the onsets fall is left to the model.
"""

from __future__ import annotations

from math import log

from ripieno.grammar.grid import STEPS_PER_BEAT

NATURAL = 0.9
"""Onsets per beat and voice that a model plays when it is let."""
GAIN = 0.4
"""Nats that a whole onset too many or too few moves the lean."""
FARTHEST = 6.0
_SHARES = (0.004, 0.99)


def guess(target: float) -> float:
    """Nats to add to striking, by the odds of `target` onsets per beat against `NATURAL` ones."""
    return _odds(target / STEPS_PER_BEAT) - _odds(NATURAL / STEPS_PER_BEAT)


def moved(lean: float, target: float, struck: bool) -> float:
    """The lean after a step in which the voice struck, or did not."""
    wanted = lean + GAIN * (target / STEPS_PER_BEAT - struck)
    return max(-FARTHEST, min(FARTHEST, wanted))


def _odds(share: float) -> float:
    low, high = _SHARES
    share = max(low, min(high, share))
    return log(share / (1.0 - share))
