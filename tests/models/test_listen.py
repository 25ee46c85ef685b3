"""Listening while it learns: samples are there, they sound, and they change nothing."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import pytest
import torch
from ripieno.midi.midifile import read_score
from ripieno_models import corpora, listen, runs
from ripieno_models.families.registry import family
from ripieno_models.listen import STEPS, Hearing, Listen, grid_writer, piece_from
from ripieno_models.piece import Split
from ripieno_models.train_keeping import CURVE

from tests.models.lines import write_texts
from tests.models.material import small


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVE).open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_sample_after_each_validation_and_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_texts(tmp_path / "data")
    corpus = corpora.find(tmp_path / "data")
    kind, options = family("chorale-lstm"), small(steps=16)
    runs.fit(kind, options, corpus, tmp_path / "alone", progress=False)
    # There is no sound device for a test: what is asked of one is what a machine without says.
    monkeypatch.setattr(listen, "audio_devices", lambda: ())
    heard = Listen(tmp_path / "heard", grid_writer(lambda: corpus.of(Split.VALID)))
    runs.fit(kind, options, corpus, tmp_path / "heard", progress=False, more=[heard])
    assert rows(tmp_path / "heard") == rows(tmp_path / "alone")
    told = capsys.readouterr().out
    for step in (8, 16):
        score = tmp_path / "heard" / "listen" / f"step-{step:06}.mid"
        assert read_score(score).parts
        sound = score.with_suffix(".wav")
        assert f"No sound device: listen to {sound}" in told
        with wave.open(str(sound)) as file:
            assert file.getnframes() > file.getframerate()
            assert any(file.readframes(file.getnframes()))


@pytest.mark.parametrize("name", ["chorale-lstm", "chorale-transformer", "conv-lstm"])
def test_what_is_heard_step_by_step_is_what_the_whole_says(name: str, tmp_path: Path) -> None:
    write_texts(tmp_path, train=1, valid=0)
    (form,) = corpora.find(tmp_path).pieces
    kind = family(name)
    torch.manual_seed(1)
    model = kind.build(kind.options()).eval()
    seen: list[list[int]] = []
    told: list[torch.Tensor] = []
    call = Hearing.__call__

    def watch(self: Hearing, features: list[int]) -> object:
        logits = call(self, features)
        seen.append(list(features))
        told.append(torch.from_numpy(logits))
        return logits

    Hearing.__call__ = watch  # type: ignore[method-assign, assignment]
    try:
        piece = piece_from(model, form, steps=8)
    finally:
        Hearing.__call__ = call  # type: ignore[method-assign]
    assert len(piece) == 8
    assert piece.place.tolist() == form.place[:8].tolist()
    with torch.inference_mode():
        whole = model(torch.tensor([seen]))[0][0]
    assert len(told) == len(whole) == 32
    assert torch.allclose(torch.stack(told), whole, atol=1e-4)


def test_a_piece_that_is_too_short_gives_the_form_all_the_same(tmp_path: Path) -> None:
    write_texts(tmp_path, train=1, valid=0)
    (form,) = corpora.find(tmp_path).pieces
    assert len(form) < STEPS
    model = family("chorale-lstm").build(small())
    grid_writer(lambda: [form])(model, tmp_path / "short.mid")
    assert read_score(tmp_path / "short.mid").parts


def test_what_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_texts(tmp_path / "data")
    corpus = corpora.find(tmp_path / "data")
    folder = tmp_path / "run"
    blocked = Listen(folder, grid_writer(lambda: list(corpus.pieces)))
    folder.mkdir()
    (folder / "listen").write_text("in the way")
    options = small(steps=8)
    trainer = runs.fit(
        family("chorale-lstm"), options, corpus, folder, progress=False, more=[blocked]
    )
    assert not trainer.interrupted
    assert "There is nothing to listen to" in capsys.readouterr().out
