"""Bars numbered in parts of eight: counted from the phrase, also where a context slides."""

from __future__ import annotations

from pathlib import Path

import pytest
from ripieno.errors import BundleError
from ripieno.grammar.tokens.vocabulary import Base, Scheme, Vocabulary
from ripieno.inference.bundle import check
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.inference.tokens.generate import TokensGenerator
from ripieno.settings import Settings

from tests.engine.asking import note, plan, request
from tests.engine.miditok_schemes import kit
from tests.engine.token_bundles import TokenRecipe, write_token_bundle

EVERYONE = (0, 1, 2, 3)
BAR = 4.0
"""Beats."""


def numbered(*places: int) -> Vocabulary:
    """REMI with bars that have these numbers."""
    plain = kit(Scheme.REMI, velocities=False, meters=True).vocabulary
    bars: list[list[Base]] = [[("Bar", str(place))] for place in places]
    return Vocabulary(Scheme.REMI, plain.positions, [*map(list, plain.tokens), *bars])


@pytest.fixture
def model(tmp_path: Path) -> Model:
    recipe = TokenRecipe(cached=True)
    return open_model(check(write_token_bundle(tmp_path / "b", numbered(*range(1, 9)), recipe)))


def bars(generator: TokensGenerator) -> list[int]:
    """The numbers of the bars that the model was told."""
    tokens = generator.speaker.reader.vocabulary.tokens
    told = [tokens[number][0] for number in generator.speaker.stream.ids]
    assert ("Bar", "None") not in told
    return [int(value) for kind, value in told if kind == "Bar"]


def test_an_answer_counts_on_from_the_phrase(model: Model) -> None:
    generator = TokensGenerator(model)
    phrase = tuple(note(0, 60 + beat % 7, 8 + beat, 1.0) for beat in range(12))
    steps = plan(generator, request(8, 20, 48, heard=phrase, given=EVERYONE))
    assert len(steps) == 112
    told = bars(generator)
    assert told[:3] == [1, 2, 3], "the phrase begins a part, wherever it stands on the score"
    assert told == [number % 8 + 1 for number in range(len(told))]
    assert len(told) >= 9, "and the ninth bar begins the next one"


def test_a_pickup_is_the_last_bar_of_a_part_before(model: Model) -> None:
    generator = TokensGenerator(model)
    phrase = tuple(note(0, 60 + beat % 5, 7 + beat, 1.0) for beat in range(9))
    plan(generator, request(7, 16, 24, heard=phrase, given=EVERYONE, settings=Settings()))
    assert bars(generator)[:4] == [8, 1, 2, 3]


def test_a_context_that_slides_counts_on(model: Model) -> None:
    generator = TokensGenerator(model)
    phrase = tuple(note(0, 60 + beat % 7, float(beat), 1.0) for beat in range(8))
    plan(generator, request(0, 8, 9, heard=phrase, given=EVERYONE))
    slid = False
    for beat in range(9, 200):
        plan(generator, request(beat, beat, beat + 1))
        told, since = bars(generator), generator.speaker._since
        assert since is not None
        first = round(since / (4 * BAR))
        assert told == [(first + number) % 8 + 1 for number in range(len(told))]
        slid = slid or first > 0
    assert slid


def test_numbers_with_a_gap_are_refused() -> None:
    with pytest.raises(BundleError, match=r"numbers its bars \[1, 3\]"):
        numbered(1, 3)
