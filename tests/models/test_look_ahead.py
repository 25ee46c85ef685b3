"""A voice known a beat ahead: branches say what the whole model says, and estimates the truth."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from ripieno.grammar.grid import (
    FEATURES,
    FIRST_PITCH,
    HOLD,
    REST,
    VOCABULARY,
    VOICES,
    Cursor,
    Setting,
)
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno_models import ahead_run, comparison, harmonise_ahead, look_ahead
from ripieno_models.branches import Branches, Heard
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.dataset import Batch, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.features import decisions
from ripieno_models.harmonise_ahead import Effort, Foresight, chosen
from ripieno_models.likelihood import harmonised, log_prob
from ripieno_models.look_ahead import foreseen, others_of, standing, worth
from ripieno_models.piece import Piece, Split
from ripieno_models.runs import JUDGEMENT, RECORD, write
from ripieno_models.tensor_cursor import Cursors

from tests.models.material import few
from tests.models.test_transformer import options

ZOO = Path(__file__).parents[2] / "models" / "zoo"
JUDGED = {"split": "test", "pieces": 1, "real": 1, "verdicts": {}, "real against real": {}}


@pytest.fixture(scope="module")
def model() -> ChoraleTransformer:
    """One that listens: what it says hangs on what it heard."""
    torch.manual_seed(5)
    made = ChoraleTransformer(options()).eval()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.25)
        made.voice.bias[HOLD] += 2.0
    return made


def short(steps: int = 24) -> Piece:
    """The beginning of a real chorale."""
    (piece,) = few(Split.VALID, 1)
    cut = {name: getattr(piece, name)[:steps] for name in ("tokens", "place", "bar_steps")}
    return replace(piece, fermata=piece.fermata[:steps], **cut)


def test_cursors_are_the_engines_cursor() -> None:
    random = np.random.default_rng(3)
    many, cursors = [Cursor() for _ in range(3)], Cursors.fresh(3)
    here = Setting(place=3, meter=1, key=9, cadence=5)
    settings = torch.tensor([[here.place, here.meter, here.key, here.cadence]] * 3)
    for _ in range(40):
        for voice in random.permutation(len(VOICES)).tolist():
            told = cursors.features(voice, settings)
            assert told.tolist() == [list(cursor.features(voice, here)) for cursor in many]
            tokens = []
            for cursor in many:
                lowest = HOLD if cursor.sounding[voice] >= FIRST_PITCH else REST
                token = int(random.integers(lowest, 6))
                cursor.decide(voice, token)
                tokens.append(token)
            cursors.decide(voice, torch.tensor(tokens))
        for cursor in many:
            cursor.next_step()
        cursors.next_step()
    assert told.shape == (3, len(FEATURES))


@pytest.mark.parametrize("given", [0, 3])
def test_branches_say_what_the_whole_model_says(model: ChoraleTransformer, given: int) -> None:
    (batch,) = whole([short()], batch=1)
    settings, tokens = batch.settings[0], batch.tokens[0]
    with torch.inference_mode():
        rows, right = asked_first(model, batch, given)
        heard = Heard(model.frame, rows)
        assert torch.allclose(heard.hidden, model.frame(rows[None])[0], atol=1e-5)
        starts = torch.tensor([0, 7, 15])
        branches = Branches(model, heard, starts, standing(batch, starts))
        for ahead in range(5):
            here = starts + ahead
            if ahead:
                told = branches.foretell(given, settings[here], tokens[here, given])
                assert told.tolist() == pytest.approx(right[here].tolist(), abs=1e-4)
            branches.write(tokens[here], [given, *others_of(given)])


def test_the_estimate_is_what_all_ways_to_go_on_add_up_to(model: ChoraleTransformer) -> None:
    given, step, piece = 0, 6, short(12)
    known = sorted({HOLD, *piece.tokens.flatten().tolist()})
    few_words = copy.deepcopy(model)
    with torch.no_grad():  # as few as can be counted through
        few_words.voice.bias.add_(torch.where(words(known), 0.0, -1e4))
    (batch,) = whole([piece], batch=1)
    settings, tokens = batch.settings[0], batch.tokens[0]
    every = torch.tensor(list(product(known, repeat=3)))
    starts = torch.full((len(every),), step - 1)
    with torch.inference_mode():
        rows, right = asked_first(few_words, batch, given)
        heard = Heard(few_words.frame, rows)
        branches = Branches(few_words, heard, starts, standing(batch, starts))
        branches.cursors.decide(given, tokens[starts, given])
        chance = torch.zeros(len(every))
        for column, voice in enumerate(others_of(given)):
            spread = branches.chances(voice, settings[starts])
            chance = chance + spread.gather(1, every[:, column : column + 1])[:, 0]
            branches.cursors.decide(voice, every[:, column])
        branches.cursors.next_step()
        told = branches.foretell(given, settings[starts + 1], tokens[starts + 1, given])
    assert float(chance.exp().sum()) == pytest.approx(1, abs=1e-3), "all ways, and each once"
    likely = float((chance + told).exp().sum())
    random = torch.Generator().manual_seed(1)
    gain, half = worth(few_words, piece, given, torch.tensor([step]), 2000, random, ahead=1)
    assert float(gain) == pytest.approx(float(right[step]) - math.log(likely), abs=0.04)
    assert float(half) == pytest.approx(float(gain), abs=0.05)
    assert abs(float(gain)) > 0.1, "it matters what the others did"


def words(known: list[int]) -> torch.Tensor:
    return torch.isin(torch.arange(VOCABULARY), torch.tensor(known))


def asked_first(
    model: ChoraleTransformer, batch: Batch, given: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The features of each sixteenth's first decision, and how likely the whole model finds it."""
    steps = batch.tokens.shape[1]
    order = torch.tensor([given, *others_of(given)]).expand_as(batch.order)
    asked = decisions(batch.tokens, order, batch.settings)
    right = log_prob(model(asked.features)[0], asked)[0].view(steps, 4)[:, 0]
    return asked.features[0].view(steps, 4, -1)[:, 0], right


def test_the_two_ways_to_share_out_a_piece_cost_the_same_where_nobody_listens() -> None:
    torch.manual_seed(2)
    deaf = ChoraleTransformer(options()).eval()
    with torch.no_grad():
        for weight in deaf.parameters():
            weight.zero_()
    told = foreseen(deaf, [short(), short(16)], 1, looked=40, draws=4)
    assert told.looked == 40
    assert told.ahead == pytest.approx(told.live, abs=1e-6)
    assert told.live == pytest.approx(harmonised(deaf, [short(), short(16)], 1))
    assert told.error == pytest.approx(0, abs=1e-6)


def test_what_is_known_ahead_is_the_given_voice_for_a_beat(model: ChoraleTransformer) -> None:
    piece, given, far = short(16), 0, 12
    tokens = piece.tokens.copy()
    tokens[far, given] = FIRST_PITCH + (1 if tokens[far, given] == FIRST_PITCH else 0)
    chords = [tuple(piece.tokens[step].tolist()) for step in range(far)]
    for step in (far - look_ahead.BEAT - 1, far - look_ahead.BEAT):
        one, other = (
            walked(model, made, given, chords[:step]).weigh([chords[step]])
            for made in (piece, replace(piece, tokens=tokens))
        )
        assert torch.equal(one, other) == (step + look_ahead.BEAT < far)
    lower = tuple(max(FIRST_PITCH, token - 1) for token in chords[0][1:])
    told = walked(model, piece, given, []).weigh([chords[0], (chords[0][0], *lower)])
    assert told[0] != told[1], "what is done now matters for what comes"


def walked(
    model: ChoraleTransformer, piece: Piece, given: int, chords: list[tuple[int, ...]]
) -> Foresight:
    foresight = Foresight(model, piece, given, continuations=3, seed=4)
    for chord in chords:
        foresight.go_on(chord)
    return foresight


def test_a_choice_goes_by_weight_and_by_how_often_it_was_drawn() -> None:
    random = np.random.default_rng(0)
    one, other = (5, 4, 3, 2), (9, 8, 7, 6)
    counted = sum(
        chosen([one, other, other], lambda each: torch.tensor([0.0, 0.0]), random) == other
        for _ in range(600)
    )
    assert 350 < counted < 450
    heavy = torch.tensor([-800.0, -860.0])
    assert chosen([one, other], lambda each: heavy, random) == one
    assert chosen([one, one], lambda each: pytest.fail("nothing to weigh"), random) == one


def test_the_players_voice_stays_and_the_rules_are_kept(model: ChoraleTransformer) -> None:
    generator = Generator(open_model(check(ZOO / "chorale-lstm")))
    effort = Effort(2, draws=2, continuations=2)
    told = harmonise_ahead.judge(generator, model, [short(6)], effort, 1)
    for way in ("live", "ahead"):
        assert list(told[way]) == [*VOICES, "milliseconds"]
        assert all(told[way][voice]["crossings"] == 0 for voice in VOICES)
    piece = short(16)
    first, again = (
        harmonise_ahead.harmonised_ahead(generator, model, piece, 2, effort, seed=1)
        for _ in range(2)
    )
    assert (first.tokens[:, 2] == piece.tokens[:, 2]).all()
    assert (first.tokens == again.tokens).all()
    assert (first.sounding()[4:] > REST).mean() > 0.7


def test_what_is_found_is_told_on_the_page(model: ChoraleTransformer, tmp_path: Path) -> None:
    generator = Generator(open_model(check(ZOO / "chorale-lstm")))
    effort = Effort(1, draws=2, continuations=1)
    told = ahead_run.found(generator, model, [short(8)], 5, 3, effort, seed=1)
    assert told["pieces"] == 1 and told["likelihood"]["bass"]["looked"] == 3
    write(tmp_path, RECORD, {"family": "made", "parameters": 1, "options": {"seed": 1}})
    write(tmp_path, ahead_run.AHEAD, {"valid": {**told, "balanced": True}})
    write(tmp_path, JUDGEMENT, JUDGED)
    comparison.keep(tmp_path, tmp_path / "results")
    text = comparison.write_page(tmp_path / "results", tmp_path / "page.md").read_text()
    assert "### A beat ahead" in text and "balanced" not in text
    assert "Validation: faults in 1 pieces; likelihoods from 3 sixteenths." in text
    lines = [line for line in text.splitlines() if line.startswith("| nats per decision of the")]
    assert [line.count("|") for line in lines] == [6, 6]
    assert f"| {told['likelihood']['soprano']['live']:.4f} |" in lines[0]


def test_wrong_questions_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonise", "chorale-transformer", "--split", "train"]) == WRONG_INPUT
    assert "there is no split 'train'" in capsys.readouterr().err
    assert main(["harmonise", "chorale-transformer", "--sixteenths", "0"]) == WRONG_INPUT
    assert "sixteenths" in capsys.readouterr().err
