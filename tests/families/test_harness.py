"""The harness: intervals, votes, and a comparison of real bundles down to the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from math import exp, log
from pathlib import Path
from typing import cast

import jsonschema
import numpy as np
import pytest
import torch
from ripieno.errors import RipienoError
from ripieno.inference.bundle import check
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno_models import export_frames
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.dataset import whole
from ripieno_models.families.conv_lstm import ConvLstm, Options
from ripieno_models.harness import compare, page, spread, votes
from ripieno_models.harness.intervals import bootstrap, mean, share
from ripieno_models.harness.written import Writer, answers, draw
from ripieno_models.likelihood import likelihood
from ripieno_models.piece import Split

from tests.engine.bundles import write_bundle
from tests.models.material import few, small_corpus

SCHEMA = Path(compare.__file__).with_name("results.schema.json")


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    hits = 0
    for number in range(120):
        told = bootstrap(random.normal(3.0, 1.0, size=40).tolist(), mean, seed=number)
        assert told.low <= told.value <= told.high
        hits += told.low <= 3.0 <= told.high
    assert 105 <= hits <= 120


def test_an_interval_narrows_with_more_pieces_and_is_the_same_again() -> None:
    random = np.random.default_rng(1)
    few_of, many = random.random(10).tolist(), random.random(200).tolist()
    wide, narrow = bootstrap(few_of, mean), bootstrap(many, mean)
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)
    assert bootstrap(few_of, mean) == wide
    with pytest.raises(ValueError, match="no items"):
        bootstrap([], mean)


def test_wilsons_interval_by_the_book() -> None:
    told = share(8, 10)
    assert (told.value, told.low, told.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert share(0, 5).low == 0.0
    assert share(5, 5).high == 1.0
    with pytest.raises(ValueError, match="is no share"):
        share(3, 2)


def test_divergence_and_overlap_by_hand() -> None:
    one, other = spread.Count({"a": 1, "b": 1}), spread.Count({"a": 2})
    # with half a count added: (1/2, 1/2) from (5/6, 1/6)
    assert spread.divergence(one, other) == pytest.approx(0.5 * log(3 / 5) + 0.5 * log(3))
    assert spread.divergence(one, one) == 0.0
    assert spread.overlap(one, other) == pytest.approx(0.5)
    assert spread.overlap(one, spread.Count({"c": 4})) == 0.0


VOTES = [
    {"first": "b", "second": "a", "form": 0, "preferred": "a"},
    {"first": "a", "second": "b", "form": 1, "preferred": "a"},
    {"first": "a", "second": "b", "form": 2, "preferred": "b"},
    {"first": "a", "second": "b", "form": 2, "preferred": None},
    {"first": "c", "second": "a", "form": 0, "preferred": None},
]


def test_votes_become_preferences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "votes.json"
    path.write_text(json.dumps({"votes": VOTES}))
    first, second = votes.preferences(votes.read(path))
    assert (first.one, first.other, first.votes, first.even) == ("a", "b", 3, 1)
    assert first.share == share(2, 3)
    assert second.share is None
    assert main(["votes", str(path)]) == 0
    assert "a over b: 67% (21%–94%, 3 votes, 1 even)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"votes": [{"first": "a", "second": "b", "preferred": "c"}]}',
     '{"votes": [{"first": "a"}]}'],
)  # fmt: skip
def test_what_are_no_votes_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "votes.json"
    path.write_text(text)
    with pytest.raises(RipienoError, match="these are no votes"):
        votes.read(path)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here to run the page's script")
def test_the_pages_script_counts_as_the_trainer_does() -> None:
    script = f"""
        const page = require({json.dumps(str(page.SCRIPT))});
        const clips = [];
        for (const model of ["x", "y", "z"]) for (const form of [0, 1]) clips.push({{model, form}});
        let chance = 0.1;
        const pairs = page.pairs(clips, () => (chance = (chance * 7.3) % 1));
        console.log(JSON.stringify({{
            share: page.share(8, 10), none: page.share(0, 0),
            tally: page.tally({json.dumps(VOTES)}), pairs,
        }}));
    """
    ran = subprocess.run(["node", "-e", script], capture_output=True, check=True)
    told = json.loads(ran.stdout)
    right = share(8, 10)
    assert told["share"] == pytest.approx(
        {"value": right.value, "low": right.low, "high": right.high}
    )
    assert told["none"] is None
    assert told["tally"] == [
        {"one": "a", "other": "b", "won": 2, "lost": 1, "even": 1},
        {"one": "a", "other": "c", "won": 0, "lost": 0, "even": 1},
    ]
    heard = [tuple(sorted(clip["model"] for clip in pair)) for pair in told["pairs"]]
    assert sorted(heard) == sorted([("x", "y"), ("x", "z"), ("y", "z")] * 2)
    assert all(one["form"] == other["form"] for one, other in told["pairs"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle: small, and fast."""
    return write_bundle(tmp_path_factory.mktemp("bundle") / "test-lstm")


def test_likelihood_is_that_of_the_trainer(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = ConvLstm(Options(window=4, hidden=8))
    export_frames.write_graph(model, tmp_path / "model.onnx")
    writer = Writer(cast(Model, export_frames.OnnxFrames(tmp_path / "model.onnx")))
    piece = few(Split.VALID, 1)[0]
    assert writer.nll(piece) == pytest.approx(
        likelihood(model.eval(), whole([piece])).nll, abs=1e-4
    )
    assert writer.decisions == 4 * len(piece)


def test_chance_alone_decides_a_draw() -> None:
    logits = np.full(48, -50.0, np.float32)
    logits[[5, 9]] = log(1 / 4), log(3 / 4)
    assert [draw(logits, True, chance) for chance in (0.01, 0.2, 0.26, 0.99)] == [5, 5, 9, 9]
    logits[0] = 10.0
    assert draw(logits, True, 0.5) == 0
    assert draw(logits, False, 0.5) == 9, "nothing sounds that could be held"


def test_answers_begin_after_the_opening_and_share_their_chances(bundle: Path) -> None:
    writer = Writer(open_model(check(bundle)))
    forms = few(Split.VALID, 2)
    told = answers(writer, forms, seed=1, opening=16)
    assert [len(piece) for piece in told] == [len(forms[0]) - 16] * 2
    again = answers(writer, forms, seed=1, opening=16)
    assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(told, again, strict=True))


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_comparison_down_to_the_page(bundle: Path, tmp_path: Path) -> None:
    corpus = small_corpus()
    results, written = compare.compare([bundle], corpus, Split.VALID, pieces=2, seed=1)
    jsonschema.validate(json.loads(json.dumps(results)), json.loads(SCHEMA.read_text()))
    real, model = results["rows"]
    assert real["name"] == compare.REAL
    assert "nll" not in real
    assert real["spreads"]["chords"]["divergence"]["value"] == 0.0
    assert real["spreads"]["pitches"]["overlap"]["value"] == pytest.approx(1.0)
    assert not any(failure["shown"] for failure in real["failures"])
    assert model["perplexity"] == pytest.approx(exp(model["nll"]["value"]))
    assert model["spreads"]["chords"]["overlap"]["value"] < 0.7
    assert list(compare.flagged(results)), "chance fails somewhere"
    assert [len(p) for p in written[model["name"]]] == [len(p) for p in corpus.of(Split.VALID)]

    path = tmp_path / "report.html"
    page.write(results, written, path)
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    names = [tag for tag, _ in tags.tags]
    assert names.count("svg") == 1 + len(written)
    players = [attributes for tag, attributes in tags.tags if tag == "audio"]
    assert len(players) == 2 + 2 * len(written)
    assert all((p.get("src") or "data:").startswith("data:") for p in players)
    assert not re.search(r"(?:src|href)=[\"']?https?:", text), "the page needs nothing else"
    assert text.count("data:audio/ogg;base64,") == 2 * 2 * len(written)


def test_compare_on_the_command_line(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "compared"
    phrases = tmp_path / "phrases"
    phrases.mkdir()
    for number in range(40):  # enough names that some fall into the validation part
        lines = "\n".join(f"{60 + number % 12 + i % 3} 55 52 40" for i in range(64))
        (phrases / f"piece-{number}.txt").write_text(lines)
    words = ["compare", str(bundle), "--data", str(phrases), "--out", str(out), "--pieces", "2"]
    assert main([*words, "--no-sound"]) == 0
    assert {path.name for path in out.iterdir()} == {"results.json"}
    jsonschema.validate(json.loads((out / "results.json").read_text()),
                        json.loads(SCHEMA.read_text()))  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare", "chorale-lstn"], "Did you mean 'chorale-lstm'?"),
        (["compare", "chorale-lstm", "--pieces", "1"], "pieces = 1 is out of range"),
        (["compare", "chorale-lstm", "--split", "train"], "there is no split 'train'"),
        (["compare", "chorale-lstm", "--data", "/nowhere"], "there is nothing to read"),
        (["votes", "/nowhere.json"], "these are no votes"),
    ],
)
def test_wrong_input_is_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == WRONG_INPUT
    assert sentence in capsys.readouterr().err
