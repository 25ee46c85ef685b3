"""Chords as frequent as in the corpus: the count, the engine's file, what it does to a choice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ripieno.errors import BundleError
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno.inference.scoring import Motion, objections, score
from ripieno.inference.sonorities import FILE, Sonorities, chord_of, code, load
from ripieno_models import balance
from ripieno_models.likeness import Count, chord_classes, distance, total
from ripieno_models.piece import Split

from tests.models.material import few

ZOO = Path(__file__).parents[2] / "models" / "zoo"
MAJOR, SIXTH, BARE = frozenset({0, 4, 7}), frozenset({0, 3, 8}), frozenset({0, 7})
CLUSTER = frozenset({0, 1, 2, 3})


def rejected(habit: Count, told: Sonorities, candidates: int, draws: int = 60_000) -> Count:
    """What is taken, as the engine takes it, where `habit` tells how often each chord is drawn."""
    rng = np.random.default_rng(1)
    chords = list(habit)
    shares = np.array([habit[chord] for chord in chords], float)
    shares /= shares.sum()
    nats = np.array([told.of(chord) for chord in chords if isinstance(chord, frozenset)])
    drawn = rng.choice(len(chords), (draws, candidates), p=shares)
    taken = rng.random((draws, candidates)) < np.exp(nats[drawn])
    best = nats[drawn].argmax(1)
    chosen = drawn[np.arange(draws), np.where(taken.any(1), taken.argmax(1), best)]
    return Counter({chord: int((chosen == n).sum()) for n, chord in enumerate(chords)})


def test_what_is_counted_makes_the_shares_even() -> None:
    habit: Count = Counter({MAJOR: 300, SIXTH: 100, BARE: 500, CLUSTER: 100})
    real: Count = Counter({MAJOR: 600, SIXTH: 280, BARE: 119, CLUSTER: 1})
    told: dict[frozenset[int], float] = {}
    found = []
    for _ in range(4):
        taken = rejected(habit, balance.sonorities(told), candidates=8)
        found.append(distance(taken, real))
        told = balance.corrected(told, taken, real)
    assert found[0] > 0.1
    assert found[-1] < 0.002
    assert told[BARE] < told[SIXTH]


def test_the_file_tells_what_was_counted(tmp_path: Path) -> None:
    told = balance.sonorities({MAJOR: 0.9, SIXTH: 0.2, CLUSTER: -50.0})
    assert told.of(MAJOR) == 0
    assert told.of(SIXTH) == pytest.approx(0.2 - balance.ROOM)
    assert told.of(CLUSTER) == told.of(BARE) == balance.DEEPEST
    balance.write(told, tmp_path / FILE)
    again = load(tmp_path)
    assert {chord: pytest.approx(nats) for chord, nats in again.nats.items()} == told.nats
    assert again.unseen == told.unseen
    assert chord_of(code(CLUSTER)) == CLUSTER


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"classes": np.array([0])}, "no chords"),
        ({"classes": np.array([4096])}, "no chords"),
        ({"classes": np.array([1.5])}, "no chords"),
        ({"nats": np.array([0.1, -1.0])}, "do not fit"),
        ({"nats": np.array([0.5])}, "no logarithms"),
        ({"nats": np.array([np.nan])}, "no logarithms"),
        ({"unseen": np.array([1.0, 2.0])}, "do not fit"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], words: str
) -> None:
    whole = {"classes": np.array([145]), "nats": np.array([-1.0]), "unseen": np.array(-2.0)}
    np.savez(tmp_path / FILE, **(whole | changed))  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=words):
        load(tmp_path)
    (tmp_path / FILE).write_bytes(b"no archive")
    with pytest.raises(BundleError, match="cannot be read"):
        load(tmp_path)


def test_the_count_takes_the_place_of_the_textbook() -> None:
    ours = frozenset(range(4))
    before: list[int | None] = [72, 67, 64, 48]
    bare = Motion(before, [72, 67, 60, 48], ours, None)
    strange = Motion(before, [73, 67, 64, 48], ours, None)
    told = Sonorities({BARE: -0.25}, -3.0)
    assert objections(bare) == 3.0
    assert objections(bare, told) == 0.25
    assert score(0.0, bare, told) == -0.25
    assert objections(strange, told) == 3.0
    assert objections(Motion(before, before, ours, None), told) == 0
    assert objections(Motion(before, [72, 67, None, 48], ours, None), told) == 0
    fifths = Motion(before, [74, 69, 66, 50], ours, None)
    assert objections(fifths, told) > 3.0, "the other objections stay"


def test_a_run_writes_fewer_of_the_chords_that_it_is_told_to_avoid() -> None:
    forms = list(few(Split.VALID, 3))
    model = open_model(check(ZOO / "chorale-lstm"))
    free = total(map(chord_classes, balance.heard(Generator(model), forms, 1)))
    triads = frozenset(chord for chord in free if chord == MAJOR)
    told = Sonorities(dict.fromkeys(triads, -6.0), 0.0)
    kept = total(map(chord_classes, balance.heard(Generator(model, balance=told), forms, 1)))
    assert kept[MAJOR] / sum(kept.values()) < 0.6 * free[MAJOR] / sum(free.values())
