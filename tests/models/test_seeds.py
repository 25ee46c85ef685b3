"""Runs from several seeds: each as it is alone, and all as one that is a distribution too."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from ripieno.errors import RipienoError
from ripieno_models import comparison, seeds
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.dataset import unknown, whole
from ripieno_models.families.chorale_lstm import ChoraleLstm, legal
from ripieno_models.families.registry import family
from ripieno_models.features import decisions
from ripieno_models.likelihood import likelihood
from ripieno_models.piece import Split, without_onsets
from ripieno_models.runs import FIGURES, RECORD, TEMPERATURES, fit, read, write
from torch import Tensor, nn

from tests.models.material import few, small, small_corpus
from tests.models.test_transformer import options


def made(seed: int) -> ChoraleLstm:
    torch.manual_seed(seed)
    model = ChoraleLstm(small()).eval()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3)
    return model


class Mean(nn.Module):
    """The mean of what models say, as one model that is asked like any other."""

    def __init__(self, models: list[ChoraleLstm]) -> None:
        super().__init__()
        self.models = models

    def forward(self, features: Tensor) -> tuple[Tensor, None]:
        # HOLD is legal where the voice asked sounds: its interval to itself is then the unison.
        own = features[..., 16:20].gather(2, features[..., 2:3])[..., 0] > 0
        spreads = [legal(model(features)[0], own).softmax(2) for model in self.models]
        return torch.stack(spreads).mean(0).log(), None


@pytest.mark.parametrize("merged", [False, True])
def test_each_alone_is_what_it_was_and_together_they_are_one_model(merged: bool) -> None:
    models = [made(1), made(2), made(3)]
    pieces = few(Split.VALID, 2)
    batches = whole(pieces)
    if merged:
        batches = unknown(whole([without_onsets(piece) for piece in pieces]))
    *alone, one = seeds.together(models, batches, merged)
    right = [likelihood(model, batches, merged).nll for model in models]
    assert alone == pytest.approx(right, abs=1e-5)
    assert one == pytest.approx(likelihood(Mean(models), batches, merged).nll, abs=1e-5)
    assert one < sum(alone) / 3, "the mean of probabilities is above that of their logarithms"


def test_what_they_say_together_adds_up_to_one() -> None:
    (batch,) = whole(few(Split.VALID, 1))
    asked = decisions(batch.tokens, batch.order, batch.settings)
    with torch.inference_mode():
        spread = Mean([made(1), made(2)])(asked.features)[0]
    assert torch.allclose(spread.exp().sum(2), torch.ones(spread.shape[:2]), atol=1e-5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("runs")
    kind = family("chorale-transformer")
    folders = [place / str(seed) for seed in (1, 2)]
    for seed, folder in enumerate(folders, 1):
        told = options(seed=seed, steps=8, hymns=0.0)
        fit(kind, told, small_corpus(), folder, progress=False)
    return folders


def test_runs_are_told_side_by_side(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(seeds, "SHARED_DATA", tmp_path)
    with pytest.raises(RipienoError, match="not been measured on validation"):
        seeds.measure(runs, small_corpus(), test=True)
    told = seeds.measure(runs, small_corpus())
    assert list(told["runs"]) == ["1", "2"]
    assert all(TEMPERATURES in read(folder, RECORD) for folder in runs)
    one, other = (told["runs"][seed]["nll_valid_natural"] for seed in ("1", "2"))
    assert one != other
    assert told["together"]["nll_valid_natural"] < max(one, other)
    later = seeds.added(told, ["1", "2"], {"nll_test_natural": [3.0, 4.0, 3.25]})
    assert later["runs"]["2"] == {"nll_valid_natural": other, "nll_test_natural": 4.0}
    assert seeds.added(told, ["1", "3"], {"a": [1.0, 2.0, 3.0]})["together"] == {"a": 3.0}
    write(runs[0], FIGURES, {"nll_valid_natural": one})
    results, page = tmp_path / "results", tmp_path / "models.md"
    comparison.keep(runs[0], results)
    text = comparison.write_page(results, page).read_text()
    assert "| `chorale-transformer` | seed 1 | seed 2 | mean ± deviation | together |" in text
    deviation = abs(one - other) / math.sqrt(2)
    assert f"{(one + other) / 2:.4f} ± {deviation:.4f}" in text


def test_other_runs_are_refused(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RipienoError, match="have the seeds 1, 1"):
        seeds.measure([runs[0], runs[0]], small_corpus())
    with pytest.raises(RipienoError, match="runs of None, chorale-transformer"):
        seeds.measure([runs[0], tmp_path], small_corpus())
    assert main(["evaluate", "folk-lstm", "--with", str(runs[0])]) == WRONG_INPUT
    assert "side by side" in capsys.readouterr().err
