"""Decoders exported by optimum, imported and played: tokens in, notes out, back and on again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import miditok
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ripieno.errors import BundleError
from ripieno.events import Planned
from ripieno.inference.model import Logits, Model, ModelFault
from ripieno.inference.tokens.generate import TokensGenerator
from ripieno.library.importing_items import Wish
from ripieno.library.trial import trial
from ripieno.settings import Mode, Settings

from tests.engine.asking import SCALE, music, note, plan, request
from tests.host.imports import (
    CLASSES,
    EXPORTS,
    FAMILIES,
    FORMS,
    TOKENS,
    exported,
    imported,
    tokenizer,
)

EVERYONE = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Every family in every form."""
    place = tmp_path_factory.mktemp("exports")
    names = [f"{family}-{form}" for family in FAMILIES for form in FORMS]
    return {name: imported(exported(name, tokenizer("REMI"), place)) for name in names}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Model]:
    """The model with a cache of GPT-2's shape, with a tokenizer of any kind."""
    made: dict[tuple[str, bool], Model] = {}

    def model(name: str, merges: bool) -> Model:
        if (name, merges) not in made:
            place = tmp_path_factory.mktemp("exports")
            found = tokenizer(name, merges=merges)
            made[name, merges] = imported(exported("gpt2-past", found, place))
        made[name, merges].reset()
        return made[name, merges]

    return model


MOVE = st.one_of(
    st.tuples(st.just("feed"), st.integers(1, 90)),
    st.tuples(st.just("step"), st.integers(0, TOKENS - 1)),
    st.tuples(st.just("rewind"), st.floats(0, 1)),
    st.tuples(st.just("reset"), st.just(0)),
)


def led(model: Model, moves: list[tuple[str, float]]) -> tuple[list[int], Logits | None]:
    """What a model has heard after these moves, and what it thinks then."""
    chance, ids = Random(3), list[int]()
    logits: Logits | None = None
    model.reset()
    for what, how in moves:
        if what == "rewind":
            keep = int(how * len(ids))
            del ids[keep:]
            model.rewind(keep)
            logits = None
        elif what == "reset":
            ids.clear()
            model.reset()
            logits = None
        elif what == "step" and len(ids) < model.context:
            ids.append(int(how))
            logits = model.step([int(how)]).copy()
        elif what == "feed":
            some = [chance.randrange(TOKENS) for _ in range(int(how))]
            some = some[: int(model.context) - len(ids)]
            if some:
                ids += some
                logits = model.feed([(n,) for n in some], ())[0].copy()
        assert model.length == len(ids)
    return ids, logits


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(MOVE, min_size=1, max_size=10))
@example(moves=[("feed", 60), ("rewind", 0.5), ("feed", 1)])
@example(moves=[("step", 5), ("feed", 90), ("rewind", 0.99), ("step", 1)])
def test_all_forms_think_alike_whatever_was_taken_back(
    family: str, moves: list[tuple[str, float]], models: dict[str, Model]
) -> None:
    """With a cache, without, or both behind a branch: as without a cache, told all at once."""
    whole = models[f"{family}-plain"]
    for form in FORMS:
        ids, logits = led(models[f"{family}-{form}"], moves)
        if logits is None:
            continue
        whole.reset()
        expected = whole.feed([(number,) for number in ids], ())[0]
        np.testing.assert_allclose(logits, expected, atol=2e-4, err_msg=form)


def test_a_full_context_is_told(models: dict[str, Model]) -> None:
    model = models["llama-past"]
    model.reset()
    model.feed([(1,)] * int(model.context), ())
    with pytest.raises(ModelFault, match="is full"):
        model.step((1,))
    assert model.length == model.context == 256
    model.rewind(10)
    model.step((1,))


def struck(steps: list[Planned]) -> int:
    return sum(voice.struck for step in steps for voice in step.voices)


@pytest.mark.parametrize("merges", [False, True])
@pytest.mark.parametrize("name", CLASSES)
def test_a_phrase_is_answered_and_miditok_reads_the_same_notes(
    name: str, merges: bool, opened: Callable[[str, bool], Model]
) -> None:
    """All that the model has heard and drawn, decoded by MidiTok, is what was played."""
    generator = TokensGenerator(opened(name, merges))
    steps = plan(generator, request(0, 8, 22, heard=SCALE, given=EVERYONE))
    assert len(steps) == 56
    assert struck(steps) >= 3
    assert all(step.served for step in steps)
    speaker = generator.speaker
    head = len(speaker.spec.start)
    line = miditok.TokSequence(ids=speaker.stream.ids[head:], are_ids_encoded=merges)
    score = tokenizer(name, merges=merges).decode([line])
    quarter = score.ticks_per_quarter
    theirs = [(n.time / quarter, n.pitch) for track in score.tracks for n in track.notes]
    ours = [(n.onset / 4, n.pitch) for n in generator.story.notes(0, 128)]
    behind = {onset for onset, _ in theirs if onset >= 22}  # drawn already, for later steps
    whole = [n for n in ours if name != "MIDILike" or n in theirs]
    assert sorted(n for n in theirs if n[0] not in behind) == sorted(whole)
    assert len(whole) >= len(SCALE) + (0 if name == "MIDILike" else 2)


def test_the_same_request_gives_the_same_music(opened: Callable[[str, bool], Model]) -> None:
    asked = request(0, 8, 16, heard=SCALE, given=EVERYONE)
    first = music(plan(TokensGenerator(opened("REMI", True)), asked))
    assert music(plan(TokensGenerator(opened("REMI", True)), asked)) == first


def test_every_form_plays_the_same(models: dict[str, Model]) -> None:
    asked = request(0, 8, 14, heard=SCALE, given=EVERYONE)
    for family in FAMILIES:
        played = []
        for form in FORMS:
            model = models[f"{family}-{form}"]
            model.reset()
            played.append([step.voices for step in plan(TokensGenerator(model), asked)])
        assert played[0] == played[1] == played[2]


def test_what_is_played_against_the_plan_is_heard(opened: Callable[[str, bool], Model]) -> None:
    """Live: a plan, then the player contradicts it; only what differs is told again."""
    generator = TokensGenerator(opened("REMI", True))
    plan(generator, request(0, 8, 16, heard=SCALE, given=EVERYONE))
    played = (*SCALE, note(0, 60, 8.0, 1.0), note(0, 62, 9.0, 1.0))
    before = generator.speaker.stream.seconds
    steps = plan(generator, request(8, 10, 16, heard=played, given=EVERYONE))
    assert len(steps) == 24
    assert generator.speaker.stream.seconds > before
    heard = {(n.onset, n.pitch) for n in generator.story.notes(0, 40)}
    assert {(32, 60), (36, 62)} <= heard


def test_a_context_slides_and_the_music_goes_on(opened: Callable[[str, bool], Model]) -> None:
    generator = TokensGenerator(opened("TSD", False))
    begins = range(8, 200, 4)
    plan(generator, request(0, 8, 8, heard=SCALE, given=EVERYONE))
    counts = [struck(plan(generator, request(b, b, b + 4))) for b in begins]
    assert generator.speaker.model.length <= 256
    assert generator.faults == []
    assert sum(count > 0 for count in counts) > len(counts) // 2


def test_an_accompaniment_keeps_two_instruments_apart(tmp_path: Path) -> None:
    source = exported("llama-past", tokenizer("REMI", programs=True), tmp_path)
    generator = TokensGenerator(imported(source, Wish(use="accompaniment", programs=(1, 0))))
    steps = plan(
        generator,
        request(
            0, 8, 16, heard=SCALE, given=(0,), player=(0,), settings=Settings(mode=Mode.ACCOMPANY)
        ),
    )
    assert struck(steps) > 0
    known = generator.speaker.reader.vocabulary
    told = [known.tokens[number][0] for number in generator.speaker.stream.ids]
    assert ("Program", "1") in told


def test_a_piano_plays_one_instrument_of_many(tmp_path: Path) -> None:
    source = exported("llama-past", tokenizer("REMI", programs=True), tmp_path)
    generator = TokensGenerator(imported(source, Wish(programs=(1, 1))))
    assert struck(plan(generator, request(0, 8, 16, heard=SCALE, given=EVERYONE))) > 0
    known = generator.speaker.reader.vocabulary
    told = {known.tokens[number][0] for number in generator.speaker.stream.ids}
    assert ("Program", "1") in told and ("Program", "0") not in told


def test_a_trial_tells_its_tempo(tmp_path: Path) -> None:
    source = exported("mistral-merged", tokenizer("REMI"), tmp_path)
    folder = imported(source).manifest.folder
    tried = trial(folder, steps=8)
    assert tried.precision == "fp32" and tried.rewind_difference < 1e-4 and tried.fastest > 0


def test_a_bundle_says_what_it_is(models: dict[str, Model]) -> None:
    for name, model in models.items():
        manifest = model.manifest
        assert manifest.rewind.value == "growing"
        assert bool(manifest.caches) == (not name.endswith("plain"))
        assert manifest.licence == "unknown"
        folder = manifest.folder
        assert (folder / "CARD.md").read_text().startswith(f"# {name}\n")
        there = {path.name for path in folder.iterdir()}
        graphs = {graph.file for graph in manifest.graphs}
        assert there == {"manifest.toml", "CARD.md", "vocabulary.json"} | graphs


def test_exports_are_as_they_were_written() -> None:
    """Each family in each form, with its configuration."""
    there = {path.name for path in EXPORTS.iterdir() if (path / "config.json").exists()}
    assert there == {f"{family}-{form}" for family in FAMILIES for form in FORMS}


def test_a_context_is_as_wished_or_refused(tmp_path: Path) -> None:
    source = exported("gpt2-past", tokenizer("REMI"), tmp_path)
    assert imported(source, Wish(context=100)).context == 100
    with pytest.raises(BundleError, match="64…256"):
        imported(source, Wish(context=1000))
