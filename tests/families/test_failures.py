"""Each failure is seen in a piece made to show it, by its own detector, and never in real Bach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST, token_of
from ripieno_models.harness import counts
from ripieno_models.harness.failures import IGNORED, OF_A_PIECE, failures, ignored
from ripieno_models.piece import Piece, Split

from tests.models.material import all_prepared, few, needs_prepared

STEPS = 128


def bach() -> Piece:
    return few(Split.VALID, 1)[0]


def silent(piece: Piece) -> Piece:
    """It begins as Bach does and falls silent."""
    tokens = piece.tokens.copy()
    tokens[len(tokens) // 3 :] = REST
    return replace(piece, tokens=tokens)


def looping(piece: Piece) -> Piece:
    """One beat over and over, from the third bar on."""
    tokens = piece.tokens.copy()
    beat = tokens[28:32].copy()
    beat[0] = piece.sounding()[28]
    for at in range(32, len(tokens) - 3, 4):
        tokens[at : at + 4] = beat
    return replace(piece, tokens=tokens)


def in_unison(piece: Piece) -> Piece:
    """All voices sing the alto's part."""
    return replace(piece, tokens=np.repeat(piece.tokens[:, 1:2], 4, axis=1))


def stammering(piece: Piece) -> Piece:
    """Every sixteenth is struck."""
    sounding = piece.sounding()
    return replace(piece, tokens=np.where(sounding >= FIRST_PITCH, sounding, REST))


def out_of_range(piece: Piece) -> Piece:
    """The bass sings where the soprano should."""
    tokens = piece.tokens.copy()
    low = np.array([token_of(p) for p in range(40, 44)])
    tokens[:, 0] = np.where(tokens[:, 0] >= FIRST_PITCH, low[np.arange(len(tokens)) % 4], HOLD)
    tokens[0, 0] = low[0]
    return replace(piece, tokens=tokens)


MADE: dict[str, Callable[[Piece], Piece]] = {
    "silence collapse": silent,
    "endless loop": looping,
    "voices in unison": in_unison,
    "notes of one step": stammering,
    "out of range": out_of_range,
}


@pytest.mark.parametrize("name", OF_A_PIECE)
def test_a_failure_is_seen_where_it_is(name: str) -> None:
    made = MADE[name](bach())
    assert OF_A_PIECE[name](made)
    found = {failure.name: failure.shown for failure in failures([made], few(Split.VALID, 3))}
    assert found[name]
    assert not found[IGNORED]


@pytest.mark.parametrize("name", OF_A_PIECE)
def test_real_chorales_do_not_show_it(name: str) -> None:
    pieces = (*few(Split.TRAIN, 6), *few(Split.VALID, 6))
    assert [piece.name for piece in pieces if OF_A_PIECE[name](piece)] == []


@needs_prepared
@pytest.mark.parametrize("name", OF_A_PIECE)
def test_no_real_chorale_shows_it(name: str) -> None:
    assert [piece.name for piece in all_prepared() if OF_A_PIECE[name](piece)] == []


def test_an_ignored_input_is_seen() -> None:
    """The same music after different openings is seen; real music differs."""
    piece = bach()
    other = replace(piece, name="another opening", tokens=piece.tokens.copy())
    assert ignored([piece, other, other]).shown
    real = ignored(few(Split.VALID, 6))
    assert not real.shown
    assert real.share == 0.0


def test_to_forget_is_not_to_ignore() -> None:
    """Two answers that are different music for four bars, and the same ever after."""
    one, other, *_ = (piece for piece in few(Split.VALID, 6) if len(piece) > 200)
    tokens = one.tokens.copy()
    tokens[:64] = other.tokens[:64]
    assert counts.alike(one, replace(one, tokens=tokens)) > 0.6
    assert not ignored([one, replace(one, tokens=tokens)]).shown
    assert ignored([one, replace(one, name="again")]).shown


def test_one_piece_in_ten_may_be_odd() -> None:
    pieces = [silent(bach()), *few(Split.VALID, 6), *few(Split.TRAIN, 6)]
    told = {failure.name: failure for failure in failures(pieces, ())}
    assert 0 < told["silence collapse"].share < 0.1
    assert not told["silence collapse"].shown
    two = [silent(bach()), silent(bach()), *pieces]
    assert {f.name for f in failures(two, ()) if f.shown} == {"silence collapse"}


def rows(*lines: list[int]) -> Piece:
    steps = len(lines)
    return Piece("made", np.array(lines), np.arange(steps) % 16, np.full(steps, 16), 0,
                 np.zeros(steps, bool))  # fmt: skip


A, B, C = [40, 30, 20, 10], [42, 30, 20, 10], [44, 32, 20, 10]


def test_repetition_and_uniqueness_by_hand() -> None:
    made = rows(A, B, A, B, C)  # runs of two: AB BA AB BC
    assert counts.repetition(made, 2) == pytest.approx(1 / 4)
    assert counts.unique(made, 2) == pytest.approx(2 / 4)
    assert counts.repetition(made, 4) == 0.0
    assert counts.unique(made, 4) == 1.0
    assert (counts.repetition(made, 8), counts.unique(made, 8)) == (0.0, 1.0), "too short"
    assert counts.repetition(rows(A, [HOLD] * 4, B, B), 2) == 0.0, "a held chord is one chord"


def test_loops_by_hand() -> None:
    assert counts.loops(rows(A, B, A, B, A, B, C)) == (3, 6)
    assert counts.loops(rows(A, B, C)) == (1, 0)
    assert counts.loops(rows(A, *[[HOLD] * 4] * 12)) == (1, 0), "a held chord is no loop"
    assert counts.loops(rows(C, A, A, A, A, B)) == (4, 4)


def test_silence_unisons_and_lengths_by_hand() -> None:
    half = [[40, REST, REST, REST], [HOLD, REST, REST, REST]]
    assert counts.silence(rows(A, [HOLD] * 4, *half)) == pytest.approx(3 / 4), "the second half"
    assert counts.unisons(rows(A, [40, 40, 20, 10], [REST] * 4)) == pytest.approx(1 / 3)
    assert counts.short_notes(rows(A, [42, HOLD, HOLD, HOLD], [HOLD] * 4)) == pytest.approx(1 / 5)
