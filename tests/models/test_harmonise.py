"""One voice is a player's: it stays as it was played, and the engine adds the other three."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ripieno.grammar.grid import VOICES
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno_models import harmonise
from ripieno_models.piece import Piece, Split
from ripieno_models.played import regular

from tests.models.material import few

ZOO = Path(__file__).parents[2] / "models" / "zoo"


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(open_model(check(ZOO / "chorale-lstm")))


def short(steps: int = 64) -> Piece:
    """The beginning of a real chorale."""
    (piece,) = regular(few(Split.VALID, 1))
    cut = {name: getattr(piece, name)[:steps] for name in ("tokens", "place", "bar_steps")}
    return replace(piece, fermata=piece.fermata[:steps], **cut)


@pytest.mark.parametrize("given", range(4))
def test_the_players_voice_stays_and_three_are_added(given: int, generator: Generator) -> None:
    piece = short()
    made = harmonise.harmonised(generator, piece, given, candidates=1, seed=1)
    assert (made.tokens[:, given] == piece.tokens[:, given]).all()
    others = [voice for voice in range(4) if voice != given]
    assert (made.tokens[:, others] != piece.tokens[:, others]).any()
    assert (made.sounding()[8:, others] > 1).mean() > 0.8, "they sound"


def test_nothing_is_known_of_what_comes(generator: Generator) -> None:
    piece = short()
    step = 40
    changed = piece.tokens.copy()
    changed[step:, 0] = np.where(changed[step:, 0] > 1, changed[step:, 0] + 2, changed[step:, 0])
    first, other = (
        harmonise.harmonised(generator, each, 0, candidates=4, seed=1).tokens
        for each in (piece, replace(piece, tokens=changed))
    )
    assert (first[:step] == other[:step]).all()
    assert (first[step:] != other[step:]).any()


def test_faults_are_counted_for_each_voice(generator: Generator) -> None:
    told = harmonise.judge(generator, [short()], candidates=4, seed=1)
    assert list(told) == list(VOICES)
    for found in told.values():
        assert found["crossings"] >= 0
        assert 0.2 < found["notes_per_quarter"] < 4
