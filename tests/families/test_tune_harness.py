"""The harness on tunes: what is counted, what fails, a comparison of real bundles, the page."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from math import exp
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from ripieno.errors import RipienoError, SettingError
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models import comparison, family_results
from ripieno_models.families.folk_transformer import KIND
from ripieno_models.families.remi_lstm import KIND as LOUD
from ripieno_models.harness import commands, compare, page, tune_counts
from ripieno_models.harness.failures import OF_A_TUNE, tune_failures
from ripieno_models.harness.tune_written import OPENING, TuneWriter, drawn, excerpt
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, write
from ripieno_models.tokens.dataset import framed
from ripieno_models.tokens.export import vocabulary
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.shifts import Shifts
from ripieno_models.tokens.tune import MELODY, Note, Tune

from tests.engine.token_bundles import TokenRecipe, write_token_bundle
from tests.models.tunes import melody, write_folk

SCHEMA = json.loads(Path(compare.__file__).with_name("results.schema.json").read_text())
PLAIN = Scheme.of(KIND.low, KIND.high)
REAL = [replace(melody(seed, (4, 4), bars=12), split=Split.VALID) for seed in range(5)]


def tune(*notes: tuple[int, int, int]) -> Tune:
    """Of (onset, pitch, duration), in 4/4."""
    told = tuple(sorted(Note(onset, MELODY, pitch, length) for onset, pitch, length in notes))
    return Tune("made up", told, (4, 4), 0)


def bundle(place: Path, scheme: Scheme, seed: int = 1, **how: object) -> Path:
    known = vocabulary(scheme)
    recipe = TokenRecipe(scheme=known.scheme, seed=seed, **how)  # type: ignore[arg-type]
    return write_token_bundle(place, known, recipe)


WALK = tune(*((4 * n, 60 + n % 7, 4) for n in range(32)))
SHOWN = {
    "silence collapse": tune((0, 60, 4), (4, 62, 4), (160, 64, 1)),
    "endless loop": tune(*((4 * n, (60, 64, 67)[n % 3], 4) for n in range(48))),
    "voices in unison": tune(*((4 * n, 60, 8) for n in range(16))),
    "notes of one step": tune(*((n, 60 + n * n % 11, 1) for n in range(64))),
    "out of range": tune(*((4 * n, 20 + n % 5, 4) for n in range(16))),
}


@pytest.mark.parametrize("name", SHOWN)
def test_each_failure_is_seen_in_a_tune_made_to_show_it(name: str) -> None:
    assert OF_A_TUNE[name](SHOWN[name])
    assert not any(shows(tune) for shows in OF_A_TUNE.values() for tune in (*REAL, WALK))


def test_answers_that_are_the_same_show_that_nothing_was_heard() -> None:
    same = tune_failures(REAL, [WALK, WALK, WALK])
    other = tune_failures(REAL, REAL)
    assert [failure.name for failure in same if failure.shown] == ["input ignored"]
    assert not any(failure.shown for failure in other)


def test_what_is_counted_by_hand() -> None:
    told = tune((0, 60, 4), (4, 62, 4), (8, 60, 4), (12, 62, 4), (16, 60, 2), (16, 64, 2))
    assert tune_counts.events(told)[-1] == (4, ((60, 2), (64, 2)))
    assert tune_counts.repetition(told, 2) == 0.0  # when it came is part of it
    assert tune_counts.unique(told, 4) == 1.0
    assert tune_counts.silence(told) == pytest.approx(14 / 16)
    assert tune_counts.loops(SHOWN["endless loop"]) == (15, 188)
    assert tune_counts.intervals(told) == {2: 3, -2: 1}
    assert tune_counts.chords(told) == {frozenset((0,)): 4, frozenset((0, 4)): 1}
    assert tune_counts.notes_per_quarter(told) == pytest.approx(6 / 8)
    assert tune_counts.alike(told, told) == 1.0
    assert tune_counts.alike(told, tune((0, 61, 4))) == 0.0


def test_a_token_is_drawn_by_its_probability() -> None:
    logits = np.log(np.array([0.5, 0.1, 0.3, 0.1], np.float32))
    told = [drawn(logits, [1, 2], chance) for chance in (0.0, 0.2, 0.3, 0.999)]
    assert told == [1, 1, 2, 2]


@pytest.mark.parametrize("scheme", [PLAIN, LOUD.scheme(), Shifts.of(48, 99)])
def test_the_writer_hears_what_the_trainer_tells(scheme: Scheme, tmp_path: Path) -> None:
    writer = TuneWriter(open_model(check(bundle(tmp_path / "a", scheme))))
    form = REAL[0]
    heard = writer.head(form) + writer.ids(form.notes, form)
    assert heard == framed(scheme.encode(form), form.fifths, scheme)[:-1]
    notes, nats = writer.nll(form)
    logits = [writer.feed(heard[:1]).copy(), *(writer.step(t).copy() for t in heard[1:-1])]
    shares = [np.exp(each - each.max()) / np.exp(each - each.max()).sum() for each in logits]
    head = len(writer.head(form))
    by_hand = -sum(np.log(shares[at - 1][heard[at]]) for at in range(head, len(heard)))
    assert (notes, notes * nats) == (len(form.notes), pytest.approx(by_hand, rel=1e-4))


@pytest.mark.parametrize("scheme", [PLAIN, Shifts.of(48, 99)])
def test_what_is_written_goes_on_and_ends_in_time(scheme: Scheme, tmp_path: Path) -> None:
    writer = TuneWriter(open_model(check(bundle(tmp_path / "a", scheme))))
    form = excerpt(REAL[1])
    one, again, other = (writer.write(form, seed) for seed in (1, 1, 2))
    assert one == again and one.notes != other.notes
    begin = OPENING * form.bar
    kept = [(n.onset, n.pitch) for n in form.notes if n.onset < begin]
    assert [(n.onset, n.pitch) for n in one.notes if n.onset < begin] == kept
    assert all(n.onset + n.duration <= 10 * form.bar for n in one.notes)
    assert all(a.onset + a.duration <= b.onset for a, b in pairwise(one.notes))


def test_bundles_are_compared_down_to_the_page(tmp_path: Path) -> None:
    folders = [bundle(tmp_path / name / "m", PLAIN, seed) for seed, name in enumerate("xy")]
    results, written = compare.compare_tunes(folders, REAL, "walks", Split.VALID, 3, 1)
    jsonschema.validate(results, SCHEMA)
    assert [row["name"] for row in results["rows"]] == [compare.REAL, "x", "y"]
    assert results["unit"] == "note"
    for row in results["rows"][1:]:
        assert row["perplexity"] == pytest.approx(exp(row["nll"]["value"]))
    assert results["rows"][0]["spreads"]["pitches"]["overlap"]["value"] == pytest.approx(1.0)
    page.write(results, {name: tunes[:1] for name, tunes in written.items()}, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    assert text.count('src="data:audio/ogg') == 3 and "nats per note" in text


def test_tunes_and_chorales_are_not_mixed(tmp_path: Path) -> None:
    folders = [bundle(tmp_path / "a", PLAIN), bundle(tmp_path / "b", PLAIN, use="piano")]
    with pytest.raises(SettingError, match="melody and piano have no pieces in common"):
        commands.kind_of(folders)
    assert commands.kind_of(folders[:1]).use == "melody"
    with pytest.raises(RipienoError, match="0 test pieces"):
        compare.compare_tunes(folders[:1], REAL, "walks", Split.TEST, 3, 1)


def test_its_corpus_is_read_in_the_form_that_is_measured(tmp_path: Path) -> None:
    tunes = write_folk(tmp_path, count=8)
    assert [t.name for t in KIND.measured(tmp_path)] == [t.name for t in tunes]


def run(place: Path, name: str, command: str, valid: float, seed: int = 1) -> Path:
    folder = place / name
    folder.mkdir(parents=True)
    record = {"family": "conv-lstm", "command": f"ripieno-models train conv-lstm {command}",
              "options": {"seed": seed}, "parameters": 7000, "minutes": 1.5}  # fmt: skip
    write(folder, RECORD, record)
    (folder / "curve.csv").write_text(f"step,valid_nll\n200,0.9\n400,{valid}\n")
    return folder


def test_runs_are_gathered_and_told(tmp_path: Path) -> None:
    kept = tmp_path / "results" / "families"
    steps = "--steps 400"
    folders = [
        run(tmp_path, "whole", steps, 0.70),
        run(tmp_path, "again", f"{steps} --seed 2", 0.72, seed=2),
        run(tmp_path, "blind", f"{steps} --no-fifths", 0.75),
        run(tmp_path, "small", f"{steps} --hidden 4", 0.9),
    ]
    family_results.gather(folders[:2], kept)
    family_results.gather(folders[2:], kept)
    folder = bundle(tmp_path / "x" / "m", PLAIN)
    results, _ = compare.compare_tunes([folder], REAL, "walks", Split.VALID, 2, 1)
    (tmp_path / "results.json").write_text(json.dumps(results))
    family_results.keep(tmp_path / "results.json", "melody", kept)
    (kept / family_results.FINDINGS).write_text("## Found\n\nNothing.\n")
    text = comparison.write_page(tmp_path / "results", tmp_path / "models.md").read_text()
    assert "| `blind` | 7,000 | 400 | 1.5 | 0.750 |" in text
    assert "| the circle of fifths | 1 | 0.750 | +0.050 |" in text
    assert "from 2 seeds: 0.700 to 0.720 nats" in text
    assert "## A line of notes" in text and "| `test-tokens` |" in text and "Nothing." in text
    with pytest.raises(RipienoError, match="there is no run here"):
        family_results.gather([tmp_path / "x"], kept)
