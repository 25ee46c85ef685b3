"""Who plays which key of a piano roll: log-odds of 88 keys as logits of one voice's tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ripieno.grammar.grid import FEATURES, FIRST_PITCH, HOLD, LOWEST, REST, VOCABULARY, VOICES

Floats = NDArray[np.float32]
LOWEST_KEY = 21
_NAMES = [feature.name for feature in FEATURES]
_DECIDED, _SOUNDING = _NAMES.index("decided"), _NAMES.index(f"pitch_{VOICES[0]}")
_KEYS = slice(LOWEST - LOWEST_KEY, LOWEST - LOWEST_KEY + VOCABULARY - FIRST_PITCH)
_AGAIN, _TAKEN, _HELD = np.float32(-2.0), np.float32(-4.0), np.float32(1.0)
"""Nats for a stroke of what is held, for a key that another voice has, and for a hold."""
_HEIGHTS = np.arange(VOCABULARY - FIRST_PITCH, dtype=np.float32) / 12.0 - 2.0
_LEANS = (1.5, 0.5, -0.5, -1.5)
"""Nats per octave: upper voices take the upper keys, lower ones the lower."""


def logits_of(roll: Floats, voice: int, row: tuple[int, ...]) -> Floats:
    """Logits [48] of `voice` for `roll` [88] at one sixteenth; `row`: the grid's features.

    A rest is as likely as a key of even odds. A key that is held and stays down is held on; one
    that a decided voice has is seldom doubled.
    """
    logits = np.empty(VOCABULARY, np.float32)
    pitches = roll[_KEYS] + np.float32(_LEANS[voice]) * _HEIGHTS
    for other in range(len(VOICES)):
        value = row[_SOUNDING + other]
        if other != voice and row[_DECIDED] >> other & 1 and value >= FIRST_PITCH:
            pitches[value - FIRST_PITCH] += _TAKEN
    held = row[_SOUNDING + voice] - FIRST_PITCH
    logits[HOLD] = logits[REST] = 0.0
    if held >= 0:
        logits[HOLD] = pitches[held] + _HELD
        pitches[held] += _AGAIN
    logits[FIRST_PITCH:] = pitches
    return logits
