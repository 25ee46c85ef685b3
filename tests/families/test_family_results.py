"""What is kept of the families: comparisons grow by what comes later, seeds stand together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ripieno_models import family_results, family_seeds

BASE: dict[str, Any] = {"format": 1, "corpus": "c", "split": "valid", "pieces": 2, "seed": 1,
                        "unit": "decision"}  # fmt: skip


def results(path: Path, names: dict[str, float], measures: str, **changes: Any) -> Path:
    """A comparison with these models' values of each of the `measures`, named by a letter."""

    def row(name: str, value: float) -> dict[str, Any]:
        told = {each: {"value": value, "low": value, "high": value} for each in measures}
        size = {} if name == "real" else {"parameters": 5}
        return {"name": name, "measures": told, "spreads": {}, "failures": [], **size}

    rows = [row("real", 0.0), *(row(name, value) for name, value in names.items())]
    told = {**BASE, "measures": dict.fromkeys(measures, "counted"), "rows": rows, **changes}
    path.write_text(json.dumps(told))
    return path


def kept(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "grid.json").read_text()))


def test_what_is_compared_later_stands_beside_what_was(tmp_path: Path) -> None:
    place = tmp_path / "families"
    first = results(tmp_path / "a.json", {"one": 1.0, "two": 2.0}, "xy")
    family_results.keep(first, "grid", place)
    family_results.keep(
        results(tmp_path / "b.json", {"two": 5.0, "new": 6.0}, "xyz"), "grid", place
    )
    told = kept(place)
    assert [row["name"] for row in told["rows"]] == ["real", "one", "two", "new"]
    assert told["measures"].keys() == {"x", "y"}, "what only the new ones were counted for"
    values = [row["measures"]["x"]["value"] for row in told["rows"]]
    assert values == [0.0, 1.0, 5.0, 6.0], "what is compared anew takes the place of the old"
    assert all(row["measures"].keys() == {"x", "y"} for row in told["rows"])


@pytest.mark.parametrize("changes", [{"pieces": 3}, {"seed": 2}, {"corpus": "d"}])
def test_other_pieces_stand_alone(changes: dict[str, Any], tmp_path: Path) -> None:
    place = tmp_path / "families"
    family_results.keep(results(tmp_path / "a.json", {"one": 1.0}, "x"), "grid", place)
    other = results(tmp_path / "b.json", {"two": 2.0}, "x", **changes)
    family_results.keep(other, "grid", place)
    assert [row["name"] for row in kept(place)["rows"]] == ["real", "two"]


def test_runs_that_differ_in_their_seed_stand_together() -> None:
    def run(words: str, seed: int, valid: float) -> dict[str, Any]:
        command = f"ripieno-models train {words}"
        return {"command": command, "seed": seed, "valid": valid, "steps": 400}

    runs = {
        "a": run("conv-lstm --steps 400", 1, 0.7),
        "b": run("conv-lstm --seed 2 --steps 400", 2, 0.75),
        "c": run("conv-lstm --out x/c --seed 3 --steps 400", 3, 0.71),
        "d": run("conv-lstm --steps 400 --hidden 4", 1, 0.9),
        "e": run("ridge", 1, 0.8),
        "f": run("ridge --seed 2", 2, 0.8),
    }
    ((command, found),) = family_seeds.alike(runs)
    assert command == "conv-lstm --steps 400"
    assert [each["valid"] for each in found] == [0.7, 0.75, 0.71]
    text = family_seeds.section(runs)
    assert "| `conv-lstm`, 400 steps | 0.700, 0.750, 0.710 | 0.050 |" in text
    assert family_seeds.section({"e": runs["e"]}) == ""


def test_a_seed_that_was_run_by_other_words_stands_with_the_others() -> None:
    def run(words: str, seed: int, width: int) -> dict[str, Any]:
        options = {"seed": seed, "steps": 900, "width": width}
        return {"family": "gan", "command": f"ripieno-models train gan{words}", "seed": seed,
                "valid": 0.5, "steps": 900, "options": options}  # fmt: skip

    runs = {"a": run(" --steps 900 --width 64", 1, 64), "b": run(" --steps 900 --seed 2", 2, 64)}
    assert family_seeds.section(runs) == ""
    other = run(" --steps 900 --seed 3", 3, 48)
    assert family_seeds.section({**runs, "c": other}) == "", "of another width"
    assert "| `gan`, 900 steps | 0.500, 0.500, 0.500 | 0.000 |" in family_seeds.section(
        {**runs, "c": run(" --steps 900 --seed 3", 3, 64)}
    )


def test_a_part_that_was_left_out_is_held_against_the_whole_from_the_same_seed() -> None:
    def run(words: str, seed: int, valid: float, steps: int = 400) -> dict[str, Any]:
        command = f"ripieno-models train conv-lstm{words}"
        return {"family": "conv-lstm", "command": command, "seed": seed, "valid": valid,
                "steps": steps}  # fmt: skip

    runs = {
        "a": run(" --steps 400", 1, 0.70),
        "b": run(" --seed 2 --steps 400", 2, 0.80),
        "c": run(" --steps 400 --no-fifths", 1, 0.75),
        "d": run(" --seed 2 --steps 400 --no-fifths", 2, 0.81),
        "e": run(" --steps 400 --no-height", 1, 0.72),
        "f": run(" --seed 3 --steps 400 --no-height", 3, 0.60),
        "g": run(" --steps 400 --hidden 4", 1, 0.10),
        "h": run(" --steps 800", 1, 0.10, 800),
    }
    text = family_results.ablated(runs)
    assert "from 2 seeds: 0.700 to 0.800" in text
    assert "| the circle of fifths | 2 | 0.780 | +0.030 (+0.010 to +0.050) |" in text
    assert "| the height | 1 | 0.720 | +0.020 |" in text, "there is no whole from seed 3"
    assert "chromatic" not in text
