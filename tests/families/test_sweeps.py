"""Sweeps find what is better, ablations run each part's absence once, and both go on."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from ripieno.errors import SettingError
from ripieno_models import sweeps
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.families.conv_lstm import Options
from ripieno_models.families.registry import FAMILIES, family
from ripieno_models.options import Training

from tests.models.material import small_corpus


def test_a_sweep_finds_the_better_half(tmp_path: Path) -> None:
    """A bowl stands for the runs: what is tested is how values are chosen and kept."""
    seen: list[Training] = []

    def bowl(options: Training, folder: Path) -> float:
        assert isinstance(options, Options)
        seen.append(options)
        return (options.hidden - 64) ** 2 / 1000 + (options.dropout - 0.2) ** 2

    space = [sweeps.Range("hidden", 4, 256, True), sweeps.Range("dropout", 0.0, 0.6, False)]
    found = sweeps.sweep(Options(), space, 24, tmp_path / "a", "", bowl)
    assert len(found) == len(seen) == 24
    assert [trial.nll for trial in found] == sorted(trial.nll for trial in found)
    assert all(4 <= one.hidden <= 256 and 0 <= one.dropout <= 0.6 for one in seen)  # type: ignore[attr-defined]
    assert found[0].nll < 0.5
    more = sweeps.sweep(Options(), space, 3, tmp_path / "a", "", bowl)
    assert len(more) == 27, "it goes on with what is there"


def test_an_ablation_runs_each_part_once_for_each_seed(tmp_path: Path) -> None:
    ran: list[tuple[str, int]] = []

    def fit(options: Training, folder: Path) -> float:
        off = [
            item.name
            for item in fields(options)
            if isinstance(item.default, bool) and getattr(options, item.name) is not item.default
        ]
        assert len(off) <= 1
        ran.append((off[0] if off else sweeps.WHOLE, options.seed))
        return 0.5 + 0.1 * len(off)

    names = ["fifths", "see_place"]
    for _ in range(2):
        found = sweeps.ablate(Options(), names, 2, tmp_path / "a", "", fit)
    assert sorted(ran) == sorted((name, s) for name in [*names, sweeps.WHOLE] for s in (1, 2))
    assert [trial.nll for trial in found] == pytest.approx([0.5] * 2 + [0.6] * 4)


def test_ridge_is_ablated_for_real(tmp_path: Path) -> None:
    """What the voices have just decided matters more than the seed of the crops."""
    kind = family("ridge")
    fit = sweeps.fitter(kind, small_corpus(), progress=False)
    options = kind.options(**{"window": 4})  # type: ignore[arg-type]
    found = sweeps.ablate(options, ["see_decided"], 1, tmp_path / "r", "", fit)
    by_name = {dict(trial.changed)["without"]: trial.nll for trial in found}
    assert by_name[sweeps.WHOLE] < by_name["see_decided"] - 0.002
    assert (tmp_path / "r" / "without-see_decided-1" / "run.json").exists()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_something_to_sweep(name: str) -> None:
    kind = family(name)
    for part in sweeps.ranges(kind, []):
        assert part.low < part.high
        low, high = (kind.options.__dataclass_fields__[part.name].metadata[k] for k in
                     ("low", "high"))  # fmt: skip
        assert low <= part.low
        assert part.high <= high


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("hiden=4:8", "Did you mean 'hidden'?"),
        ("hidden=4", "is no range"),
        ("hidden=4:8:exp", "is no range"),
        ("hidden=8:4", "is out of range"),
        ("hidden=0:8", "allowed: 2…4096"),
        ("fifths=0:1", "yes or no"),
    ],
)
def test_wrong_ranges_are_refused(word: str, sentence: str) -> None:
    with pytest.raises(SettingError) as refused:
        sweeps.ranges(family("conv-lstm"), [word])
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sweep", "conv-lstm", "--trials", "0"], "trials = 0 is out of range"),
        (["ablate", "conv-lstm", "--without", "fifth"], "Did you mean 'fifths'?"),
        (["ablate", "conv-lstm", "--seeds", "0"], "seeds = 0 is out of range"),
        (["sweep", "conv-lstn"], "Did you mean 'conv-lstm'?"),
        (["sweep", "conv-lstm", "--window", "0"], "out of range"),
    ],
)
def test_wrong_commands_are_sentences(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == WRONG_INPUT
    assert sentence in capsys.readouterr().err
