"""The features of whole batches are, integer for integer, those that the engine's cursor tells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ripieno.grammar.grid import ABSENT, FEATURES, FIRST_PITCH, Cursor, Setting
from ripieno_models.dataset import Batch, Crops, whole
from ripieno_models.features import decisions
from ripieno_models.piece import Piece, Split

from tests.models.material import few, small


def check_row(batch: Batch, row: int) -> int:
    """Hold one row of a batch against the cursor. Returns how many decisions it had."""
    asked = decisions(batch.tokens, batch.order, batch.settings)
    order = batch.order[row].tolist()
    cursor = Cursor()
    for voice in set(range(4)) - set(order[0]):
        cursor.sounding[voice] = ABSENT
    number = 0
    for step, voices in enumerate(order):
        here = Setting(*batch.settings[row, step].tolist())
        for voice in voices:
            assert tuple(asked.features[row, number].tolist()) == cursor.features(voice, here)
            token = int(batch.tokens[row, step, voice])
            assert int(asked.targets[row, number]) == token
            assert int(asked.voices[row, number]) == voice
            assert bool(asked.may_hold[row, number]) == (cursor.sounding[voice] >= FIRST_PITCH)
            cursor.decide(voice, token)
            number += 1
        cursor.next_step()
    return number


@pytest.mark.parametrize("seed", [None, 3])
def test_whole_pieces_in_natural_and_random_orders(seed: int | None) -> None:
    (batch,) = whole(few(Split.TRAIN, 3), seed=seed)
    for row in range(3):
        assert check_row(batch, row) == 4 * batch.tokens.shape[1]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_crops_with_absent_voices_and_hidden_settings(share: float) -> None:
    crops = Crops(few(Split.TRAIN, 3), small(all_voices=share, batch=3, crop=64), epoch=0)
    counts = set()
    for batch in list(crops)[:8]:
        counts.add(batch.order.shape[2])
        for row in range(3):
            check_row(batch, row)
    assert counts == ({4} if share else {1, 2, 3})


def test_a_voice_that_rests_long_and_from_the_start() -> None:
    piece = few(Split.TRAIN, 1)[0]
    tokens = piece.tokens.copy()
    tokens[:40, 1] = 1
    tokens[60:140, 3] = 1
    tokens[140, 3] = 20
    tokens[40, 1] = 20
    quiet = Piece("quiet", tokens, piece.place, piece.bar_steps, None, np.zeros(len(piece), bool))
    (batch,) = whole([quiet], seed=1)
    check_row(batch, 0)


def test_every_feature_stays_in_its_size() -> None:
    (batch,) = whole(few(Split.TRAIN, 3), seed=5)
    asked = decisions(batch.tokens, batch.order, batch.settings)
    sizes = torch.tensor([feature.size for feature in FEATURES])
    assert (asked.features >= 0).all()
    assert (asked.features < sizes).all()


def test_features_do_not_know_the_token_that_they_are_asked_for() -> None:
    (batch,) = whole(few(Split.TRAIN, 1), seed=2)
    asked = decisions(batch.tokens, batch.order, batch.settings)
    step, slot = 33, 2
    voice = int(batch.order[0, step, slot])
    tokens = batch.tokens.clone()
    tokens[0, step, voice] = 2 + (int(tokens[0, step, voice]) + 7) % 40
    other = decisions(tokens, batch.order, batch.settings)
    number = 4 * step + slot
    assert (asked.features[0, : number + 1] == other.features[0, : number + 1]).all()
    assert (asked.features[0, number + 1] != other.features[0, number + 1]).any()
