"""A real, tiny run: it learns, and a broken-off run goes on as if it had not been."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError
from ripieno_models import runs
from ripieno_models.corpora import Corpus
from ripieno_models.dataset import UNKNOWN
from ripieno_models.families.registry import family
from ripieno_models.options import Training
from ripieno_models.piece import Split, without_onsets
from ripieno_models.report import GRID
from ripieno_models.train import CURVE, LAST, rate, trainer_for, watched

from tests.models.material import few, small, small_corpus


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVE).open(newline="") as lines:
        return list(csv.DictReader(lines))


class BreakOff(Callback):
    """Ctrl-C in the third epoch."""

    def on_train_batch_start(self, trainer: object, module: object, batch: object, at: int) -> None:
        if trainer.current_epoch == 2 and at == 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt


def test_a_run_learns_and_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, options = family("chorale-lstm"), small()
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    runs.fit(kind, options, small_corpus(), whole, progress=False)
    curve = rows(whole)
    assert [int(row["step"]) for row in curve] == [8, 16, 24]
    losses = [float(row["valid_nll"]) for row in curve]
    assert losses[-1] < 0.6 * losses[0]

    make = trainer_for

    def breaking(options: Training, folder: Path, progress: bool, **how: Any) -> Trainer:
        trainer = make(options, folder, progress, **how)
        trainer.callbacks.append(BreakOff())  # type: ignore[attr-defined]
        return trainer

    monkeypatch.setattr(runs, "trainer_for", breaking)
    assert runs.fit(kind, options, small_corpus(), broken, progress=False).interrupted
    monkeypatch.undo()
    assert len(rows(broken)) == 2
    model, _ = runs.load(broken, LAST)
    assert all(torch.isfinite(weight).all() for weight in model.parameters())

    runs.fit(kind, options, small_corpus(), broken, resume=True, progress=False)
    assert rows(broken) == curve
    first, second = runs.load(whole, LAST)[0], runs.load(broken, LAST)[0]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    curves = GRID.draw
    assert curves(whole).read_text().startswith("<?xml")
    assert curves(whole).stat().st_size < 150_000


def test_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    corpus = Corpus("one piece", "public domain", few(Split.TRAIN, 1))
    with pytest.raises(RipienoError, match="0 to validate on"):
        runs.fit(family("chorale-lstm"), small(), corpus, tmp_path, progress=False)


def test_nothing_to_go_on_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RipienoError, match="no run to go on with"):
        runs.fit(
            family("chorale-lstm"), small(), small_corpus(), tmp_path, resume=True, progress=False
        )


def test_the_step_size_rises_then_falls() -> None:
    options = Training(steps=100, warmup=10, last_rate=0.1)
    shares = [rate(step, options) for step in range(101)]
    assert shares[0] == 0.1
    assert shares[10] == 1.0
    assert shares[1:11] == sorted(shares[1:11])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[100] == pytest.approx(0.1)


def test_validation_sees_what_training_sees() -> None:
    pieces = few(Split.TRAIN, 3)
    told, redrawn = watched(pieces, Training())
    assert not torch.equal(told[0].order, redrawn[0].order)
    assert not (told[0].settings == torch.tensor(UNKNOWN)).all()
    blind, again = watched(pieces, Training(hide_all=1.0, hide_onsets=1.0, natural_order=1.0))
    assert torch.equal(blind[0].order, again[0].order)
    assert (blind[0].settings == torch.tensor(UNKNOWN)).all()
    held = torch.from_numpy(without_onsets(max(pieces, key=len)).tokens)
    assert torch.equal(blind[0].tokens[0], held)
