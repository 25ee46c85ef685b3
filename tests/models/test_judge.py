"""The judge: every fault is seen where it is and nowhere else, and Bach is like Bach."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from ripieno.errors import RipienoError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, REST
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno.settings import Rules
from ripieno_models import judge, likeness, pictures, played, verdicts
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.corpora import Corpus
from ripieno_models.faults import cadence_share, chords, faults, hidden_outer, too_wide
from ripieno_models.piece import Piece, Split

from tests.models.material import all_prepared, few, needs_prepared, small_corpus

ZOO = Path(__file__).parents[2] / "models" / "zoo"
C = 60 - 36 + FIRST_PITCH
"""The token of middle C."""


def piece(rows: list[list[int]], fermata: tuple[int, ...] = (), fifths: int | None = 0) -> Piece:
    steps = len(rows)
    marks = np.zeros(steps, bool)
    marks[list(fermata)] = True
    return Piece("made", np.array(rows), np.arange(steps) % 16, np.full(steps, 16), fifths, marks)


def test_hidden_octaves_of_the_outer_voices() -> None:
    leaping = np.array([[C, C - 4, C - 8, C - 15], [C + 5, C - 3, C - 7, C - 7]])
    assert hidden_outer(leaping) == 1
    stepping = np.array([[C, C - 4, C - 8, C - 15], [C + 2, C - 3, C - 7, C - 10]])
    assert hidden_outer(stepping) == 0, "the soprano steps"
    contrary = np.array([[C, C - 4, C - 8, C - 15], [C + 5, C - 3, C - 7, C - 19]])
    assert hidden_outer(contrary) == 0
    resting = np.array([[C, C - 4, C - 8, REST], [C + 5, C - 3, C - 7, C - 7]])
    assert hidden_outer(resting) == 0


def test_neighbours_too_far_apart() -> None:
    rows = np.array(
        [[C, C - 12, C - 24, C - 48], [C, C - 13, C - 20, C - 22], [C, REST, C - 20, 2]]
    )
    rows = np.clip(rows, REST, None)
    assert too_wide(rows).tolist() == [False, True, False]


def test_chords_are_those_that_change() -> None:
    rows = np.array([[C, C, C, C], [C, C, C, C], [C + 1, C, C, C], [C, C, C, C]])
    assert len(chords(rows)) == 3


def test_leaps_and_ranges_are_shares_of_moves_and_notes() -> None:
    high = 81 - 36 + FIRST_PITCH
    rows = [[high, 20, 15, 10], [high - 20, HOLD, HOLD, HOLD], [high, HOLD, 20, 44]]
    told = faults([piece(rows)])
    assert told.beyond_octave == pytest.approx(3 / 4)
    assert told.large_leaps == pytest.approx(3 / 4)
    assert told.outside_range == pytest.approx(1 / 8), "the bass has left its range"
    assert told.notes_per_quarter == pytest.approx(4 * 8 / 12)


def test_a_cadence_is_a_chord_in_root_position_that_stays() -> None:
    held = [HOLD] * 4
    root = [[C + 7, C, C - 5, C - 13], [C + 4, C - 5, C - 8, C - 24], held, held]
    assert cadence_share([piece(root, fermata=(1, 2, 3))]) == 1
    sixth = [[C + 7, C, C - 5, C - 13], [C + 4, C - 5, C - 12, C - 20], held, held]
    assert cadence_share([piece(sixth, fermata=(1, 2, 3))]) == 0
    moving = [root[0], root[1], [HOLD, HOLD, C - 9, HOLD], held]
    assert cadence_share([piece(moving, fermata=(1, 2, 3))]) == 0
    unmoved = [root[1], held, held, held]
    assert cadence_share([piece(unmoved, fermata=(1, 2, 3))]) == 0
    assert cadence_share([piece(root)]) == 0


def test_distances_know_alike_from_different() -> None:
    one, other = few(Split.VALID, 2)
    assert all(value == 0 for value in likeness.distances([one], [one]).values())
    assert all(0 < value < 1 for value in likeness.distances([one], [other]).values())
    apart = likeness.distance(Counter("ab"), Counter("cd"))
    assert apart == pytest.approx(1)


def test_keys_do_not_matter_for_chords_degrees_and_copies() -> None:
    (one,) = few(Split.VALID, 1)
    by = next(step for step in one.transpositions() if step)
    told = likeness.distances([one.transposed(by)], [one])
    assert all(value == pytest.approx(0) for value in told.values())
    share, longest = likeness.copied([one.transposed(by)], [one])
    assert share == 1
    assert longest == len(chords(one.sounding())) or longest >= likeness.RUN


def test_what_is_copied_is_measured() -> None:
    one, other = few(Split.VALID, 2)
    share, longest = likeness.copied([one], [other])
    assert share < 0.5
    assert longest < len(chords(one.sounding()))
    # Half of it its own, half the other's.
    half = replace(other, tokens=np.vstack([one.sounding()[:64], other.sounding()]))
    mixed, _ = likeness.copied([half], [one])
    assert 0 < mixed < 1


def test_real_pieces_are_near_real_pieces() -> None:
    pool = few(Split.TRAIN, 6) + few(Split.VALID, 2)
    near = likeness.real_against_real(pool, (4, 4))
    assert set(near) == set(likeness.KINDS)
    assert all(0 < value < 1 for value in near.values())


def test_phrases_end_with_their_fermatas() -> None:
    rows = [[C, 20, 15, 10]] * 12
    assert played.phrases(piece(rows, fermata=(3, 4, 10, 11))) == [(3, 5), (10, 12)]
    assert played.phrases(piece(rows, fermata=(3, 4))) == [(3, 5), (None, 12)]
    assert played.phrases(piece(rows)) == [(None, 12)]


def test_only_steady_pieces_lend_their_form() -> None:
    plain = piece([[C, 20, 15, 10]] * 40)
    broken = replace(plain, place=np.concatenate([plain.place[:20], np.arange(20)]))
    keyless = replace(plain, fifths=None)
    assert played.regular([plain, broken, keyless]) == [plain]


def test_the_engine_writes_in_the_form_that_was_asked_for() -> None:
    (form,) = played.regular(few(Split.VALID, 1))
    generator = Generator(open_model(check(ZOO / "chorale-lstm")))
    free = played.played(generator, form, played.FREE, seed=3)
    assert free.tokens.shape == form.tokens.shape
    assert (free.tokens[0] != HOLD).all()
    assert (free.tokens == played.played(generator, form, played.FREE, seed=3).tokens).all()
    assert (free.tokens != played.played(generator, form, played.FREE, seed=4).tokens).any()
    ruled = faults([played.played(generator, form, Rules(), seed=3)])
    assert ruled.crossings == 0
    assert ruled.outside_range == 0


def test_a_judgement_tells_every_condition(tmp_path: Path) -> None:
    corpus = small_corpus()
    told = judge.judge(ZOO / "chorale-lstm", corpus, Split.VALID, pieces=2, seed=1)
    assert set(told["verdicts"]) == {"Bach", *judge.CONDITIONS}
    assert told["verdicts"]["rules"]["crossings"] == 0
    assert told["verdicts"]["no rules"]["milliseconds"] > 0
    text = verdicts.table(told)
    assert text.count("\n") == 1 + len(verdicts.LABELS) + len(likeness.KINDS)
    forms = played.regular(corpus.of(Split.VALID))[:1]
    written = judge.write_samples(ZOO / "chorale-lstm", forms, tmp_path, seed=1)
    sounded = [m for m in mido.MidiFile(tmp_path / "sample-1.mid") if m.type == "note_on"]
    assert sum(message.velocity > 0 for message in sounded) == len(written[0].notes())
    pictures.piano_rolls(written, tmp_path / pictures.ROLLS)
    assert (tmp_path / pictures.ROLLS).read_text().startswith("<?xml")


def test_wrong_questions_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RipienoError, match="no test pieces with one metre"):
        judge.judge(ZOO / "chorale-lstm", Corpus("none", "", ()), Split.TEST, 1, 1)
    assert main(["judge", "chorale-lstm", "--split", "train"]) == WRONG_INPUT
    assert "there is no split 'train'" in capsys.readouterr().err


@needs_prepared
def test_bach_keeps_the_rules() -> None:
    told = faults([piece for piece in all_prepared() if piece.split is Split.VALID])
    assert told.parallels < 0.6
    assert told.cadences > 0.9
    assert told.outside_range == 0
    assert 0.9 < told.notes_per_quarter < 1.1
