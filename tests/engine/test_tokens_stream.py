"""A model of event tokens stands where a fresh one would, whatever was told and taken back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.vocabulary import Scheme, Vocabulary
from ripieno.grammar.tokens.writing import Writer
from ripieno.inference.bundle import check
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.inference.tokens.stream import Stream

from tests.engine.miditok_schemes import kit
from tests.engine.token_bundles import TokenRecipe, write_token_bundle

VOCABULARY: Vocabulary = kit(Scheme.REMI, merges=300).vocabulary
HEAD = [VOCABULARY.ids["BOS", "None"]]
BASES = [n for n in range(len(VOCABULARY)) if len(VOCABULARY.bases[n]) == 1]


@pytest.fixture(scope="module")
def opener(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Model]:
    folders = {
        cached: write_token_bundle(
            tmp_path_factory.mktemp("bundle") / "b", VOCABULARY, TokenRecipe(cached=cached)
        )
        for cached in (False, True)
    }
    models = {cached: open_model(check(folder)) for cached, folder in folders.items()}

    def opened(cached: bool) -> Model:
        models[cached].reset()
        return models[cached]

    return opened


def stream_of(model: Model) -> Stream:
    return Stream(model, VOCABULARY, Writer(Reader(VOCABULARY)))


CHUNK = st.lists(st.sampled_from(BASES), min_size=1, max_size=4).map(tuple)
MOVE = st.one_of(
    st.tuples(st.just("push"), st.integers(0, len(VOCABULARY) - 1)),
    st.tuples(st.just("cut"), st.integers(1, 20)),
    st.tuples(st.just("ask"), st.just(0)),
    st.tuples(st.just("hear"), st.just(0)),
    st.tuples(st.just("forget"), st.just(0)),
    st.tuples(st.just("follow"), st.lists(CHUNK, max_size=8)),
)


@pytest.mark.parametrize("cached", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(MOVE, min_size=1, max_size=25))
def test_logits_are_those_of_a_fresh_run(
    cached: bool, moves: list[tuple[str, object]], opener: Callable[[bool], Model]
) -> None:
    stream = stream_of(opener(cached))
    stream.follow(HEAD, [], keep=False)
    for what, how in moves:
        if what == "push" and isinstance(how, int):
            stream.push(how)
        elif what == "cut" and isinstance(how, int):
            stream.cut(max(1, len(stream.ids) - how))
        elif what == "ask":
            stream.logits()
        elif what == "hear":
            stream.catch_up()
        elif what == "forget":
            stream.forget()
        elif isinstance(how, list):
            stream.follow(HEAD, how, keep=False)
            told = [b for n in stream.ids for b in VOCABULARY.bases[n]]
            assert told == [*HEAD, *(b for chunk in how for b in chunk)]
    told, logits = list(stream.ids), stream.logits()
    fresh = stream_of(opener(cached))
    for number in told:
        fresh.push(number)
    np.testing.assert_allclose(logits, fresh.logits(), atol=1e-4)


def test_only_what_differs_is_told_again(opener: Callable[[bool], Model]) -> None:
    stream = stream_of(opener(True))
    chunks = [(n,) for n in BASES[5:25]]
    stream.follow(HEAD, chunks, keep=False)
    stream.logits()
    changed = [*chunks[:15], (BASES[30],), *chunks[16:]]
    stream.follow(HEAD, changed, keep=False)
    assert stream.waiting == 5


def test_what_was_drawn_stays_until_something_else_was_heard(
    opener: Callable[[bool], Model],
) -> None:
    stream = stream_of(opener(True))
    chunks = [(n,) for n in BASES[5:25]]
    stream.follow(HEAD, chunks, keep=False)
    stream.push(BASES[3])
    assert stream.follow(HEAD, chunks, keep=True)
    assert stream.ids[-1] == BASES[3]
    assert not stream.follow(HEAD, [*chunks, (BASES[40],)], keep=True)
    assert stream.ids[-1] == BASES[40]
    stream.push(BASES[3])
    assert not stream.follow(HEAD, [*chunks, (BASES[40],)], keep=False)
    assert stream.ids[-1] == BASES[40]
