"""Models of blocks: what they are drawn from, what the knobs do, and that every rule holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ripieno.clock import Beats
from ripieno.errors import BundleError
from ripieno.events import Note, Planned, Served, Sounding
from ripieno.grammar.grid import HOLD, REST, STEPS_PER_BEAT, VOICES, token_of
from ripieno.inference.blocks import latent
from ripieno.inference.blocks.generate import BlocksGenerator
from ripieno.inference.blocks.manifest import Kind
from ripieno.inference.blocks.model import UNKNOWN, BlockModel
from ripieno.inference.blocks.phrases import Phrase, Phrases, tokens_of
from ripieno.inference.bundle import check
from ripieno.inference.grammars import player_of
from ripieno.inference.opening import open_model
from ripieno.inference.regenerate import Done, regenerate
from ripieno.library.trial import trial
from ripieno.settings import FULL_RANGES, Blocks, Key, Mode, Rules, Sampling, Settings, Strength

from tests.engine.asking import music, note, plan, request
from tests.engine.block_bundles import BlockRecipe, write_block_bundle
from tests.engine.bundles import write_bundle
from tests.engine.rule_checker import Played, violations

EVERYONE = tuple(range(len(VOICES)))
LOWS = [low for low, _ in FULL_RANGES]
PLAIN = BlockRecipe(sharp=12.0)
KINDS = {
    "latent": PLAIN,
    "codes": BlockRecipe(codes=True),
    "roll": BlockRecipe(roll=True, hears=False),
}


@pytest.fixture(scope="module", params=list(KINDS))
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blocks") / request.param
    return write_block_bundle(folder, KINDS[request.param])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_block_bundle(tmp_path_factory.mktemp("blocks") / "plain", PLAIN)


def player(folder: Path) -> BlocksGenerator:
    found = player_of(open_model(check(folder)))
    assert isinstance(found, BlocksGenerator)
    return found


def set_to(**blocks: object) -> Settings:
    """No rule of taste stands in the way of what a test's model tells."""
    free = Rules(parallels=Strength.OFF, spacing=Strength.OFF, longest_loop=16)
    return Settings(
        rules=free,
        sampling=Sampling(temperature=0.1),
        blocks=Blocks(**{"variation": 0.0, **blocks}),  # type: ignore[arg-type]
    )


def phrase(number: int, onset: float, beats: int = 8) -> tuple[Note, ...]:
    """Every voice strikes its lowest pitch, `number` semitones higher, on each beat."""
    return tuple(note(v, LOWS[v] + number, onset + b, 1.0) for b in range(beats) for v in EVERYONE)


def heard(generator: BlocksGenerator, number: int, begin: float, settings: Settings) -> None:
    """Two bars from others at `begin`."""
    asked = request(begin, begin + 8, begin + 8, heard=phrase(number, begin), given=EVERYONE)
    assert plan(generator, replace(asked, settings=settings)) == []


def struck(steps: Sequence[Planned], voice: int = 0) -> list[int]:
    """How far above the lowest one the pitches lie that a voice strikes."""
    found = (s for step in steps for s in step.voices if s.voice == voice and s.struck)
    return [s.pitch - LOWS[voice] for s in found if s.pitch is not None]


def two_bars(generator: BlocksGenerator, begin: float, settings: Settings) -> list[Planned]:
    return plan(generator, request(begin, begin, begin + 8, settings=settings))


# ---- the knobs


def test_morph_leads_from_the_last_phrase_to_the_one_before(plain: Path) -> None:
    generator, settings = player(plain), set_to()
    heard(generator, 0, 0, settings)
    two_bars(generator, 8, settings)
    heard(generator, 2, 16, settings)
    found = {
        morph: set(struck(two_bars(generator, 24, set_to(morph=morph)))) for morph in (0.0, 1.0)
    }
    assert found == {0.0: {2}, 1.0: {0}}


def test_between_two_phrases_there_is_no_third(plain: Path) -> None:
    generator = player(plain)
    model = generator.blocks
    ends = [np.zeros(12, np.float32), np.zeros(12, np.float32)]
    ends[0][0], ends[1][2] = 1.0, 1.0
    told = [
        model.decode(latent.between(ends[0], ends[1], share), np.zeros(2, np.float32))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    first, last = token_of(LOWS[0]), token_of(LOWS[0] + 2)
    leads = [float(each[0, 0, last] - each[0, 0, first]) for each in told]
    assert leads == sorted(leads)
    assert leads[0] < 0 < leads[-1]
    assert leads[2] == pytest.approx(0.0, abs=1e-4)


def test_a_direction_turns_what_is_played(tmp_path: Path) -> None:
    """The first two numbers of the latent are the soprano's lowest two pitches."""
    generator = player(write_block_bundle(tmp_path / "blocks", PLAIN))
    settings = set_to(directions=(3.0, 0.0, 0.0, 0.0))
    assert set(struck(two_bars(generator, 0, settings))) == {0}
    settings = set_to(directions=(0.0, 3.0, 0.0, 0.0))
    assert set(struck(two_bars(generator, 8, settings))) == {1}


def test_a_knob_changes_the_music_from_where_it_is_asked_again(plain: Path) -> None:
    generator = player(plain)
    heard(generator, 0, 0, set_to())
    before = two_bars(generator, 8, set_to())
    turned = set_to(directions=(-3.0, 3.0, 0.0, 0.0))
    after = plan(generator, request(12, 12, 16, settings=turned))
    assert set(struck(before)) == {0}
    assert set(struck(after)) == {1}
    assert [step.begin for step in after] == [Beats(12 + n / 4) for n in range(16)]


def test_variation_steps_aside_and_the_seed_says_where(plain: Path) -> None:
    def played(variation: float, seed: int) -> list[int]:
        generator = player(plain)
        settings = set_to(variation=variation)
        settings = replace(settings, sampling=replace(settings.sampling, seed=seed))
        heard(generator, 0, 0, settings)
        bars = [two_bars(generator, 8 + 8 * bar, settings) for bar in range(4)]
        return [pitch for steps in bars for pitch in struck(steps)]

    assert set(played(0.0, 1)) == {0}
    assert len(set(played(1.0, 1))) > 1
    assert played(1.0, 1) == played(1.0, 1) != played(1.0, 2)


def test_without_an_encoder_phrases_are_imagined(tmp_path: Path) -> None:
    generator = player(write_block_bundle(tmp_path / "b", replace(PLAIN, hears=False)))
    heard(generator, 0, 0, set_to())
    ends = [music(two_bars(generator, 8, set_to(morph=morph))) for morph in (0.0, 1.0)]
    assert ends[0] != ends[1]


# ---- blocks in time


def test_a_plan_asked_beat_by_beat_is_the_same_block(bundle: Path) -> None:
    settings = set_to(variation=0.5)
    whole = two_bars(player(bundle), 0, settings)
    other = player(bundle)
    parts = [
        step for b in range(8) for step in plan(other, request(b, b, b + 1, settings=settings))
    ]
    assert music(parts) == music(whole)


def test_the_same_requests_come_out_the_same(bundle: Path) -> None:
    settings = set_to(variation=0.5)
    asked = [
        request(0, 8, 10, heard=phrase(1, 0), given=EVERYONE, settings=settings, number=1),
        request(10, 10, 16, settings=set_to(morph=0.5), number=2),
        request(12, 12, 20, settings=settings, number=3),
    ]
    generator = player(bundle)
    steps = [plan(generator, each) for each in asked]
    done = [
        Done(one, Served(one.number, len(told), False), tuple(told))
        for one, told in zip(asked, steps, strict=True)
    ]
    pairs = list(regenerate(player(bundle), done))
    assert len(pairs) == sum(map(len, steps)) == 64
    assert all(was == now for was, now in pairs)


def test_an_answer_goes_on_inside_the_block_of_its_phrase(plain: Path) -> None:
    """Five beats were heard: the block tells the other three, and the next one comes round."""
    generator, settings = player(plain), set_to()
    asked = request(0, 5, 16, heard=phrase(2, 0, beats=5), given=EVERYONE, settings=settings)
    steps = plan(generator, asked)
    assert [step.begin for step in steps[:2]] == [5.0, 5.25]
    assert set(struck(steps)) == {2}
    assert len(struck(steps)) == 11


def test_in_three_four_a_block_is_whole_bars(tmp_path: Path) -> None:
    from ripieno.clock import Meter

    generator = player(write_block_bundle(tmp_path / "b", PLAIN))
    settings = replace(set_to(variation=1.0), meter=Meter(3, 4))
    steps = plan(generator, request(0, 0, 24, settings=settings))
    blocks = [tuple(struck(steps[at : at + 24])) for at in range(0, 96, 24)]
    assert all(len(set(each)) == 1 for each in blocks)
    assert len(set(blocks)) > 1


def test_the_prior_goes_on_from_what_was_heard(tmp_path: Path) -> None:
    """Its codes are the soprano's pitches, sixteenth by sixteenth, and each next one is likeliest:
    the fourth sixteenth after the last that was heard strikes four semitones higher."""
    recipe = BlockRecipe(codes=True, sharp=20.0)
    generator = player(write_block_bundle(tmp_path / "codes", recipe))
    settings = set_to()
    heard(generator, 0, 0, settings)
    steps = two_bars(generator, 8, settings)
    # what is held is no pitch to this encoder, so its last code is 0, and the first drawn is 1
    expected = [(1 + place) % recipe.entries for place in range(0, 32, 4)]
    assert struck(steps) == expected


def test_a_block_of_codes_keeps_what_was_played_of_it(tmp_path: Path) -> None:
    recipe = BlockRecipe(codes=True, sharp=20.0)
    generator = player(write_block_bundle(tmp_path / "codes", recipe))
    settings = set_to()
    asked = request(0, 5, 8, heard=phrase(2, 0, 5), given=EVERYONE, settings=settings)
    steps = plan(generator, asked)
    assert struck(steps) == [(1 + place) % recipe.entries for place in (0, 4, 8)]


# ---- rules, and what does not fit


@pytest.mark.parametrize("seed", range(6))
def test_every_note_keeps_the_hard_rules(bundle: Path, seed: int) -> None:
    generator = player(bundle)
    rules = Rules(
        ranges=((60, 72), (55, 67), (50, 60), (40, 52)),
        max_leap=2 + seed,
        crossing=Strength.HARD,
        parallels=Strength.HARD,
        spacing=Strength.HARD if seed % 2 else Strength.SOFT,
        key=Key.parse("G major"),
        key_lock=Strength.HARD,
    )
    sampling = Sampling(temperature=1.5, seed=seed, candidates=1 + seed % 3)
    settings = Settings(rules=rules, sampling=sampling, blocks=Blocks(variation=1.0))
    played: list[Played] = []
    for bar in range(6):
        asked = request(4 * bar, 4 * bar, 4 * bar + 4, settings=settings, fresh=bar == 0)
        for step in plan(generator, asked):
            voices = tuple(sorted(step.voices, key=lambda s: s.voice))
            number = round(step.begin * STEPS_PER_BEAT)
            played.append(Played(number, voices, frozenset(EVERYONE), rules))
            assert step.served
    assert violations(played) == []
    assert sum(s.struck for each in played for s in each.voices) > 12


def test_it_is_tried_and_goes_back(bundle: Path) -> None:
    assert trial(bundle, steps=4).rewind_difference == 0.0


def test_it_cannot_go_along_with_a_player(plain: Path) -> None:
    settings = Settings(mode=Mode.ACCOMPANY)
    asked = request(0, 0, 1, heard=(note(0, 60, 0, 1.0),), player=(0,), settings=settings)
    with pytest.raises(BundleError, match="cannot go along with a player"):
        plan(player(plain), asked)


@pytest.mark.parametrize(
    "kind, role", [("latent", "decoder"), ("latent", "encoder"), ("codes", "prior")]
)
def test_what_is_no_number_is_refused_or_holds(tmp_path: Path, kind: str, role: str) -> None:
    """Whatever a graph gives, the music goes on: a rest, or what sounds, and a sentence."""
    recipe = replace(KINDS[kind], poison=role)
    folder = write_block_bundle(tmp_path / "bad", recipe)
    try:
        generator = player(folder)
    except BundleError as error:
        assert "finite" in str(error)
        return
    heard(generator, 1, 0, set_to())
    steps = two_bars(generator, 8, set_to())
    assert len(steps) == 32
    assert all(len(step.voices) == 4 for step in steps)
    if role != "prior":  # what cannot be weighed is drawn as the lowest entry
        assert generator.faults
        assert not any(step.served for step in steps)


def test_graphs_that_are_missing_or_too_many_are_named(tmp_path: Path) -> None:
    folder = write_block_bundle(tmp_path / "codes", KINDS["codes"])
    text = (folder / "manifest.toml").read_text()
    begin = text.index('[[graph]]\nrole = "prior"')
    end = text.index("[[input]]")
    (folder / "manifest.toml").write_text(text[:begin] + text[end:])
    with pytest.raises(BundleError, match="no graph of role 'prior'"):
        open_model(check(folder))
    folder = write_block_bundle(tmp_path / "latent", PLAIN)
    text = (folder / "manifest.toml").read_text().replace('role = "encoder"', 'role = "prior"')
    (folder / "manifest.toml").write_text(text)
    with pytest.raises(BundleError, match="has no use for"):
        open_model(check(folder))


def test_a_graph_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = write_block_bundle(tmp_path / "b", PLAIN)
    text = (folder / "manifest.toml").read_text()
    (folder / "manifest.toml").write_text(
        text.replace("steps = 32", "steps = 48").replace("[1, 32, 4, 48]", "[1, 48, 4, 48]")
    )
    with pytest.raises(BundleError, match="the graph's"):
        open_model(check(folder))


def test_a_model_of_the_grid_may_stand_in_for_it(plain: Path, tmp_path: Path) -> None:
    smaller = open_model(check(write_bundle(tmp_path / "grid")))
    model = open_model(check(plain))
    assert isinstance(player_of(model, lambda: smaller), BlocksGenerator)
    other = BlocksGenerator(model, lambda: model)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="another grammar"):
        assert other._open_smaller is not None
        other._open_smaller()


# ---- the parts


def test_phrases_are_stretches_that_others_played() -> None:
    phrases = Phrases()
    for step in (0, 1, 2, 3, 4):
        phrases.tell(step, [Sounding(0, 60 + step, True, 80)])
    phrases.tell(8, [Sounding(0, 60, True, 80)])  # a correction of one sixteenth is no phrase
    for step in range(16, 22):
        phrases.tell(step, [Sounding(3, 48, step % 2 == 0, 80)])
    last, before = phrases.last_two()
    assert (last, before) == (
        Phrase(16, ((48, 48, 48, 14), (48, 48, 48, HOLD)) * 3),
        Phrase(0, tuple((token_of(60 + s), UNKNOWN, UNKNOWN, UNKNOWN) for s in range(5))),
    )
    phrases.forget(18)
    assert phrases.last_two() == (before, None)
    phrases.clear()
    assert phrases.last_two() == (None, None)


def test_the_blocks_of_a_phrase_come_round() -> None:
    rows = ((REST,) * 4,) * 40  # sixteenths 8…47: of three blocks the first is half there
    told = Phrase(8, rows)
    assert [told.number(n, 16) for n in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert Phrase(12, rows).number(9, 16) in (1, 2, 3)
    assert Phrase(0, rows[:4]).number(5, 16) == 0


def test_what_is_held_into_a_block_is_struck_there() -> None:
    rows = ((20, REST, UNKNOWN, 9), (HOLD, REST, UNKNOWN, HOLD)) * 2
    told = Phrase(15, rows)
    block = told.block(1, 16, 20)
    assert block[0].tolist() == [20, REST, UNKNOWN, 9]
    assert block[1].tolist() == [20, REST, UNKNOWN, 9]
    assert block[2].tolist() == [HOLD, REST, UNKNOWN, HOLD]
    assert (block[3:] == UNKNOWN).all()
    assert tokens_of([(HOLD,) * 4], 1).tolist() == [[UNKNOWN] * 4]


def test_an_arc_keeps_its_ends_and_its_length() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 64)).astype(np.float32)
    assert np.allclose(latent.between(one, other, 0.0), one, atol=1e-5)
    assert np.allclose(latent.between(one, other, 1.0), other, atol=1e-5)
    middle = latent.between(one, other, 0.5)
    wanted = (np.linalg.norm(one) + np.linalg.norm(other)) / 2
    assert np.linalg.norm(middle) == pytest.approx(wanted, rel=1e-5)
    assert np.allclose(latent.between(one, one, 0.3), one, atol=1e-5)
    assert np.allclose(latent.between(one, 0 * one, 0.5), one / 2, atol=1e-6)
    assert np.isfinite(latent.between(one, -one, 0.5)).all()


def test_chance_is_normal_and_always_the_same() -> None:
    found = np.concatenate([latent.normal(96, 1, number, 7) for number in range(100)])
    assert abs(found.mean()) < 0.05
    assert found.std() == pytest.approx(1.0, abs=0.03)
    assert (latent.normal(5, 1, 2, 3) == latent.normal(5, 1, 2, 3)).all()
    assert not (latent.normal(5, 1, 2, 3) == latent.normal(5, 1, 2, 4)).any()


def test_two_voices_do_not_take_the_same_key(tmp_path: Path) -> None:
    recipe = BlockRecipe(roll=True, hears=False)
    generator = player(write_block_bundle(tmp_path / "roll", recipe))
    steps = two_bars(generator, 0, set_to(variation=1.0))
    for step in steps:
        pitches = [s.pitch for s in step.voices if s.pitch is not None]
        assert pitches == sorted(pitches, reverse=True)
    assert len({s.pitch for s in steps[0].voices}) > 1


def test_a_model_says_what_it_is(plain: Path) -> None:
    model = open_model(check(plain))
    assert isinstance(model, BlockModel)
    assert (model.spec.kind, model.spec.steps, model.hears) == (Kind.LATENT, 32, True)
