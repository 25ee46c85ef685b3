"""The page that puts the models side by side tells what was kept of each, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from ripieno_models import comparison
from ripieno_models.runs import FIGURES, JUDGEMENT, RECORD, write
from ripieno_models.verdicts import LABELS

VERDICT = {name: 0.25 for name in LABELS} | {"longest_copy": 7}
FAR = {"durations": 0.003}


def run(place: Path, name: str, figures: dict[str, float], judged: bool) -> Path:
    place.mkdir()
    write(place, RECORD, {"family": name, "parameters": 12345, "options": {"seed": 3}})
    write(place, FIGURES, figures)
    if judged:
        voices = {voice: dict(VERDICT) for voice in ("soprano", "bass")}
        judgement = {
            "split": "test",
            "pieces": 100,
            "real": 77,
            "verdicts": {"Bach": VERDICT | {"distances": {"durations": None}, "milliseconds": None},
                         "rules": VERDICT | {"distances": FAR}},
            "real against real": {"durations": 0.0065},
            "harmonised": {"candidates": 4, "voices": voices},
        }  # fmt: skip
        write(place, JUDGEMENT, judgement)
    return place


def test_each_model_has_a_column_and_each_figure_a_row(tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "models.md"
    one = run(tmp_path / "one", "small", {"nll_valid_natural": 0.41, "jsb_test_micro": 0.5}, False)
    two = run(tmp_path / "two", "large", {"nll_valid_natural": 0.35}, True)
    kept = [comparison.keep(folder, results) for folder in (one, two)]
    assert [json.loads(path.read_text())["name"] for path in kept] == ["small", "large"]
    lines = comparison.write_page(results, page).read_text().splitlines()
    assert "| | large | small |" in lines
    assert "| parameters | 12,345 | 12,345 |" in lines
    assert "| validation: told, order S A T B | 0.3500 | 0.4100 |" in lines
    assert "| test: JSB micro | – | 0.5000 |" in lines
    assert not any("given the alto" in line and line.startswith("|") for line in lines)
    assert "| `large` | Bach | rules |" in lines and "| `small` |" not in "\n".join(lines)
    limit = "| distance of durations from Bach, bits (real from real: 0.0065) | – | 0.003 |"
    assert limit in lines
    assert "| given | soprano | bass |" in lines
    assert "| share of fermatas that are cadences | 0.25 | 0.25 |" in lines


def test_what_is_kept_anew_replaces_what_was(tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "models.md"
    for number, value in enumerate((0.4, 0.3)):
        folder = run(tmp_path / str(number), "small", {"nll_valid_natural": value}, False)
        comparison.keep(folder, results)
    text = comparison.write_page(results, page).read_text()
    assert "0.3000" in text and "0.4000" not in text
