"""The note sampler: its statistics, and its terms against chords counted by hand."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
from ripieno.errors import BundleError
from ripieno.grammar.grid import HOLD, REST, token_of
from ripieno.inference.note_sampler import (
    BEYOND,
    FILE,
    OUTSIDE,
    TERMS,
    Choice,
    Pitches,
    Tables,
    chord,
    frequency,
    leap,
    load,
    new_note,
    observed_range,
)
from ripieno_models import note_tables
from ripieno_models.piece import Piece, Split

from tests.models.material import few

ALL = frozenset(range(4))
C_MAJOR: Pitches = (72, 67, 64, 48)
G_MAJOR: Pitches = (71, 67, 62, 43)


def piece(rows: list[list[int | None]]) -> Piece:
    """Four columns of MIDI numbers, None to hold, 0 to rest; one line for each sixteenth of 4/4."""
    tokens = [[HOLD if p is None else token_of(p) if p else REST for p in row] for row in rows]
    steps = len(rows)
    return Piece("made", np.array(tokens), np.arange(steps) % 16, np.full(steps, 16), 0,
                 np.zeros(steps, bool))  # fmt: skip


HELD: list[int | None] = [None] * 4
MADE = piece(
    [list(C_MAJOR), HELD, [74, None, None, None], HELD, list(G_MAJOR), HELD, HELD, [0, None, 0, 0]]
)


def counted(tmp_path: Path, *pieces: Piece) -> Tables:
    note_tables.write(pieces, tmp_path / FILE)
    return load(tmp_path)


def choice(before: Pitches, now: Pitches, strike: frozenset[int] = ALL, place: int = 0) -> Choice:
    return Choice(before, now, strike, ALL, place)


def test_ranges_and_leaps_are_those_that_occur(tmp_path: Path) -> None:
    tables = counted(tmp_path, replace(MADE, tokens=MADE.tokens))
    assert tables.leaps == ((3, 2), (0, 0), (2, 0), (5, 0))
    moved = MADE.transpositions()
    assert tables.ranges[0] == (71 + moved[0], 74 + moved[-1])
    assert tables.ranges[3] == (43 + moved[0], 48 + moved[-1])


def test_new_notes_are_counted_by_the_sixteenth_of_the_beat(tmp_path: Path) -> None:
    tables = counted(tmp_path, MADE)
    # two beats: the soprano strikes on both first sixteenths and on one of the third ones
    assert tables.onsets[0] == pytest.approx((3 / 4, 1 / 4, 2 / 4, 1 / 4))
    assert tables.onsets[3] == pytest.approx((3 / 4, 1 / 4, 1 / 4, 1 / 4))
    told = new_note(choice(C_MAJOR, (74, 67, 64, 48), frozenset({0}), place=2), tables)
    assert told == pytest.approx(log(2 / 4) + 3 * log(3 / 4))


def test_a_chord_is_known_by_its_three_intervals(tmp_path: Path) -> None:
    tables = counted(tmp_path, MADE)
    versions = len(MADE.transpositions())
    # (5, 3, 16), (7, 3, 16) and (4, 5, 19), each as often as the piece was transposed
    whole = 3 * versions + 4
    assert set(tables.chords) == {(5, 3, 16), (7, 3, 16), (4, 5, 19)}
    known = log((versions + 1) / whole)
    assert chord(choice(G_MAJOR, C_MAJOR), tables) == pytest.approx(known)
    unseen = chord(choice(C_MAJOR, (72, 67, 63, 48)), tables)
    assert unseen == pytest.approx(log(1 / whole))
    assert chord(choice(C_MAJOR, (72, None, 64, 48)), tables) == 0.0, "three notes"


def test_a_chord_scores_alike_in_every_key(tmp_path: Path) -> None:
    """Indexing by the notes themselves scores at random, and no measure notices."""
    tables = counted(tmp_path, *few(Split.TRAIN, 3))
    for pitches in (C_MAJOR, G_MAJOR, (72, 67, 64, 47)):
        told = {
            chord(choice(C_MAJOR, tuple(p + by for p in pitches if p)), tables)
            for by in range(-6, 7)
        }
        assert len(told) == 1


def test_common_chords_score_above_rare_ones(tmp_path: Path) -> None:
    tables = counted(tmp_path, *few(Split.TRAIN, 6))
    triad = chord(choice(G_MAJOR, C_MAJOR), tables)
    cluster = chord(choice(G_MAJOR, (62, 61, 60, 59)), tables)
    assert triad > cluster + 1
    assert cluster == tables.unseen


def test_range_and_leap_count_semitones_and_notes(tmp_path: Path) -> None:
    tables = counted(tmp_path, MADE)
    high = tables.ranges[0][1] + 1
    assert observed_range(choice(C_MAJOR, (high, 67, 64, 48)), tables) == OUTSIDE
    assert observed_range(choice(C_MAJOR, (high, 67, 64, 48), frozenset({1})), tables) == 0
    assert leap(choice(C_MAJOR, (74, 67, 62, 43)), tables) == 0
    # the soprano a semitone too far up, the bass three too far down
    assert leap(choice(C_MAJOR, (75, 67, 64, 40)), tables) == 4 * BEYOND
    assert leap(choice((None, 67, 64, 48), (80, 67, 64, 48)), tables) == 0, "from a rest"


def test_frequency_prefers_what_is_frequent(tmp_path: Path) -> None:
    tables = counted(tmp_path, *few(Split.TRAIN, 6))
    for shares in tables.frequencies:
        assert sum(np.exp(shares)) == pytest.approx(1, abs=1e-4)
    common = frequency(choice(C_MAJOR, (71, 67, 62, 55), frozenset({0})), tables)
    rare = frequency(choice(C_MAJOR, (57, 67, 62, 55), frozenset({0})), tables)
    assert common > rare + 1


def test_only_the_machines_notes_are_judged(tmp_path: Path) -> None:
    tables = counted(tmp_path, MADE)
    wild = (100, 67, 64, 48)
    told = Choice(C_MAJOR, wild, frozenset(), frozenset({1, 2, 3}), 0)
    assert observed_range(told, tables) == frequency(told, tables) == leap(told, tables) == 0


def test_a_weight_of_nothing_switches_a_term_off(tmp_path: Path) -> None:
    here = choice(C_MAJOR, (80, 60, 63, 40))
    whole = counted(tmp_path, MADE)
    for number, term in enumerate(TERMS):
        weights = [float(other == number) for other in range(len(TERMS))]
        alone = replace(whole, weights=tuple(weights))
        assert alone.score(here) == pytest.approx(term(here, whole))


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [
        ("ranges", np.zeros((3, 2), np.int32), "ranges is int32"),
        ("frequencies", np.full((4, 128), np.nan, np.float32), "allowed: finite numbers, 4×128"),
        ("onsets", np.ones((4, 4), np.float32), "onsets are no probabilities"),
        ("qualities", np.zeros(2, np.float32), "chords and qualities differ in number"),
        ("weights", np.array(["a"] * 5), "weights is"),
        ("chords", np.array([None]), "cannot be read"),
    ],
)
def test_damaged_tables_are_refused(
    name: str, wrong: np.ndarray, sentence: str, tmp_path: Path
) -> None:
    arrays = {**note_tables.tables([MADE]), name: wrong}
    np.savez(tmp_path / FILE, **arrays)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=sentence):
        load(tmp_path)


def test_missing_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"tables\.npz"):
        load(tmp_path)
