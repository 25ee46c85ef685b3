"""Pieces: score → tokens → score, transposition, bars and fermatas."""

from __future__ import annotations

import numpy as np
import pytest
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST, GridNote, encode
from ripieno_models.piece import (
    RANGES,
    Split,
    places,
    steps_to_next,
    tokens_from,
    transposed_fifths,
)

from tests.models.material import all_prepared, few, needs_prepared


@needs_prepared
def test_every_piece_comes_back_from_its_notes() -> None:
    pieces = all_prepared()
    assert len(pieces) == 408
    for piece in pieces:
        again = encode(piece.notes(), 0, len(piece))
        assert again == piece.tokens.tolist(), piece.name


@needs_prepared
def test_every_transposition_stays_in_range_and_moves_back() -> None:
    for piece in all_prepared():
        assert 0 in piece.transpositions()
        for by in piece.transpositions():
            moved = piece.transposed(by)
            assert (moved.transposed(-by).tokens == piece.tokens).all()
            assert ((moved.tokens < FIRST_PITCH) == (piece.tokens < FIRST_PITCH)).all()
            for note in moved.notes() if by else ():
                low, high = RANGES[note.voice]
                assert low <= note.pitch <= high


def test_notes_of_a_real_chorale_are_its_opening() -> None:
    (piece,) = few(Split.TRAIN, 1)
    assert piece.name == "bwv1.6"
    assert piece.notes()[:5] == [
        GridNote(0, 65, 0, 4),
        GridNote(1, 60, 0, 4),
        GridNote(2, 57, 0, 4),
        GridNote(3, 53, 0, 4),
        GridNote(0, 72, 4, 4),
    ]
    assert piece.place[:5].tolist() == [12, 13, 14, 15, 0]
    assert piece.fifths == -1


@pytest.mark.parametrize(
    ("fifths", "semitones", "moved"),
    [(0, 0, 0), (0, 2, 2), (0, 1, -5), (0, -1, 5), (3, -3, 6), (-4, 5, -5), (4, 6, -2), (0, 6, 6)],
)
def test_key_signatures_move_with_the_fewest_accidentals(
    fifths: int, semitones: int, moved: int
) -> None:
    assert transposed_fifths(fifths, semitones) == moved


def test_all_key_signatures_stay_in_reach() -> None:
    for fifths in range(-7, 8):
        for semitones in range(-6, 7):
            moved = transposed_fifths(fifths, semitones)
            assert -7 <= moved <= 7
            assert (moved - fifths - 7 * semitones) % 12 == 0


def test_a_repeated_pitch_is_held_unless_it_is_struck() -> None:
    pitch = np.array([[60, -1, 50, 40], [60, 64, 50, 41], [60, 64, -1, 41]])
    onset = np.array([[1, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)
    tokens = tokens_from(pitch, onset)
    assert tokens[:, 0].tolist() == [26, 26, HOLD]
    assert tokens[:, 1].tolist() == [REST, 30, HOLD]
    assert tokens[:, 2].tolist() == [16, HOLD, REST]
    assert tokens[:, 3].tolist() == [6, 7, HOLD]


def test_a_pickup_and_a_bar_cut_by_a_repeat_keep_their_places() -> None:
    measures = [(4, 16), (16, 16), (12, 16), (4, 16), (16, 16), (8, 16)]
    place = places(measures)
    assert place[:5].tolist() == [12, 13, 14, 15, 0]
    assert place[20:36].tolist() == list(range(16))  # twelve steps, and the four that complete them
    assert place[52:].tolist() == list(range(8))


def test_steps_to_the_next_fermata_count_down_to_it() -> None:
    marks = np.array([0, 0, 1, 1, 0, 1, 0], dtype=bool)
    assert steps_to_next(marks) == [2, 1, 0, 0, 1, 0, None]
