"""Drawing a token from the model's distribution: mask → temperature → top-k → top-p → min-p.

All are pure functions. A filter sees only what the one before it left, never brings back what the
mask forbids, and always leaves the likeliest token. Chance comes from a counter and not from a
hidden state: the same place in the music always gets the same number.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ripieno.settings import Sampling

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

_64_BITS = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MASK_BYTES = 8
_REMEMBERED = 4096


def draw(logits: Floats, allowed: int, sampling: Sampling, chance: float) -> int:
    """One token of the set `allowed` (bit t set: token t may be drawn; it must not be empty).

    `logits` [48] are the model's, `chance` lies in [0, 1). From logits that are not finite the
    lowest allowed token is taken, which is a hold or a rest.
    """
    tokens = members(allowed)
    weights = tempered(logits[tokens], sampling.temperature)
    if sampling.top_k:
        weights = top_k(weights, sampling.top_k)
    if sampling.top_p < 1.0:
        weights = top_p(weights, sampling.top_p)
    if sampling.min_p > 0.0:
        weights = min_p(weights, sampling.min_p)
    ladder = weights.cumsum(dtype=np.float64)
    total = ladder[-1]
    if not total > 0.0:
        return int(tokens[0])
    place = int(ladder.searchsorted(chance * total, side="right"))
    # A chance just below 1 can be rounded up to the whole: then it is the last token with weight.
    return int(tokens[place if place < len(tokens) else weights.nonzero()[0][-1]])


def tempered(logits: Floats, temperature: float) -> Floats:
    """Weights exp((logit - largest) / temperature): the likeliest has weight 1."""
    weights: Floats = logits - logits.max()
    weights *= np.float32(1.0 / temperature)
    return np.exp(weights, out=weights)


def top_k(weights: Floats, k: int) -> Floats:
    """Only the `k` largest weights, ties to the lower token; the others become 0.

    Fan, Lewis, Dauphin: Hierarchical Neural Story Generation (2018).
    """
    if k >= len(weights):
        return weights
    kept = np.argsort(-weights, kind="stable")[:k]
    return _only(weights, kept)


def top_p(weights: Floats, p: float) -> Floats:
    """The nucleus: the fewest largest weights that share at least `p` of the sum; the others 0.

    Holtzman, Buys, Du, Forbes, Choi: The Curious Case of Neural Text Degeneration (2020).
    """
    order = np.argsort(-weights, kind="stable")
    ladder = weights[order].cumsum(dtype=np.float64)
    count = int(ladder.searchsorted(p * ladder[-1], side="left")) + 1
    return _only(weights, order[:count])


def min_p(weights: Floats, p: float) -> Floats:
    """Only weights of at least `p` times the largest; the others become 0.

    Nguyen et al.: Turning Up the Heat, Min-p Sampling for Creative and Coherent LLM Outputs (2024).
    """
    return np.where(weights >= np.float32(p) * weights.max(), weights, np.float32(0.0))


def _only(weights: Floats, kept: Indices) -> Floats:
    result = np.zeros_like(weights)
    result[kept] = weights[kept]
    return result


@lru_cache(maxsize=_REMEMBERED)
def members(tokens: int) -> Indices:
    """The bits that are set in `tokens` (below 2⁶⁴), rising: [how many]. Not to be written to."""
    packed = np.frombuffer(tokens.to_bytes(_MASK_BYTES, "little"), np.uint8)
    found: Indices = np.unpackbits(packed, bitorder="little").nonzero()[0]
    found.flags.writeable = False  # the same sets come again and again, and share one array
    return found


def uniform(seed: int, step: int, voice: int, reroll: int) -> float:
    """A number in [0, 1) for one decision: always the same one for the same four integers.

    A counter-based generator: each integer is added in turn to the state, which is then moved on
    by the golden ratio and mixed as in splitmix64 (Steele, Lea, Flood: Fast Splittable
    Pseudorandom Number Generators, 2014). `step` may be negative. `reroll` counts how often this
    step was decided before, so that planning a span again is another choice.
    """
    state = 0
    for number in (seed, step, voice, reroll):
        state = _mixed((state + number + _GOLDEN) & _64_BITS)
    return (state >> 11) * 2.0**-53


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return z ^ (z >> 31)
