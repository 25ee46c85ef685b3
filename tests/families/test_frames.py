"""Families that hear whole sixteenths: a step says what the whole says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ripieno.grammar.grid import FIRST_PITCH, LOWEST
from ripieno.inference import note_sampler
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.note_sampler import Choice
from ripieno.inference.opening import open_model
from ripieno_models.dataset import whole
from ripieno_models.families.frames import DECIDED, NAMES, PITCHES, VOICE, FrameModel
from ripieno_models.families.registry import family
from ripieno_models.features import decisions
from ripieno_models.gates import asked_of
from ripieno_models.piece import Split
from ripieno_models.played import FREE, played
from torch import Tensor

from tests.families.rows import GRID_STREAMS, row_of
from tests.models.material import few, small_corpus

SMALL = {"hidden": 12, "filters": 6, "width": 16, "look_back": 5, "attention": 6, "window": 6}


def model_of(name: str, **options: int | bool) -> FrameModel:
    """A small model of the family, with weights large enough to tell things apart."""
    kind = family(name)
    known: dict[str, Any] = {
        key: value for key, value in SMALL.items() if key in kind.options.__dataclass_fields__
    }
    torch.manual_seed(3)
    model = kind.build(kind.options(**{**known, **options}))
    assert isinstance(model, FrameModel)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    return model.eval()


def asked(seed: int | None = 4, decided: int = 120) -> Tensor:
    """[1, N, F]: the decisions of a chorale, in orders that change at bar lines."""
    return asked_of(whole(few(Split.VALID, 1), seed=seed)[0]).features[:, :decided]


@pytest.mark.parametrize("name", GRID_STREAMS)
def test_a_step_says_what_the_whole_says(name: str) -> None:
    model, seen = model_of(name), asked()
    states = [torch.zeros(shape) for shape in model.states().values()]
    stepped = []
    with torch.inference_mode():
        whole_piece, _ = model(seen)
        for row in seen[0]:
            logits, *states = model.step(row[None], *states)
            stepped.append(logits[0])
    assert torch.stack(stepped).std() > 0.05
    assert torch.allclose(torch.stack(stepped), whole_piece[0], atol=2e-5)


@pytest.mark.parametrize("name", GRID_STREAMS)
def test_nothing_later_is_heard(name: str) -> None:
    model, seen = model_of(name), asked()
    later = seen.clone()
    later[:, 80:, PITCHES : PITCHES + 4] = 20
    with torch.inference_mode():
        one, other = model(seen)[0], model(later)[0]
    assert torch.equal(one[:, :80], other[:, :80])
    if name != "voicewise-lstm":
        assert not torch.equal(one[:, 84:], other[:, 84:])


def test_a_window_forgets_what_lies_before_it() -> None:
    model, seen = model_of("conv-lstm", window=4), asked()
    other = seen.clone()
    other[:, :40, PITCHES : PITCHES + 4] = 20
    with torch.inference_mode():
        one, two = model(seen)[0], model(other)[0]
    assert torch.allclose(one[:, 4 * (10 + 4) :], two[:, 4 * (10 + 4) :], atol=1e-6)
    assert not torch.allclose(one[:, 40:44], two[:, 40:44], atol=1e-3)


def test_voices_of_the_control_do_not_hear_each_other() -> None:
    model, seen = model_of("voicewise-lstm"), asked(seed=None)
    other = seen.clone()
    other[..., PITCHES + 3] = 10  # another bass
    other[..., NAMES.index("place")] = 3
    with torch.inference_mode():
        one, two = model(seen)[0], model(other)[0]
    bass = seen[0, :, VOICE] == 3
    assert torch.equal(one[0, ~bass], two[0, ~bass])
    assert not torch.equal(one[0, bass], two[0, bass])


@pytest.mark.parametrize("name", ["conv-lstm", "plain-lstm", "ridge"])
def test_what_is_switched_off_is_not_seen(name: str) -> None:
    seen = asked(seed=None)
    changed = seen.clone()
    changed[:, :, NAMES.index("place")] = 7
    last = seen[0, :, VOICE] == 3
    changed[0, last, PITCHES] = 30  # what the soprano has just decided, told to the bass alone
    for seeing in (True, False):
        model = model_of(name, see_place=seeing, see_decided=seeing)
        with torch.inference_mode():
            same = torch.equal(model(seen)[0], model(changed)[0])
        assert same is not seeing


def test_ablated_numbers_are_zero() -> None:
    for name, kept in (("height", 4), ("chromatic", 3), ("fifths", 3)):
        codes = model_of("conv-lstm", **{name: False}).codes.codes
        assert int((codes.abs().amax(dim=(0, 1)) > 0).sum()) == kept


@pytest.mark.parametrize("name", GRID_STREAMS)
def test_absent_voices_are_no_trouble(name: str) -> None:
    piece = whole(few(Split.VALID, 1))[0]
    told = decisions(piece.tokens, piece.order[..., :2], piece.settings)
    assert int((told.features[0, :, DECIDED] == 0).sum()) == piece.tokens.shape[1]
    with torch.inference_mode():
        logits, _ = model_of(name)(told.features)
    assert torch.isfinite(logits).all()


SHORT = {"steps": 40, "steps_per_epoch": 20, "warmup": 2, "average": 0.8, "learning_rate": 0.01}


def test_from_training_to_eight_bars(tmp_path: Path) -> None:
    """One of them here; `make families` takes all of them through it, for longer."""
    row = row_of("conv-lstm", small_corpus(), tmp_path, **SHORT)
    assert row.difference <= 1e-4
    assert row.replayed <= 1e-4
    assert row.nll < 0.75 * row.untrained
    assert row.notes >= 8
    assert not row.hanging
    told = [judged_chords(tmp_path / "zoo" / "conv-lstm", candidates) for candidates in (1, 20)]
    assert told[1] > told[0] + 0.5, "the best of many chords is more like the corpus"


def judged_chords(bundle: Path, candidates: int) -> float:
    """What the bundle's own tables say of the chords that it plays, in nats per sixteenth."""
    manifest = check(bundle)
    form = few(Split.VALID, 1)[0]
    piece = played(Generator(open_model(manifest)), form, FREE, candidates)
    tables = note_sampler.load(bundle)
    nobody: frozenset[int] = frozenset()
    rows = np.where(piece.sounding() >= FIRST_PITCH, piece.sounding() - FIRST_PITCH + LOWEST, 0)
    chords = [tuple(pitch or None for pitch in row) for row in rows.tolist()]
    scores = [note_sampler.chord(Choice(c, c, nobody, nobody, 0), tables) for c in chords]
    return float(np.mean(scores))
