"""Every wrong flag, key and value is refused with a sentence, and exit code 2."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from ripieno.errors import SettingError
from ripieno_models.cli import WRONG_INPUT, main
from ripieno_models.families.chorale_lstm import Options
from ripieno_models.families.registry import FAMILIES, family
from ripieno_models.options import as_flags, chosen, from_toml


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "chorale-lstm", "--hiden", "3"], "Did you mean '--hidden'?"),
        (["train", "chorale-lstm", "--hidden", "3"], "8…4096 (memory cells per layer)"),
        (["train", "chorale-lstm", "--hidden", "many"], "invalid int value: 'many'"),
        (["train", "chorale-lstm", "--steps", "0"], "The nearest is 1."),
        (["train", "chorale-lstn"], "Did you mean 'chorale-lstm'?"),
        (["train", "chorale-lstm", "--data", "/nowhere"], "/nowhere: there is nothing to read"),
        (["train", "chorale-lstm", "--config", "/no.toml"], "/no.toml: there is no such file"),
        (["evaluate", "chorale-lstm", "--out", "/nowhere"], "there are no weights here yet"),
        (["export", "chorale-lstm", "--out", "/nowhere"], "there are no weights here yet"),
        (["report", "chorale-lstm", "--out", "/nowhere"], "there are no curves yet"),
        (["sample", "chorale-lstm", "--pieces", "0"], "pieces = 0 is out of range"),
        (["trian", "chorale-lstm"], "invalid choice"),
    ],
)
def test_wrong_input_is_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == WRONG_INPUT
    told = capsys.readouterr().err
    assert sentence in told
    assert told.startswith("ripieno-models: ")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hiden = 3", "unknown key 'hiden'. Did you mean 'hidden'?"),
        ("hidden = 3", "out of range"),
        ("hidden = '3'", "is no whole number"),
        ("dropout = true", "is no number"),
        ("bf16 = 1", "is no yes or no"),
        ("hidden = ", "cannot be read as TOML"),
    ],
)
def test_wrong_keys_are_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as refused:
        chosen(Options, path, {})
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_shipped_config_names_every_option(name: str) -> None:
    its = family(name)
    table = from_toml(its.options, its.config)
    assert set(table) == {item.name for item in fields(its.options)}
    assert chosen(its.options, its.config, {}) == its.options(), "so that a command repeats a run"


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text("hidden = 32\nlayers = 1\n")
    made = chosen(Options, path, {"hidden": 64, "other": 1})
    assert (made.hidden, made.layers) == (64, 1)


def test_the_command_that_repeats_a_run() -> None:
    options = Options(hidden=64, learning_rate=1e-4, bf16=not Options().bf16)
    words = as_flags(options)
    assert "--hidden 64" in words
    assert "--learning-rate 0.0001" in words
    assert "bf16" in words
    assert as_flags(Options()) == ""
    usual = Options(hidden=64)
    assert as_flags(options, usual).split(" --")[0] == "--learning-rate 0.0001"
    assert as_flags(Options(), usual) == f"--hidden {Options().hidden}"
    assert as_flags(usual, usual) == ""
