"""What each rule and each term of the note sampler is worth: pieces written without it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.inference import note_sampler
from ripieno.inference.bundle import check
from ripieno_models import note_tables
from ripieno_models.bundle_files import digest
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.corpora import Corpus
from ripieno_models.harness import without, without_page
from ripieno_models.harness.clips import beginning
from ripieno_models.piece import Piece, Split
from ripieno_models.played import regular

from tests.engine.bundles import Recipe, write_bundle
from tests.models.material import few

SCHEMA = Path(without.__file__).with_name("without.schema.json")
BARS = 2


@cache
def corpus() -> Corpus:
    """Some chorales, of which only a few bars are asked for."""
    valid = tuple(opening(piece) for piece in regular(few(Split.VALID, 8)))[:3]
    return Corpus("a few chorales", "public domain", few(Split.TRAIN, 3) + valid)


def opening(piece: Piece) -> Piece:
    steps = 4 * BARS * STEPS_PER_BEAT
    told = beginning(piece)
    return replace(
        told,
        tokens=told.tokens[:steps],
        place=told.place[:steps],
        bar_steps=told.bar_steps[:steps],
        fermata=told.fermata[:steps],
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle, which breaks every rule that it may, with a note sampler."""
    folder = write_bundle(tmp_path_factory.mktemp("bundle") / "test-lstm", Recipe(hold_bias=1.0))
    note_tables.write(
        corpus().of(Split.TRAIN), folder / note_sampler.FILE, (1.0, 4.0, 1.0, 1.0, 1.0)
    )
    told = f'\n[[file]]\nname = "{note_sampler.FILE}"\nsha256 = "{digest(folder / "tables.npz")}"\n'
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text() + told)
    check(folder)
    return folder


def test_each_rule_forbids_what_is_counted_without_it(bundle: Path) -> None:
    told = without.ablated(bundle, "constraints", corpus(), Split.VALID, 3, seed=1)
    jsonschema.validate(json.loads(json.dumps(told)), json.loads(SCHEMA.read_text()))
    rows = {row["name"]: row for row in told["rows"]}
    assert next(iter(rows)) == without.WHOLE
    assert len(rows) == len(without.OFF) + 3

    def counted(name: str, measure: str) -> float:
        return float(rows[name]["measures"][measure]["value"])

    for rule, measure in (
        ("parallels", "parallels"),
        ("crossing", "crossings"),
        ("voice_range", "outside_range"),
        ("spacing", "spacing"),
    ):
        whole, freed = (counted(name, measure) for name in (without.WHOLE, f"without {rule}"))
        assert freed > whole, rule
        apart = rows[f"without {rule}"]["differences"][measure]
        assert apart["value"] == pytest.approx(freed - whole), "of the means, as of the pieces"
    assert counted(without.WHOLE, "crossings") == 0
    assert counted("without all of them", "crossings") > 0
    assert counted("without largest_leap", "large_leaps") > 0
    assert counted("with key_lock", "outside_key") == 0 < counted(without.WHOLE, "outside_key")
    same = rows[without.WHOLE]["differences"].values()
    assert all((each["low"], each["high"]) == (0, 0) for each in same)


def test_a_term_that_is_off_chooses_no_more(bundle: Path) -> None:
    conditions = without.sampler(bundle)
    weights = note_sampler.load(bundle).weights
    names = [term.__name__ for term in note_sampler.TERMS]
    assert [c.name for c in conditions][1:6] == [f"without {name}" for name in names]
    for number, condition in enumerate(conditions[1:6]):
        with without.reweighed(bundle, condition.weights) as folder:
            found = note_sampler.load(check(folder).folder).weights
            assert found == tuple(0 if at == number else w for at, w in enumerate(weights))
            assert folder != bundle
    assert note_sampler.load(bundle).weights == weights, "the bundle itself is as it was"

    held = corpus().of(Split.VALID)[:2]
    whole, off = conditions[0], conditions[1 + names.index("frequency")]
    first, second, again = (without.written(bundle, c, held, seed=1) for c in (whole, off, whole))
    assert judged(first, bundle) > judged(second, bundle) + 30.0
    assert all(np.array_equal(a.tokens, b.tokens) for a, b in zip(first, again, strict=True))


def judged(pieces: list[Piece], bundle: Path) -> float:
    """What the tables say of the notes of some pieces, by how common each is; in nats."""
    tables = note_sampler.load(bundle)
    told = [
        tables.frequencies[note.voice][note.pitch] for piece in pieces for note in piece.notes()
    ]
    return sum(told)


def test_what_is_kept_becomes_a_table(bundle: Path, tmp_path: Path) -> None:
    words = ["ablate", str(bundle), "--constraints", "--pieces", "2", "--out", str(tmp_path)]
    phrases = tmp_path / "phrases"
    phrases.mkdir()
    for number in range(40):  # enough names that some fall into the validation part
        lines = "\n".join(f"{60 + number % 12 + i % 3} 55 52 40" for i in range(32))
        (phrases / f"piece-{number}.txt").write_text(lines)
    assert main([*words, "--data", str(phrases)]) == WRONG_INPUT, "they tell no key"
    told = without.ablated(bundle, "constraints", corpus(), Split.VALID, 2, seed=2)
    (tmp_path / "constraints-test-lstm.json").write_text(json.dumps(told))
    (part,) = without_page.sections(tmp_path)
    table = [line for line in part.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 1 + len(told["rows"])
    crossed = next(line for line in table if line.startswith("| without crossing "))
    assert "**" in crossed.split("|")[3]
    assert "**" not in next(line for line in table if line.startswith("| whole "))


def test_the_committed_tables_are_of_this_engine() -> None:
    """A rule or a term that was added is missing from what is told of them."""
    for path in without_page.FOLDER.glob("*-*.json"):
        told = json.loads(path.read_text())
        jsonschema.validate(told, json.loads(SCHEMA.read_text()))
        rows = {row["name"].removeprefix("without ") for row in told["rows"]}
        terms = {term.__name__ for term in note_sampler.TERMS}
        assert (terms if told["what"] == "sampler" else without.OFF.keys()) <= rows


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chorale-lstm", "--sampler"], "chorale-lstm has no note sampler"),
        (["folk-transformer", "--constraints"], "plays another grammar (tokens)"),
        (["chorale-lstn", "--constraints"], "Did you mean 'chorale-lstm'?"),
        (["chorale-lstm", "--constraints", "--pieces", "1"], "pieces = 1 is out of range"),
        (["chorale-lstm", "--constraints", "--split", "train"], "there is no split 'train'"),
        (["chorale-lstm", "--constraints", "--sampler"], "not allowed with"),
    ],
)
def test_wrong_input_is_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ablate", *words]) == WRONG_INPUT
    assert sentence in capsys.readouterr().err
