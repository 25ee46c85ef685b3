"""Tapped tempi: a beat is found in a few taps, and what is none is refused."""

from __future__ import annotations

import random

import pytest
from ripieno.clock import Seconds
from ripieno.sync.tap import Tapper


def taps(*moments: float) -> list[float | None]:
    tapper = Tapper()
    return [tapper.tap(Seconds(moment)) for moment in moments]


@pytest.mark.parametrize("bpm", [20, 63, 120, 299])
def test_two_taps_are_a_tempo(bpm: float) -> None:
    assert taps(3.0, 3.0 + 60 / bpm) == [None, pytest.approx(bpm)]


@pytest.mark.parametrize("bpm", [60, 100, 160])
def test_uneven_hands_are_averaged(bpm: float) -> None:
    chance = random.Random(1)
    for _ in range(20):
        found = taps(*(n * 60 / bpm + chance.gauss(0, 0.015) for n in range(8)))
        assert found[-1] == pytest.approx(bpm, rel=0.06)


def test_one_slip_does_not_count() -> None:
    assert taps(0, 0.5, 1.0, 1.5, 2.15, 2.5, 3.0)[-1] == pytest.approx(120)


def test_a_forgotten_tap_does_not_count() -> None:
    assert taps(0, 0.5, 1.0, 1.5, 2.5, 3.0)[-1] == pytest.approx(120)


def test_a_bouncing_switch_taps_once() -> None:
    found = taps(0, 0.03, 0.5, 0.54, 1.0, 1.5)
    assert found == [None, None, pytest.approx(120), None, pytest.approx(120), pytest.approx(120)]


def test_after_a_pause_it_begins_anew() -> None:
    assert taps(0, 0.5, 1.0, 4.0, 5.0)[-2:] == [None, pytest.approx(60)]
    assert taps(0, 100.0, 101.0) == [None, None, pytest.approx(60)]


def test_a_new_tempo_is_taken_over() -> None:
    assert taps(0, 0.5, 1, 1.5, 2, *(2 + 0.7 * n for n in range(1, 6)))[-1] == pytest.approx(
        60 / 0.7
    )


@pytest.mark.parametrize(
    "moments", [(0, 0.15, 0.30, 0.45), (0, 3.5, 7.0), (0, 0.3, 1.0, 1.25, 2.4)]
)
def test_what_is_no_beat_is_refused(moments: tuple[float, ...]) -> None:
    assert taps(*moments)[-1] is None
