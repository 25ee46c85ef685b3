"""In which key the player plays, as far as the notes tell."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import dist

from ripieno.settings import Key

FEWEST_NOTES, FEWEST_CLASSES = 4, 3
"""With less than this nothing can be told."""
_PROFILES = {
    "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
}
"""How much of a piece each degree above the tonic takes, in large corpora of tonal music."""


def estimate(notes: Iterable[tuple[int, float]]) -> Key | None:
    """The likeliest key of `notes`, pairs of MIDI number and length in beats; None for too few.

    The key whose profile is nearest to how long each pitch class sounds (J. Albrecht, D. Shanahan:
    The Use of Large Corpora to Train a New Type of Key-Finding Algorithm, 2013).
    """
    lengths = [0.0] * 12
    count = 0
    for pitch, length in notes:
        lengths[pitch % 12] += length
        count += 1
    if count < FEWEST_NOTES or sum(length > 0 for length in lengths) < FEWEST_CLASSES:
        return None
    whole = sum(lengths)
    heard = [length / whole for length in lengths]
    return min(_keys(), key=lambda key: dist(heard, _profile(key)))


@cache
def _keys() -> tuple[Key, ...]:
    return tuple(Key(tonic, scale) for scale in _PROFILES for tonic in range(12))


@cache
def _profile(key: Key) -> tuple[float, ...]:
    """What each pitch class, from C, takes of a piece in `key`."""
    return tuple(_PROFILES[key.scale][(pitch - key.tonic) % 12] for pitch in range(12))
