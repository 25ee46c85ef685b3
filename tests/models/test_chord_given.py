"""The likelihood of notes given their chord: probabilities that add up, and agree with the rest."""

from __future__ import annotations

import pytest
import torch
from ripieno.grammar.grid import FIRST_PITCH, REST
from ripieno_models import chord_given
from ripieno_models.chord_given import OTHER, SILENCE, bits, classes
from ripieno_models.dataset import Batch, unknown, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.features import decisions, told
from ripieno_models.likelihood import likelihood
from ripieno_models.piece import Split, without_onsets

from tests.models.material import few
from tests.models.test_transformer import options

C = 60 - 36 + FIRST_PITCH


@pytest.fixture(scope="module")
def model() -> ChoraleTransformer:
    torch.manual_seed(3)
    made = ChoraleTransformer(options()).eval()
    with torch.no_grad():
        made.voice.bias[:2] += 2.0
        made.voice.relative.weight.mul_(4)
    return made


@pytest.fixture(scope="module")
def piece() -> Batch:
    (batch,) = unknown(whole([without_onsets(few(Split.VALID, 1)[0])], batch=1))
    return Batch(batch.tokens[:, :40], batch.order[:, :40], batch.settings[:, :40],
                 batch.mask[:, :40])  # fmt: skip


def test_the_true_chord_costs_what_the_benchmark_says(
    model: ChoraleTransformer, piece: Batch
) -> None:
    asked = decisions(piece.tokens, piece.order, piece.settings)
    rows = asked.features.view(40, 4, -1)
    with torch.inference_mode():
        hidden = model.frame(rows[None, :, 0])[0]
        chance, chords = chord_given.followed(model, rows[:, 0], hidden, told(piece.tokens)[0][0])
        right = likelihood(model, [piece], merged=True).nll
    assert -float(chance[:, -1].sum()) / 160 == pytest.approx(right, abs=1e-5)
    assert (chords[:, -1] == told(piece.tokens)[0][0]).all()
    assert (chance[:, :-1].exp().sum(1) <= 1 + 1e-5).all()


def test_a_known_chord_makes_the_notes_likelier(model: ChoraleTransformer, piece: Batch) -> None:
    with torch.inference_mode():
        found = chord_given.chord_given(model, [piece])
        free = likelihood(model, [piece], merged=True).nll
    assert 0 < found.nll < free
    assert 0 <= found.missed < 1
    assert found.slack >= 0


def test_all_chords_of_a_small_world_add_up_to_one() -> None:
    # Two chords share a class, one does not; a tenth of the probability was not followed.
    major = [C + 12, C + 7, C + 4, C]
    chords = torch.tensor([[[C + 12, C + 4, C + 7, C], [C + 9, C + 4, C, C - 3], major]])
    chance = torch.tensor([[0.3, 0.4, 0.2]]).log()
    own, same, rest = chord_given.given(chance, chords, torch.tensor([major]), classes())
    assert float(own.exp()) == pytest.approx(0.2)
    assert float(same) == pytest.approx(0.5)
    assert float(rest) == pytest.approx(0.1)
    twice = torch.cat((chords, chords[:, -1:]), 1)
    again = torch.tensor([[0.3, 0.4, 0.2, 0.2]]).log()
    assert float(chord_given.given(again, twice, torch.tensor([major]), classes())[1]) == (
        pytest.approx(0.5)
    ), "the true chord counts once"


def test_classes_are_triads_of_every_root() -> None:
    table = classes()
    assert len(set(table.tolist())) == 48 - 12 + 4 + 2, "an augmented triad has three roots"
    major = torch.tensor([C, C + 4, C + 7, C + 12])
    assert table[bits(major)] == 0
    assert table[bits(major + 2)] == 2
    assert table[bits(torch.tensor([C, C + 3, C + 7, C]))] == 12
    assert table[bits(torch.tensor([C, C + 2, C + 7, C]))] == OTHER
    assert table[bits(torch.tensor([REST] * 4))] == SILENCE
