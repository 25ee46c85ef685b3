"""`render` and `replay --regenerate` with a part that is stuck inside C: ended, named, left out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ripieno.cli import main
from ripieno.errors import PluginError, SettingError
from ripieno.events import Rung
from ripieno.inference.supervised import supervised
from ripieno.takes.facts import StepPlanned
from ripieno.takes.take import read

from tests.host.strangers import of_theirs

PRESET = """
[play]
mode = "solo"
[model]
name = "{model}"
[rules]
more_hard = {rules}
"""


def rendered(folder: Path, model: Path, *rules: str) -> Path:
    """The take of two bars, rendered as a user would."""
    preset = folder / "stuck.toml"
    preset.write_text(PRESET.format(model=model, rules=list(rules)))
    words = ["render", "--preset", str(preset), "--bars", "2", "--no-wav", "--takes"]
    assert main([*words, str(folder / "takes")]) == 0
    (take,) = (folder / "takes").glob("*.take")
    return take


@pytest.mark.parametrize("rule", ["deaf", "still", "falls"])
def test_it_is_ended_and_named_and_all_is_computed_without_it(
    rule: str,
    strangers: Path,
    tmp_path: Path,
    tiny: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written = rendered(tmp_path, tiny, rule)
    told = capsys.readouterr()
    named = f"The constraint {rule!r} of strangers does not return: it is switched off"
    assert told.out.startswith(named) and told.out.count(named) == 1 and told.err == ""
    take = read(written)
    steps = [fact for fact in take.facts if isinstance(fact, StepPlanned)]
    assert len({step.beat for step in steps}) >= 32 and not take.torn
    assert sum(step.beat == 0.0 for step in steps) == 1, "nothing of the first attempt is left"
    if rule != "deaf":
        return
    assert main(["replay", str(written), "--regenerate", "--model", str(tiny)]) == 0
    again = capsys.readouterr()
    assert again.out.count(named) == 1
    assert f"The model: {len(steps)} steps, the same again." in again.out


def test_a_grammar_is_ended_and_named_and_its_voices_rest(
    strangers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = rendered(tmp_path, of_theirs(tmp_path / "theirs", "deaf"))
    told = capsys.readouterr()
    first, *others = told.out.splitlines()
    named = "The grammar 'deaf' of strangers does not return"
    assert first == f"{named}: it is switched off, and all is computed anew without it"
    assert others.count(f"{named}: its voices rest") == 1 and told.err == ""
    assert any(line.startswith("2 bars, ") for line in others), "it ends as every rendering does"
    take = read(written)
    steps = [fact for fact in take.facts if isinstance(fact, StepPlanned)]
    assert len({step.beat for step in steps}) >= 32 and not take.torn
    assert sum(step.beat == 0.0 for step in steps) == 1, "nothing of the first attempt is left"
    assert {step.rung for step in steps} == {Rung.REST}


def test_a_rule_that_only_fails_is_named_there_too(
    strangers: Path, tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered(tmp_path, tiny, "raises")
    assert "The constraint 'raises' of strangers failed" in capsys.readouterr().out


# ---- the work, alone


def _doubled(number: int) -> int:
    return 2 * number


def _refused() -> None:
    raise SettingError("bpm = 0 is out of range", allowed="20…400", nearest="Try 20.")


def _broken() -> None:
    raise ValueError("what nobody thought of")


def _ended() -> None:
    os._exit(3)


def _here() -> int:
    return os.getpid()


def test_results_and_errors_cross_whole() -> None:
    said: list[str] = []
    assert supervised(_doubled, 21, say=said.append, always=True) == 42
    with pytest.raises(SettingError) as error:
        supervised(_refused, say=said.append, always=True)
    assert str(error.value) == "bpm = 0 is out of range; allowed: 20…400. Try 20."
    assert error.value.nearest == "Try 20."
    with pytest.raises(RuntimeError, match="what nobody thought of"):
        supervised(_broken, say=said.append, always=True)
    with pytest.raises(PluginError, match="ended by itself"):
        supervised(_ended, say=said.append, always=True)
    assert said == []


def test_where_no_stranger_is_installed_no_process_is_needed() -> None:
    assert supervised(_here, say=print) == os.getpid()


def test_work_that_takes_long_is_not_stuck() -> None:
    """Nobody is being called, so there is nobody to blame."""
    assert supervised(time.sleep, 2.5, say=print, always=True) is None
