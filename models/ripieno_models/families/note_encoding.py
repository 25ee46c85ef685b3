"""A pitch as five numbers: how high it is, and where it lies on two circles.

The height is the logarithm of the frequency, -1 at the lower and 1 at the upper end of the voice's
range; then the cosine and sine of its place on the chromatic circle, and of its place on the circle
of fifths (Shepard, 1982; as input of a network: Mozer, 1994). Silence is the zero vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ripieno.grammar.grid import FIRST_PITCH, LOWEST, VOCABULARY

from ripieno_models.piece import RANGES

Floats = NDArray[np.float64]

NUMBERS = 5
HEIGHT, CHROMATIC, FIFTHS = slice(0, 1), slice(1, 3), slice(3, 5)
"""Which of the five numbers tell what."""
FIFTH, OCTAVE = 7.0, 12.0


def encoded(pitches: NDArray[Any], low: int, high: int) -> Floats:
    """[..., 5] for MIDI numbers [...] of a voice whose range is `low` … `high`.

    Whatever type the numbers have, all is computed in floats: in 8 bits seven times a MIDI number
    runs over from 19 on, and the fifths come out wrong without a word.
    """
    pitch = np.asarray(pitches).astype(np.float64)
    height = 2 * (pitch - low) / (high - low) - 1
    chromatic = 2 * np.pi * pitch / OCTAVE
    fifths = 2 * np.pi * FIFTH * pitch / OCTAVE
    circles = [turn(angle) for angle in (chromatic, fifths) for turn in (np.cos, np.sin)]
    return np.stack([height, *circles], axis=-1)


def table() -> NDArray[np.float32]:
    """[4, 48, 5]: every sounding value of the grid in every voice; zeros where nothing sounds."""
    pitches = np.arange(VOCABULARY - FIRST_PITCH) + LOWEST
    told = np.zeros((len(RANGES), VOCABULARY, NUMBERS), np.float32)
    for voice, (low, high) in enumerate(RANGES):
        told[voice, FIRST_PITCH:] = encoded(pitches, low, high)
    return told
