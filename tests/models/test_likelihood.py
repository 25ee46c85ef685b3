"""Likelihoods and the counter of part-writing, against cases that are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from ripieno.grammar.grid import HOLD, REST
from ripieno_models.dataset import unknown, whole
from ripieno_models.families.chorale_lstm import ChoraleLstm
from ripieno_models.likelihood import harmonised, jsb_micro, likelihood
from ripieno_models.part_writing import crossings, outside_key, parallels, writing
from ripieno_models.piece import Split, without_onsets

from tests.models.material import few, small


def undecided() -> ChoraleLstm:
    """A model to which all tokens are alike."""
    model = ChoraleLstm(small()).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.zeros_(layer.weight)
    return model


def test_a_model_that_knows_nothing_pays_for_every_legal_token() -> None:
    pieces = few(Split.VALID, 2)
    measured = likelihood(undecided(), whole(pieces))
    asleep = sum(
        int((np.vstack([np.full((1, 4), REST), piece.sounding()[:-1]]) == REST).sum())
        for piece in pieces
    )
    total = sum(4 * len(piece) for piece in pieces)
    right = (asleep * math.log(47) + (total - asleep) * math.log(48)) / total
    assert measured.nll == pytest.approx(right, abs=1e-6)
    assert measured.per_sixteenth == pytest.approx(4 * right, abs=1e-5)
    assert len(measured.by_voice) == 4


def test_hold_and_restrike_are_one_symbol_for_jsb() -> None:
    model = undecided()
    with torch.no_grad():
        model.head.bias[HOLD] = 60.0
    held = without_onsets(few(Split.VALID, 1)[0])
    tokens = np.full_like(held.tokens[:20], HOLD)
    tokens[0] = held.sounding()[0]
    still = type(held)("still", tokens, held.place[:20], held.bar_steps[:20], 0, np.zeros(20, bool))
    # Only the first chord costs anything: no hold is legal there, and all else is held.
    assert jsb_micro(model, [still]) == pytest.approx(math.log(47) / 20, abs=1e-6)


def test_without_onsets_keeps_every_pitch() -> None:
    piece = few(Split.VALID, 1)[0]
    plain = without_onsets(piece)
    assert (plain.sounding() == piece.sounding()).all()
    assert len(plain.notes()) < len(piece.notes())


def test_unknown_hides_everything_and_nothing_else() -> None:
    (batch,) = whole(few(Split.VALID, 1))
    (hidden,) = unknown([batch])
    assert torch.equal(hidden.tokens, batch.tokens)
    assert (hidden.settings == torch.tensor([24, 0, 15, 18])).all()


def test_a_given_voice_costs_nothing_and_comes_first() -> None:
    pieces = few(Split.VALID, 2)
    torch.manual_seed(1)
    model = ChoraleLstm(small()).eval()
    natural = likelihood(model, whole(pieces)).by_voice
    others = harmonised(model, pieces, 0)
    assert others != pytest.approx(sum(natural[1:]) / 3, abs=1e-4), "another order"
    assert harmonised(undecided(), pieces, 2) == pytest.approx(math.log(48), abs=0.05)


def test_batching_and_padding_change_nothing() -> None:
    pieces = few(Split.VALID, 2)
    torch.manual_seed(1)
    model = ChoraleLstm(small()).eval()
    together = likelihood(model, whole(pieces, batch=2)).nll
    alone = likelihood(model, whole(pieces, batch=1)).nll
    assert together == pytest.approx(alone, abs=1e-6)


def test_parallels_are_counted_by_the_book() -> None:
    c, d, g, a = 26, 28, 33, 35
    fifths = np.array([[g, 20, 18, c], [a, 20, 18, d]])
    assert parallels(fifths) == (1, 1)
    octaves = np.array([[c + 12, 20, 18, c], [c + 12, 20, 18, c], [d + 12, 20, 18, d]])
    assert parallels(octaves) == (1, 1)
    repeated = np.array([[g, 20, 18, c], [g, 21, 18, c]])
    assert parallels(repeated) == (0, 1)
    contrary = np.array([[g, 20, 18, c], [a + 10, 20, 18, c - 10]])
    assert parallels(contrary) == (0, 1)
    resting = np.array([[g, 20, 18, REST], [a, 20, 18, d]])
    assert parallels(resting) == (0, 1)


def test_crossed_voices_are_seen() -> None:
    sounding = np.array([[30, 28, 20, 10], [27, 28, 20, 10], [27, REST, 20, 10]])
    assert crossings(sounding).tolist() == [False, True, False]


def test_notes_outside_the_key_are_counted() -> None:
    piece = few(Split.VALID, 1)[0]
    tokens = np.full((7, 4), REST)
    tokens[:, 0] = [26, 28, 30, 31, 33, 35, 37]  # a scale of C
    own = replace(piece, tokens=tokens, fifths=0)
    assert outside_key(own).tolist() == [False] * 7
    assert outside_key(replace(own, fifths=1)).tolist() == [False] * 3 + [True] + [False] * 3
    assert outside_key(own.transposed(3)).sum() == 0
    assert outside_key(replace(own, fifths=None)).size == 0


def test_bach_writes_hardly_any_parallels() -> None:
    counts = writing(few(Split.VALID, 2))
    assert counts.parallels < 2
    assert counts.outside_key < 0.2
    assert all(0.4 < rate < 2.5 for rate in counts.notes_per_quarter)
    shares = np.array([counts.holds, counts.rests, counts.onsets]).sum(axis=0)
    assert shares == pytest.approx(np.ones(4))
