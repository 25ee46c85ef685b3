"""The bench measures what it says: its readers of journals, its table, its torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ripieno.clock import Beats, Seconds
from ripieno.settings import Settings
from ripieno.takes.take import Header, NoteStarted, Source, Take

from tests import bench_live, bench_torch
from tests.bench_table import Findings, Row, Sample, Target, at_most, page, quantile
from tests.engine.bundles import write_bundle

HEADER = Header("none", "fp32", "none", "", Settings(), (0, 1, 2, 3), (0,) * 4, 4, 0, Seconds(0.0))


def note(source: Source, beat: float, at: float) -> NoteStarted:
    due = None if source is Source.PLAYER else Seconds(beat / 2)
    return NoteStarted(source, None, 0, 60, 80, Beats(beat), due, Seconds(at))


def journal(*notes: NoteStarted) -> Take:
    return Take("a test's", HEADER, notes, torn=False)


def test_a_quantile_is_a_measured_value() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert quantile(values, 0.5) == 3.0
    assert quantile(values, 0.99) == 5.0
    assert quantile([7.0], 0.99) == 7.0


def test_a_target_is_met_up_to_its_limit() -> None:
    assert at_most("aim", 10.0, 10.0).met
    assert not at_most("aim", 10.1, 10.0).met
    assert not at_most("aim", quantile([], 0.5), 10.0).met, "nothing was measured"


def test_the_page_holds_every_row_and_every_target() -> None:
    row = Row("title", Sample("ours", (1.0, 3.0)), Sample("theirs", (20.0,)), "a note")
    text = page([Findings((row,), (Target("aim", "far off", False),), ("a word",))], ["machine"])
    assert "| title: ours | 2 | 3 | 3 | theirs | 1 | 20 | 20 | a note |" in text
    assert "| aim | far off | **missed** |" in text
    assert "- a word" in text and "- machine" in text


def test_joining_ends_with_the_last_voice_of_the_same_step() -> None:
    played = journal(
        note(Source.PLAYER, 1.02, 10.000),
        note(Source.MODEL, 1.0, 10.003),
        note(Source.MODEL, 1.0, 10.004),
        note(Source.MODEL, 1.25, 10.120),  # the next step's, planned and not in answer to the note
        note(Source.PLAYER, 2.0, 10.500),
        note(Source.PLAYER, 2.5, 10.750),  # nobody joined the one before
        note(Source.MODEL, 2.5, 10.757),
    )
    assert bench_live._joined(played) == pytest.approx([0.004, 0.007])


def test_an_answer_begins_with_the_first_note_after_yours() -> None:
    last, first = note(Source.PLAYER, 3.0, 1.5), note(Source.MODEL, 4.0, 2.0)
    played = journal(note(Source.PLAYER, 2.0, 1.0), last, first, note(Source.MODEL, 4.0, 2.0))
    assert bench_live._first_notes(played) == [(last, first)]


def test_torch_plays_the_weights_of_the_graph(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the trainer is not installed")
    folder = write_bundle(tmp_path / "bundle")
    step, difference = bench_torch.torch_of(folder, "model.onnx")
    assert difference < 1e-4
    first, second = (np.array(step(seen)) for seen in bench_torch.features_of(4)[:2])
    assert np.abs(first - second).max() > 1e-3, "the inputs make a difference"
