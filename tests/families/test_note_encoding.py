"""The five numbers of a pitch, held against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from ripieno.grammar.grid import ABSENT, FIRST_PITCH, HIGHEST, LOWEST, REST
from ripieno_models.families.note_encoding import encoded, table
from ripieno_models.piece import RANGES

HALF = 3**0.5 / 2


@pytest.mark.parametrize(
    ("pitch", "told"),
    [
        (60, (0.0, 1.0, 0.0, 1.0, 0.0)),  # C: where both circles begin
        (67, (7 / 12, -HALF, -0.5, HALF, 0.5)),  # G: 210° of semitones, the next fifth (30°)
        (66, (0.5, -1.0, 0.0, -1.0, 0.0)),  # F sharp: opposite on both circles
        (48, (-1.0, 1.0, 0.0, 1.0, 0.0)),
        (72, (1.0, 1.0, 0.0, 1.0, 0.0)),
    ],
)
def test_a_pitch_lies_where_it_should(pitch: int, told: tuple[float, ...]) -> None:
    assert encoded(np.array(pitch), 48, 72) == pytest.approx(told)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int64, np.float32])
def test_small_integers_do_not_run_over(kind: type[np.generic]) -> None:
    pitches = np.arange(LOWEST, HIGHEST + 1)
    right = encoded(pitches.astype(np.float64), 36, 81)
    assert np.array_equal(encoded(pitches.astype(kind), 36, 81), right)
    wrong = np.cos(2 * np.pi * (np.int8(7) * pitches.astype(np.int8)) / 12)
    assert np.abs(wrong - right[:, 3]).max() > 1, "what the test guards against is really wrong"


def test_octaves_share_a_place_and_fifths_are_neighbours() -> None:
    told = encoded(np.array([45, 57, 69, 76]), 36, 81)
    assert np.allclose(told[0, 1:], told[1, 1:])
    assert np.allclose(told[1, 1:], told[2, 1:])
    angles = np.arctan2(told[:, 4], told[:, 3])
    assert (angles[3] - angles[2]) % (2 * np.pi) == pytest.approx(np.pi / 6)


def test_silence_is_zero_and_nothing_else_is() -> None:
    codes = table()
    assert not codes[:, [ABSENT, REST]].any()
    assert (np.abs(codes[:, FIRST_PITCH:, 1:]).sum(axis=2) > 1).all()
    for voice, (low, high) in enumerate(RANGES):
        assert codes[voice, low - LOWEST + FIRST_PITCH, 0] == -1
        assert codes[voice, high - LOWEST + FIRST_PITCH, 0] == 1
