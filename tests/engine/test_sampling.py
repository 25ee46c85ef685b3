from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.grammar.grid import VOCABULARY
from ripieno.inference.sampling import draw, head, members, min_p, tempered, top_p, uniform
from ripieno.settings import Sampling

LOGITS = np.random.default_rng(5).normal(0, 2, VOCABULARY).astype(np.float32)
ALL = (1 << VOCABULARY) - 1

seeds = st.integers(0, 2**32 - 1)
masks = st.integers(1, ALL)
samplings = st.builds(
    Sampling,
    temperature=st.floats(0.1, 2.0),
    top_k=st.sampled_from([0, 1, 3, 47, 500]),
    top_p=st.floats(0.01, 1.0),
    min_p=st.floats(0.0, 1.0),
)


def probabilities(logits: list[float], temperature: float) -> list[float]:
    """The softmax, written plainly in double precision."""
    weights = [np.exp((x - max(logits)) / temperature) for x in logits]
    return [float(w / sum(weights)) for w in weights]


def survivors(mask: int, sampling: Sampling) -> set[int]:
    """The tokens that may be drawn, by the definitions and with no regard to speed."""
    tokens = [t for t in range(VOCABULARY) if mask >> t & 1]
    p = dict(
        zip(
            tokens,
            probabilities([float(LOGITS[t]) for t in tokens], sampling.temperature),
            strict=True,
        )
    )
    ranked = sorted(tokens, key=lambda t: -p[t])
    if sampling.top_k:
        ranked = ranked[: sampling.top_k]
    total, mass, nucleus = sum(p[t] for t in ranked), 0.0, []
    for token in ranked:
        nucleus.append(token)
        mass += p[token]
        if sampling.top_p < 1.0 and mass >= sampling.top_p * total:
            break
    return {t for t in nucleus if p[t] >= sampling.min_p * p[ranked[0]]}


@given(mask=masks, sampling=samplings, chance=st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_survives_every_filter_and_the_mask(
    mask: int, sampling: Sampling, chance: float
) -> None:
    token = draw(LOGITS, mask, sampling, chance)
    assert mask >> token & 1
    # A hair of tolerance: float32 and double may disagree about a token right on an edge.
    lenient = Sampling(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=min(1.0, sampling.top_p * 1.0001),
        min_p=sampling.min_p * 0.9999,
    )
    assert token in survivors(mask, lenient)


def test_draws_follow_the_distribution() -> None:
    mask, sampling = ALL & ~0b1011, Sampling(temperature=1.3)
    count = 60_000
    drawn = np.bincount(
        [draw(LOGITS, mask, sampling, (i + 0.5) / count) for i in range(count)],
        minlength=VOCABULARY,
    )
    tokens = [t for t in range(VOCABULARY) if mask >> t & 1]
    expected = np.zeros(VOCABULARY)
    expected[tokens] = probabilities([float(LOGITS[t]) for t in tokens], 1.3)
    # Evenly spread chances hit every token's share to within one draw.
    assert np.abs(drawn - expected * count).max() <= 2


def test_each_filter_by_a_worked_example() -> None:
    weights = np.array([1.0, 0.4, 0.4, 0.1, 0.1], np.float32)
    ladder = weights.cumsum(dtype=np.float64)
    assert [top_p(ladder, p) for p in (0.01, 0.49, 0.51, 0.69, 0.71, 0.94, 0.99)] == [
        1, 1, 2, 2, 3, 4, 5,
    ]  # fmt: skip
    assert [min_p(weights, p) for p in (0.0, 0.05, 0.39, 0.41, 1.0)] == [5, 5, 3, 1, 1]
    assert head(weights, ladder, Sampling(top_k=2)) == 2
    assert head(weights, ladder, Sampling(top_k=9)) == 5
    assert head(weights, ladder, Sampling(top_k=3, top_p=0.5)) == 1, "of what top-k has left"
    assert head(weights, ladder, Sampling(top_k=4, min_p=0.3)) == 3


def test_ties_go_to_the_lower_token() -> None:
    logits = np.zeros(VOCABULARY, np.float32)
    drawn = {draw(logits, 0b11110, Sampling(top_k=2), c / 50) for c in range(50)}
    assert drawn == {1, 2}


def test_temperature_is_a_division_of_logits() -> None:
    logits = np.array([1.0, 3.0], np.float32)
    assert tempered(logits, 2.0, logits[1]) == pytest.approx([np.exp(-1.0), 1.0])


def test_the_order_is_mask_temperature_k_p_min() -> None:
    logits = np.log(np.array([0.5, 0.2, 0.2, 0.1] + [1e-9] * 44)).astype(np.float32)
    mask = 0b1110
    # After the mask the shares are 0.4, 0.4, 0.2; the nucleus of 0.75 is tokens 1 and 2.
    tokens = {draw(logits, mask, Sampling(top_p=0.75), c / 100) for c in range(100)}
    assert tokens == {1, 2}
    # Of three likeliest, 0.85 needs all three; of the two likeliest it needs both.
    assert {draw(logits, 0b1111, Sampling(top_k=2, top_p=0.85), c / 100) for c in range(100)} == {
        0,
        1,
    }


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_numbers_give_the_lowest_allowed_token(value: float) -> None:
    with np.errstate(invalid="ignore"):
        logits = np.full(VOCABULARY, value, np.float32)
        assert draw(logits, 0b110, Sampling(), 0.7) == 1


@given(mask=masks)
def test_members_are_the_bits(mask: int) -> None:
    assert members(mask).tolist() == [t for t in range(VOCABULARY) if mask >> t & 1]


@given(mask=masks)
def test_the_largest_chance_still_draws_a_likely_token(mask: int) -> None:
    token = draw(LOGITS, mask, Sampling(top_k=2), 1.0 - 2.0**-53)
    assert token in survivors(mask, Sampling(top_k=2))


@given(seed=seeds, step=st.integers(-(2**40), 2**40), voice=st.integers(0, 3))
def test_chance_depends_on_each_of_its_numbers(seed: int, step: int, voice: int) -> None:
    here = uniform(seed, step, voice, 0)
    assert 0.0 <= here < 1.0
    assert here == uniform(seed, step, voice, 0)
    others = {
        uniform(seed ^ 1, step, voice, 0),
        uniform(seed, step + 1, voice, 0),
        uniform(seed, step, voice ^ 1, 0),
        uniform(seed, step, voice, 1),
    }
    assert here not in others
    assert len(others) == 4


def test_chance_is_uniform_and_unrelated_from_step_to_step() -> None:
    numbers = np.array([uniform(7, step, v, 0) for step in range(5000) for v in range(4)])
    counts = np.histogram(numbers, 20, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # χ², 19 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03
    assert abs(np.corrcoef(numbers[:-4], numbers[4:])[0, 1]) < 0.03
