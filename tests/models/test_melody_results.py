"""The page tells of tunes, songs and lead sheets what was kept of each."""

from __future__ import annotations

import json
from pathlib import Path

from ripieno_models import comparison, melody_results
from ripieno_models.lead.sample import WORDS as SHEET_WORDS
from ripieno_models.runs import FIGURES, RECORD, SAMPLES, write
from ripieno_models.tokens.structure import WORDS as TOKEN_WORDS


def run(place: Path, name: str, figures: dict[str, float], samples: dict[str, object]) -> Path:
    place.mkdir()
    write(place, RECORD, {"family": name, "parameters": 12345, "options": {"seed": 3}})
    write(place, FIGURES, figures)
    write(place, SAMPLES, samples)
    return place


def test_tunes_and_lead_sheets_have_tables_of_their_own(tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "models.md"
    structure = {"model": dict.fromkeys(TOKEN_WORDS, 0.25), "real": dict.fromkeys(TOKEN_WORDS, 0.5)}
    tune = run(tmp_path / "tune", "fiddle", {"nll_valid": 2.0, "floor_valid": 3.0},
               {"structure": structure, "table": "left out"})  # fmt: skip
    counts = {"model": dict.fromkeys(SHEET_WORDS, 0.1), "printed": dict.fromkeys(SHEET_WORDS, 0.9)}
    sheet = run(tmp_path / "sheet", "chords", {"nll_chord_valid": 0.3}, {"counts": counts})
    kept = melody_results.keep(tune, melody_results.TOKENS, results)
    assert "table" not in json.loads(kept.read_text())["samples"]
    melody_results.keep(sheet, melody_results.SHEETS, results)
    sizes = {"name": "bpe", "kind": "bpe", "sizes": [0, 500], "rows": {"nats": [2.5, 2.25]}}
    (results / "bpe.json").write_text(json.dumps(sizes))
    lines = comparison.write_page(results, page).read_text().splitlines()
    assert "| | fiddle |" in lines
    assert "| validation: as written, nothing told | 2.000 |" in lines
    assert "| | fiddle | real, for fiddle |" in lines
    assert "| bars that came before in their tune | 0.25 | 0.50 |" in lines
    assert "| merges up to | none | 500 |" in lines
    assert "| nats | 2.5 | 2.25 |" in lines
    assert "| validation: the chords, given the melody so far | 0.300 |" in lines
    assert "| changes of the chord per bar | 0.10 | 0.90 |" in lines
    assert not any("fiddle" in line and "chords" in line for line in lines)
