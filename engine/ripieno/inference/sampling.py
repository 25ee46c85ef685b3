"""Drawing a token from the model's distribution: mask → temperature → top-k → top-p → min-p.

All are pure functions. A filter sees only what the one before it left, never brings back what the
mask forbids, and always leaves the likeliest token. Top-k keeps the k likeliest (Fan, Lewis,
Dauphin: Hierarchical Neural Story Generation, 2018), ties going to the lower token. Chance comes
from a counter and not from a hidden state: the same place in the music always gets the same number.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ripieno.settings import Sampling

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]

_64_BITS = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MASK_BYTES = 8
_REMEMBERED, _FEW = 4096, 16


def draw(logits: Floats, allowed: int, sampling: Sampling, chance: float) -> int:
    """One token of the set `allowed` (bit t set: token t may be drawn; it must not be empty).

    `logits` [48] are the model's, `chance` lies in [0, 1). From logits that are not finite the
    lowest allowed token is taken, which is a hold or a rest.
    """
    return pick(logits, members(allowed), sampling, chance)


def pick(logits: Floats, tokens: Indices, sampling: Sampling, chance: float) -> int:
    """As `draw`, from the rising `tokens` [how many], one or more."""
    lowest = int(tokens[0])
    levels = logits[tokens]
    filtered = sampling.top_k > 0 or sampling.top_p < 1.0 or sampling.min_p > 0.0
    if filtered:  # each filter keeps the head of a row that falls: one sorting serves all three
        falling = (-levels).argsort(kind="stable")
        tokens, levels = tokens[falling], levels[falling]
    largest = levels[0] if filtered else np.maximum.reduce(levels)
    weights = tempered(levels, sampling.temperature, largest)
    ladder: Doubles = np.add.accumulate(weights, dtype=np.float64)
    kept = head(weights, ladder, sampling) if filtered else len(tokens)
    total = ladder[kept - 1]
    if not total > 0.0:
        return lowest
    place = int(ladder.searchsorted(chance * total, side="right"))
    if place >= kept:  # a chance just below 1 was rounded up to the whole: the last one with weight
        place = int(weights[:kept].nonzero()[0][-1])
    return int(tokens[place])


def tempered(logits: Floats, temperature: float, largest: np.float32) -> Floats:
    """Weights exp((logit - largest) / temperature): the likeliest has weight 1."""
    weights: Floats = logits - largest
    weights *= np.float32(1.0 / temperature)
    return np.exp(weights, out=weights)


def head(weights: Floats, ladder: Doubles, sampling: Sampling) -> int:
    """How many of the falling `weights`, with their running sums `ladder`, all filters keep."""
    kept = min(len(weights), sampling.top_k or len(weights))
    if sampling.top_p < 1.0:
        kept = top_p(ladder[:kept], sampling.top_p)
    if sampling.min_p > 0.0:
        kept = min(kept, min_p(weights, sampling.min_p))
    return kept


def top_p(ladder: Doubles, p: float) -> int:
    """The nucleus: how many of the largest weights it takes to share at least `p` of the sum.

    Holtzman, Buys, Du, Forbes, Choi: The Curious Case of Neural Text Degeneration (2020).
    """
    return int(ladder.searchsorted(p * ladder[-1], side="left")) + 1


def min_p(weights: Floats, p: float) -> int:
    """How many of the falling `weights` are at least `p` times the largest; at least one.

    Nguyen et al.: Turning Up the Heat, Min-p Sampling for Creative and Coherent LLM Outputs (2024).
    """
    return max(1, int(np.count_nonzero(weights >= np.float32(p) * weights[0])))


@lru_cache(maxsize=_REMEMBERED)
def members(tokens: int) -> Indices:
    """The bits that are set in `tokens` (below 2⁶⁴), rising: [how many]. Not to be written to."""
    packed = np.frombuffer(tokens.to_bytes(_MASK_BYTES, "little"), np.uint8)
    found: Indices = np.unpackbits(packed, bitorder="little").nonzero()[0]
    found.flags.writeable = False  # the same sets come again and again, and share one array
    return found


def uniform(seed: int, step: int, voice: int, reroll: int, candidate: int = 0) -> float:
    """A number in [0, 1) for one decision: always the same one for the same five integers.

    A counter-based generator: each integer is added in turn to the state, which is then moved on
    by the golden ratio and mixed as in splitmix64 (Steele, Lea, Flood: Fast Splittable
    Pseudorandom Number Generators, 2014). `step` may be negative. `reroll` counts how often this
    step was decided before, so that planning a span again is another choice. `candidate` counts
    those drawn beside it; the first is the one that there would be without the others.
    """
    state = _stirred(_stirred(_of_step(seed, step), voice), reroll)
    if candidate:
        state = _stirred(state, candidate)
    return (state >> 11) * 2.0**-53


@lru_cache(maxsize=_FEW)
def _of_step(seed: int, step: int) -> int:
    """What all decisions of a step have in common."""
    return _stirred(_stirred(0, seed), step)


def _stirred(state: int, number: int) -> int:
    return _mixed((state + number + _GOLDEN) & _64_BITS)


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return z ^ (z >> 31)
