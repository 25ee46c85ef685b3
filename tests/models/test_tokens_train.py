"""Real, tiny runs of token families: they learn, go on, and become bundles that play."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models import cli
from ripieno_models.families import folk_lstm, folk_transformer
from ripieno_models.options import Training
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, read, write
from ripieno_models.tokens import runs
from ripieno_models.tokens.dataset import whole
from ripieno_models.tokens.evaluate import nats_per_note
from ripieno_models.train import CURVE, LAST

from tests.models.tunes import write_folk

SMALL = {
    "steps": 60,
    "steps_per_epoch": 20,
    "warmup": 4,
    "batch": 4,
    "crop": 96,
    "average": 0.5,
    "learning_rate": 0.01,
    "bf16": False,
}
TRANSFORMER = folk_transformer.Options(**SMALL, width=32, layers=2, heads=2, inner=48, context=128)  # type: ignore[arg-type]
LSTM = folk_lstm.Options(**SMALL, hidden=24, embedding=16, bpe=220)  # type: ignore[arg-type]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / CURVE).open(newline="") as lines:
        return list(csv.DictReader(lines))


def untrained(data: Path) -> float:
    """Nats per note of a model that has learned nothing."""
    pieces, scheme = runs.read_pieces(folk_transformer.KIND, TRANSFORMER, data)
    valid = [piece for piece in pieces if piece.split is Split.VALID]
    model = folk_transformer.KIND.build(TRANSFORMER, len(scheme)).eval()
    return nats_per_note(model, whole(valid, scheme, TRANSFORMER.crop))


class BreakOff(Callback):
    """Ctrl-C in the third epoch."""

    def on_train_batch_start(self, trainer: object, module: object, batch: object, at: int) -> None:
        if trainer.current_epoch == 2 and at == 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt


def broken_off(options: Training, data: Path, place: Path) -> tuple[Path, Path]:
    """The folders of a run of three epochs that went through, and of one that was broken off in the
    third."""
    kind, unbroken, broken = folk_transformer.KIND, place / "unbroken", place / "broken"
    runs.fit(kind, options, data, unbroken, progress=False)  # type: ignore[arg-type]
    first = runs.fit(kind, options, data, broken, progress=False, more=[BreakOff()])  # type: ignore[arg-type]
    assert first.interrupted
    assert len(rows(broken)) == 2
    return unbroken, broken


def alike(unbroken: Path, broken: Path) -> bool:
    """Whether two runs ended with the same curve and the same weights, to the last bit."""
    one, other = (
        runs.load(folk_transformer.KIND, folder, LAST)[0].state_dict()
        for folder in (unbroken, broken)
    )
    same = all(torch.equal(one[name], other[name]) for name in one)
    return same and rows(broken) == rows(unbroken)


def test_a_run_learns_and_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_folk(data)
    unbroken, broken = broken_off(TRANSFORMER, data, tmp_path)
    runs.fit(folk_transformer.KIND, TRANSFORMER, data, broken, resume=True, progress=False)
    curve = [float(row["valid_nll"]) for row in rows(unbroken)]
    assert len(curve) == 3
    assert curve[-1] < 0.7 * untrained(data)
    assert alike(unbroken, broken)


def test_a_run_goes_on_with_the_options_that_it_began_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two optimisers move the weights by one schedule; both go on with what they remember."""
    data = tmp_path / "data"
    write_folk(data)
    options = replace(TRANSFORMER, orthogonal=True, steps=15, steps_per_epoch=5)
    unbroken, broken = broken_off(options, data, tmp_path)
    began = read(broken, RECORD) | {"after": {"command": "as it was begun"}}
    write(broken, RECORD, began)
    words = ["train", "folk-transformer", "--data", str(data), "--out", str(broken)]
    assert cli.main([*words, "--resume", "--no-orthogonal", "--quiet"]) == cli.WRONG_INPUT
    assert "another size, family or optimiser" in capsys.readouterr().err
    write(broken, RECORD, began)
    assert cli.main([*words, "--resume", "--quiet"]) == 0
    assert alike(unbroken, broken)
    told = read(broken, RECORD)
    assert {**told, "minutes": 0.0} == began


@pytest.mark.parametrize(
    ("name", "options"), [("folk-transformer", TRANSFORMER), ("folk-lstm", LSTM)]
)
def test_a_run_becomes_a_bundle_that_the_engine_plays(
    name: str, options: Training, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, folder, zoo = tmp_path / "data", tmp_path / "run", tmp_path / "zoo"
    write_folk(data)
    kind = {"folk-transformer": folk_transformer.KIND, "folk-lstm": folk_lstm.KIND}[name]
    runs.fit(kind, options, data, folder, progress=False)  # type: ignore[arg-type]
    common = [name, "--out", str(folder), "--data", str(data)]
    assert cli.main(["export", *common, "--zoo", str(zoo)]) == cli.WRONG_INPUT
    assert "Run `ripieno-models evaluate` first" in capsys.readouterr().err
    assert cli.main(["evaluate", *common, "--test"]) == 0
    assert cli.main(["sample", *common, "--pieces", "3"]) == 0
    assert cli.main(["export", *common, "--zoo", str(zoo)]) == 0
    manifest = check(zoo / name)
    assert manifest.grammar == "tokens"
    told = dict(manifest.metrics)
    assert told["largest_logit_difference"] <= 1e-4
    assert abs(told["int8_loss_percent"]) <= 0.5
    assert {"nll_valid", "nll_valid_told", "nll_test", "floor_valid"} <= told.keys()
    with np.load(zoo / name / "reference.npz") as reference:
        tokens, logits = reference["tokens"].tolist(), reference["logits"]
    model = open_model(manifest, "auto")
    heard = np.stack([model.step((token,)).copy() for token in tokens])
    assert np.abs(heard - logits).max() < 0.1 * np.ptp(logits)
    card = (zoo / name / "CARD.md").read_text(encoding="utf-8")
    assert f"{told['nll_test']:.3f}" in card
    assert {path.name for path in (zoo / name).glob("sample*")} >= {"sample-1.mid", "samples.svg"}


def test_a_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_folk(tmp_path / "data")
    with pytest.raises(RipienoError, match="there is no run to go on with"):
        runs.fit(folk_transformer.KIND, TRANSFORMER, tmp_path / "data", tmp_path, resume=True)
    with pytest.raises(RipienoError, match="there are no weights here yet"):
        runs.load(folk_transformer.KIND, tmp_path)


def test_a_command_that_a_family_lacks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["judge", "folk-transformer"]) == cli.WRONG_INPUT
    assert "folk-transformer has no 'judge'" in capsys.readouterr().err
    assert cli.main(["train", "folk-lstm", "--heads", "2"]) == cli.WRONG_INPUT
    assert "folk-lstm has no option --heads" in capsys.readouterr().err
