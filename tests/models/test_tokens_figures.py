"""The floor and the figures of structure, on lines whose answers are known."""

from __future__ import annotations

from collections import Counter
from math import exp, log

import pytest
from ripieno_models.tokens.ngram import Ngram
from ripieno_models.tokens.structure import Structure, bars_of, distances, divergence, structure
from ripieno_models.tokens.tune import Note, Tune

from tests.models.tunes import melody


def tune(bars: str, meter: tuple[int, int] = (4, 4)) -> Tune:
    """One bar for each letter; capitals have a single long note, others four notes."""
    notes = []
    for number, letter in enumerate(bars):
        begin, pitch = 16 * number, 60 + ord(letter.lower()) - ord("a")
        if letter.isupper():
            notes.append(Note(begin, 0, pitch, 16))
        else:
            notes += [Note(begin + 4 * beat, 0, pitch + beat % 2, 4) for beat in range(4)]
    return Tune(bars, tuple(notes), meter, 0)


def share(counts: Ngram, before: list[int], token: int, order: int) -> float:
    """How likely `token` is after `before`, looking at up to `order` tokens."""
    return exp(-float(counts.nats([[*before, token]])[order - 1, -1]))


def test_an_ngram_is_what_witten_and_bell_say() -> None:
    counts = Ngram(2, 4)
    counts.learn([[0, 1, 0, 1, 0, 2]])
    # Seen: 0 three times, 1 twice, 2 once: 6 tokens of 3 kinds.
    alone = (2 + 3 * 0.25) / 9
    # After 0: twice 1, once 2: 3 tokens of 2 kinds.
    after = (2 + 2 * alone) / 5
    assert share(counts, [0], 1, 2) == pytest.approx(after)
    assert share(counts, [0], 1, 1) == pytest.approx(alone)
    assert share(counts, [3], 1, 2) == pytest.approx(alone)  # never seen: as if alone
    assert counts.nats([[2], [0, 1]])[1, 2] == pytest.approx(-log(after))  # lines end


@pytest.mark.parametrize("before", [[], [0], [1, 0], [3, 3, 3], [2, 0, 1]])
def test_an_ngrams_shares_sum_to_one(before: list[int]) -> None:
    counts = Ngram(4, 5)
    counts.learn([[0, 1, 2, 0, 1, 3], [1, 0, 0, 2]])
    for order in range(1, 5):
        assert sum(share(counts, before, n, order) for n in range(5)) == pytest.approx(1)


def test_a_tune_that_comes_again_answers_and_closes() -> None:
    told = structure([tune("abcdabcE")])
    assert told == Structure(
        repeated=3 / 8,
        answering=1.0,
        closing=1.0,
        resting=0.0,
        whole_parts=1.0,
        bars=8.0,
        notes_per_bar=(7 * 4 + 1) / 8,
    )


def test_a_tune_that_wanders_does_not() -> None:
    told = structure([tune("aBcdefghijk")])
    assert (told.repeated, told.answering, told.closing, told.whole_parts) == (0, 0, 0, 0)
    assert told.resting == pytest.approx(1 / 10)


def test_a_pickup_is_no_bar() -> None:
    late = tuple(Note(n.onset + 16, 0, n.pitch, n.duration) for n in tune("abcd").notes)
    assert len(bars_of(Tune("", (Note(12, 0, 60, 4), *late), (4, 4), 0))) == 4
    assert len(bars_of(Tune("", (Note(0, 0, 60, 4), *late), (4, 4), 0))) == 5


def test_divergence_is_nothing_between_equals_and_ln_2_between_strangers() -> None:
    assert divergence(Counter([1, 2, 2]), Counter([1, 2, 2, 1, 2, 2])) == pytest.approx(0)
    assert divergence(Counter([1, 1]), Counter([2])) == pytest.approx(log(2))
    same = distances([melody(1)], [melody(1)])
    assert same == {"durations": 0, "intervals": 0, "places": 0}
    assert distances([melody(1, (6, 8))], [melody(2, (4, 4))])["places"] > 0.01
