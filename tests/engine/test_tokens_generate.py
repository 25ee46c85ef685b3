"""Models of event tokens, played: whole states, in bounds, repeatable, whatever goes wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from ripieno.clock import Beats, Meter, SystemClock
from ripieno.errors import BundleError
from ripieno.events import Planned, Request, Rung, Served
from ripieno.grammar.tokens.states import Bounds
from ripieno.grammar.tokens.vocabulary import Scheme, Vocabulary
from ripieno.inference.bundle import check
from ripieno.inference.grammars import player_of
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.inference.regenerate import paired, regenerate
from ripieno.inference.tokens.generate import TokensGenerator
from ripieno.settings import Horizon, Key, Mode, Rules, Sampling, Settings, Strength

from tests.engine.asking import SCALE, music, note, plan, request
from tests.engine.bundles import write_bundle
from tests.engine.miditok_schemes import kit
from tests.engine.slow import RunClock, SlowModel
from tests.engine.token_bundles import TokenRecipe, write_token_bundle

EVERYONE = (0, 1, 2, 3)
KINDS = [
    (Scheme.REMI, 0, False),
    (Scheme.REMI, 0, True),
    (Scheme.REMI, 400, True),
    (Scheme.TSD, 0, True),
    (Scheme.STRUCTURED, 0, True),
    (Scheme.MIDI_LIKE, 0, True),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Scheme, int, bool], Model]:
    found = {}
    for scheme, merges, cached in KINDS:
        vocabulary = kit(scheme, merges=merges, velocities=False, meters=scheme is Scheme.REMI)
        folder = tmp_path_factory.mktemp("bundle") / "b"
        recipe = TokenRecipe(scheme=scheme, cached=cached)
        write_token_bundle(folder, vocabulary.vocabulary, recipe)
        found[scheme, merges, cached] = open_model(check(folder))
    return found


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}-{kind[2]}")
def model(request: pytest.FixtureRequest, models: dict[tuple[Scheme, int, bool], Model]) -> Model:
    made = models[request.param]
    made.reset()
    return made


@pytest.fixture
def remi(models: dict[tuple[Scheme, int, bool], Model]) -> Model:
    made = models[Scheme.REMI, 0, True]
    made.reset()
    return made


def phrase(end: float = 16.0, **changes: object) -> Request:
    return request(0, 8, end, heard=SCALE, given=EVERYONE, **changes)


def lines(steps: list[Planned]) -> list[tuple[float, int | None, bool]]:
    return [(s.begin, v.pitch, v.struck) for s in steps for v in s.voices if v.voice == 0]


def test_a_phrase_is_answered_by_one_line_in_whole_states(model: Model) -> None:
    steps = plan(TokensGenerator(model), phrase(24.0))
    assert len(steps) == 64
    sounded: int | None = None
    for step in steps:
        assert [v.voice for v in step.voices] == [0, 1, 2, 3]
        line = step.voices[0]
        assert all(v.pitch is None for v in step.voices[1:])
        if line.pitch is not None and not line.struck:
            assert line.pitch == sounded
        sounded = line.pitch
    assert any(struck for _, _, struck in lines(steps))


def test_the_same_request_gives_the_same_music(model: Model) -> None:
    first = music(plan(TokensGenerator(model), phrase()))
    model.reset()
    assert music(plan(TokensGenerator(model), phrase())) == first


def test_another_seed_gives_other_music(remi: Model) -> None:
    other = phrase(settings=Settings(sampling=Sampling(seed=2)))
    first = music(plan(TokensGenerator(remi), phrase()))
    remi.reset()
    assert music(plan(TokensGenerator(remi), other)) != first


def test_pieces_make_the_whole(models: dict[tuple[Scheme, int, bool], Model]) -> None:
    for kind in KINDS:
        models[kind].reset()
        whole = music(plan(TokensGenerator(models[kind]), phrase()))
        models[kind].reset()
        parts = TokensGenerator(models[kind])
        pieces = plan(parts, phrase(9.0))
        for beat in range(9, 16):
            pieces += plan(parts, request(beat, beat, beat + 1))
        assert music(pieces) == whole, kind


def told_by(generator: TokensGenerator) -> list[tuple[int, int, int]]:
    """What the model's ids say: onset, pitch and length of each note, in sixteenths."""
    speaker = generator.speaker
    assert generator.view is not None
    reader, unit = speaker.reader, speaker.sixteenth
    bounds = Bounds(reader.pitches, origin=speaker.origin(generator.view, 0) * unit)
    state = reader.start(bounds.origin)
    notes = []
    head = len(speaker.head(generator.view))
    for number in speaker.stream.ids[head:]:
        for event in reader.vocabulary.spelled[number]:
            after = reader.advance(state, event, bounds)
            assert after is not None, event
            state = after
            told = state.told
            if told is not None and told.end is not None:
                notes.append((told.onset // unit, told.pitch, (told.end - told.onset) // unit))
    return notes


@pytest.mark.parametrize("kind", KINDS[:3])
def test_the_model_is_told_what_really_happened(
    kind: tuple[Scheme, int, bool], models: dict[tuple[Scheme, int, bool], Model]
) -> None:
    """Whatever was taken back: its ids tell the notes that were heard and played, and no others."""
    models[kind].reset()
    chance, generator = Random(5), TokensGenerator(models[kind])
    plan(generator, phrase(12.0))
    at = 12.0
    for _ in range(25):
        back = max(8.0, at - chance.randint(0, 8) / 4)
        heard = tuple(
            note(0, chance.randint(60, 79), back + n / 2, chance.choice((0.25, 0.5)))
            for n in range(chance.randint(0, 3))
        )
        begin = back + len(heard) / 2
        plan(generator, request(back, begin, begin + 1, heard=heard, given=EVERYONE))
        at = begin + 1
        here = round(at * 4)
        assert generator.view is not None
        story = generator.story.notes(generator.speaker.origin(generator.view, 0), here)
        known = [(n.onset, n.pitch, (n.known or 0) - n.onset) for n in story]
        assert [n for n in told_by(generator) if n[0] < here] == known


def test_rules_hold(model: Model) -> None:
    rules = Rules(
        ranges=((60, 72), (53, 74), (48, 69), (36, 64)),
        max_leap=5,
        key=Key.parse("G major"),
        key_lock=Strength.HARD,
    )
    settings = Settings(rules=rules)
    steps = plan(TokensGenerator(model), phrase(72.0, settings=settings))
    pitches = [p for _, p, struck in lines(steps) if struck and p is not None]
    assert len(pitches) > 4
    classes = Key.parse("G major").pitch_classes
    assert all(60 <= p <= 72 and p % 12 in classes for p in pitches)
    last = SCALE[-1].pitch
    for pitch in pitches:
        assert abs(pitch - last) <= 5
        last = pitch


def test_a_soft_key_is_left_only_where_nothing_else_is_there(remi: Model) -> None:
    narrow = ((61, 61), (53, 74), (48, 69), (36, 64))
    rules = Rules(ranges=narrow, key=Key.parse("C major"), key_lock=Strength.SOFT)
    steps = plan(TokensGenerator(remi), phrase(24.0, settings=Settings(rules=rules)))
    struck = [s for s in steps if s.voices[0].struck]
    assert struck
    assert all(s.voices[0].pitch == 61 for s in struck)
    assert any("key_lock" in s.relaxed for s in steps)


def test_a_rest_does_not_last_for_ever(model: Model) -> None:
    rules = Rules(longest_rest=Beats(1.0))
    steps = plan(TokensGenerator(model), phrase(72.0, settings=Settings(rules=rules)))
    silent = 0
    for step in steps:
        silent = silent + 1 if step.voices[0].pitch is None else 0
        assert silent <= 4 or step.relaxed


def test_a_busier_wish_is_busier(remi: Model) -> None:
    calm = plan(TokensGenerator(remi), phrase(104.0, density=0.5))
    remi.reset()
    busy = plan(TokensGenerator(remi), phrase(104.0, density=2.5))
    few, many = (sum(s for _, _, s in lines(steps)) / 96 for steps in (calm, busy))
    assert few < 0.9
    assert many > 1.4


def test_a_long_performance_slides_through_the_context(model: Model) -> None:
    generator = TokensGenerator(model)
    plan(generator, phrase(9.0))
    for beat in range(9, 280):
        (*_, last) = plan(generator, request(beat, beat, beat + 1))
        assert last.served
        assert len(generator.speaker.stream.ids) <= model.context
    assert not generator.faults


def test_six_eight_has_bars_of_three_beats(remi: Model) -> None:
    settings = Settings(meter=Meter(6, 8))
    generator = TokensGenerator(remi)
    plan(generator, phrase(20.0, settings=settings))
    tokens = generator.speaker.reader.vocabulary.tokens
    told = [tokens[n][0] for n in generator.speaker.stream.ids]
    assert ("TimeSig", "6/8") in told
    assert ("TimeSig", "4/4") not in told
    assert told.count(("Bar", "None")) >= 3


def test_a_model_that_plays_alone_does_not_accompany(remi: Model) -> None:
    with pytest.raises(BundleError, match="cannot go along with a player"):
        plan(
            TokensGenerator(remi),
            request(0, 0, 1, given=(0,), player=(0,), settings=Settings(mode=Mode.ACCOMPANY)),
        )


@pytest.mark.parametrize("harm", ["nan", "it fell over"])
def test_a_model_that_fails_is_told_of_and_the_music_goes_on(harm: str, remi: Model) -> None:
    spoilt = range(12, 17)
    model = SlowModel(remi, RunClock(), harm=lambda run: harm if run in spoilt else "")
    generator = TokensGenerator(model)
    steps = plan(generator, phrase(12.0))
    for beat in range(12, 100):
        steps += plan(generator, request(beat, beat, beat + 1))
    assert len(steps) == 92 * 4
    assert model.runs > spoilt.stop
    failed = [step for step in steps if not step.served]
    assert failed
    assert {step.rung for step in failed} <= {Rung.HOLD, Rung.REST}
    assert generator.faults
    assert all("the music goes on" in fault for fault in generator.faults)
    assert all(step.served for step in steps[-64:])
    assert any(struck for _, _, struck in lines(steps[-64:]))


def test_without_time_the_line_is_held_and_the_ladder_walked(remi: Model) -> None:
    clock = RunClock()
    model = SlowModel(remi, clock)
    generator = TokensGenerator(model)
    settings = Settings(horizon=Horizon(budget_ms=10.0))
    steps = list(generator.plan(phrase(12.0, settings=settings), clock))
    assert all(step.served for step in steps)
    model.cost = 0.05
    for beat in range(12, 40):
        steps += generator.plan(request(beat, beat, beat + 1, settings=settings), clock)
    late = [step for step in steps if not step.served]
    assert late
    assert all(not v.struck for step in late for v in step.voices)
    assert Rung.SHORTER in {step.begun for step in steps}
    model.cost = 0.0
    for beat in range(40, 200):
        steps += generator.plan(request(beat, beat, beat + 1, settings=settings), clock)
    assert all(step.served for step in steps[-32:])


def test_what_was_done_can_be_done_again(model: Model) -> None:
    generator = TokensGenerator(model)
    requests = [
        replace(phrase(10.0), number=1),
        replace(request(10, 10, 12), number=2),
        replace(request(11, 11, 13), number=3, epoch=2),
        replace(
            request(12, 12.5, 14, heard=(note(0, 70, 12, 0.5),), given=EVERYONE), number=4, epoch=3
        ),
    ]
    steps, served = [], []
    for each in requests:
        found = list(generator.plan(each, SystemClock()))
        steps += found
        served.append(Served(each.number, len(found), False))
    done = paired(requests, served, steps)
    model.reset()
    again = list(regenerate(TokensGenerator(model), done))
    assert len(again) == len(steps)
    assert all(was == now for was, now in again)


def test_the_manifest_chooses_the_player(remi: Model) -> None:
    assert isinstance(player_of(remi), TokensGenerator)


def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    made = kit(Scheme.REMI, velocities=False)
    folder = write_token_bundle(tmp_path / "b", made.vocabulary, TokenRecipe())
    model = open_model(check(folder))
    other = kit(Scheme.REMI).vocabulary
    (folder / "vocabulary.json").write_text(other.write())
    with pytest.raises(BundleError, match="knows 89 tokens, and the vocabulary"):
        TokensGenerator(model)
    with pytest.raises(BundleError, match="damaged or was changed"):
        check(folder)


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ('use = "melody"', 'use = "singing"', "melody, piano, accompaniment"),
        ("polyphony = 1", "polyphony = 4", "1 for a melody"),
        ('scheme = "remi"', 'scheme = "rem"', "remi, tsd, midi-like, structured"),
        ("start = ['BOS_None']", "start = []", "one base token or more"),
        ("prefix = ['Key']", "prefix = ['Weather']", "Key, Meter"),
        ("size = 89", "size = 90", "is logits float32"),
        ('name = "tokens"', 'name = "words"', "is words int64"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(
    was: str, now: str, sentence: str, tmp_path: Path
) -> None:
    made = kit(Scheme.REMI, velocities=False)
    folder = write_token_bundle(tmp_path / "b", made.vocabulary, TokenRecipe())
    path = folder / "manifest.toml"
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now))
    with pytest.raises(BundleError, match=sentence):
        check(folder)


def test_control_tokens_and_starts_must_be_there(tmp_path: Path) -> None:
    made = kit(Scheme.REMI, velocities=False)
    recipe = TokenRecipe(start=("START_None",))
    model = open_model(check(write_token_bundle(tmp_path / "b", made.vocabulary, recipe)))
    with pytest.raises(BundleError, match="has no 'START_None'"):
        TokensGenerator(model)


def test_what_it_does_not_know_is_told_once(remi: Model) -> None:
    generator = TokensGenerator(remi)
    high = (*SCALE[:-1], note(0, 96, 7, 1.0))
    five = Settings(meter=Meter(5, 4))
    plan(generator, request(0, 8, 9, heard=high, given=EVERYONE, settings=five))
    plan(generator, request(9, 9, 12, heard=(note(0, 97, 9, 0.5),), given=EVERYONE, settings=five))
    plan(generator, request(8, 10, 12, heard=(note(0, 97, 9, 0.5),), given=EVERYONE, settings=five))
    assert generator.faults == [
        "test-tokens knows the notes C3 to C6; it hears others an octave nearer",
        "test-tokens was not trained on 5/4; it counts your bars as 4/4",
    ]


def test_a_smaller_model_takes_over_and_back(
    models: dict[tuple[Scheme, int, bool], Model], remi: Model
) -> None:
    clock = RunClock()
    slow, small = SlowModel(remi, clock), models[Scheme.TSD, 0, True]
    small.reset()
    generator = TokensGenerator(slow, lambda: small)
    settings = Settings(horizon=Horizon(budget_ms=10.0))
    steps = list(generator.plan(phrase(12.0, settings=settings), clock))
    slow.cost = 0.02
    for beat in range(12, 60):
        steps += generator.plan(request(beat, beat, beat + 1, settings=settings), clock)
    theirs = [step for step in steps if step.begun is Rung.SMALLER]
    assert theirs
    assert any(v.struck for step in theirs for v in step.voices)
    slow.cost = 0.0
    for beat in range(60, 260):
        steps += generator.plan(request(beat, beat, beat + 1, settings=settings), clock)
    assert steps[-1].begun is Rung.FULL
    assert not generator.faults


def test_a_smaller_model_of_another_grammar_is_told_of(
    remi: Model, tmp_path_factory: pytest.TempPathFactory
) -> None:
    grid = open_model(check(write_bundle(tmp_path_factory.mktemp("grid") / "b")))
    clock = RunClock()
    generator = TokensGenerator(SlowModel(remi, clock, cost=0.02), lambda: grid)
    settings = Settings(horizon=Horizon(budget_ms=10.0))
    for beat in range(60):
        list(generator.plan(request(beat, beat, beat + 1, settings=settings), clock))
    assert any("cannot stand in for event tokens" in fault for fault in generator.faults)


def test_what_training_would_have_merged_is_not_drawn_in_pieces(
    models: dict[tuple[Scheme, int, bool], Model],
) -> None:
    model = models[Scheme.REMI, 400, True]
    model.reset()
    generator = TokensGenerator(model)
    rules = Rules(longest_rest=Beats(12.0))
    plan(generator, phrase(9.0))
    for beat in range(9, 60):
        plan(generator, request(beat, beat, beat + 1, settings=Settings(rules=rules), density=0.1))
    vocabulary = generator.speaker.reader.vocabulary
    ids = generator.speaker.stream.ids
    bar, meter = vocabulary.ids["Bar", "None"], vocabulary.ids["TimeSig", "4/4"]
    assert (bar, meter) in vocabulary.ranks
    assert vocabulary.ranks[bar, meter][1] in {b for n in ids for b in parts_of(vocabulary, n)}
    assert all(pair not in vocabulary.ranks for pair in pairwise(ids) if pair[0] == bar)


def parts_of(vocabulary: Vocabulary, number: int) -> set[int]:
    """An id and all that it was merged from."""
    found = [m for m in vocabulary.merges if m.result == number][:1]
    below = (parts_of(vocabulary, n) for m in found for n in (m.left, m.right))
    return {number}.union(*below)
