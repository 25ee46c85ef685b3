"""Has a run put chords under the melodies of held-out songs, and counts in them."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ripieno.settings import Sampling

from ripieno_models.corpora.midi_archive import write_midi
from ripieno_models.lead.accompany import PLAYED, Harmony, accompanied, agreement, harmony, played
from ripieno_models.lead.kind import SheetKind
from ripieno_models.lead.runs import load
from ripieno_models.piece import Split
from ripieno_models.runs import SAMPLES, write
from ripieno_models.tokens.pictures import piano_rolls
from ripieno_models.tokens.sample import KEPT, ROLLS

PROGRAMS = (73, 48)
"""A flute, and strings."""
WORDS = {
    "changes": "changes of the chord per bar",
    "on_bar": "share of them on a bar line",
    "on_beat": "share of them on a beat",
    "chordal": "share of the melody's time in which it sounds a note of the chord",
    "different": "different chords in a song",
}


def samples(
    kind: SheetKind, folder: Path, data: Path | None, pieces: int, temperature: float, seed: int
) -> dict[str, Any]:
    """Put chords under the melodies of at most `pieces` validation songs; three are kept as
    MIDI. Returns the counts, which are kept too. Raises RipienoError."""
    model, _ = load(kind, folder)
    real = kind.sheets(data, Split.VALID)[:pieces]
    sampling = Sampling(temperature=temperature, top_p=PLAYED[1], seed=seed)
    made = [accompanied(model, sheet, sampling) for sheet in real]
    columns = {"model": harmony(made), "printed": harmony(real)}
    told = {
        "pieces": len(made),
        "temperature": temperature,
        "top_p": PLAYED[1],
        "seed": seed,
        "counts": {name: asdict(column) for name, column in columns.items()},
        "agreement": asdict(agreement(made, real)),
        "table": table(columns),
    }
    kept = [played(sheet) for sheet in made[:KEPT]]
    for number, tune in enumerate(kept, 1):
        write_midi(tune, folder / f"sample-{number}.mid", PROGRAMS)
    piano_rolls(kept, folder / ROLLS)
    write(folder, SAMPLES, told)
    return told


def table(columns: dict[str, Harmony]) -> str:
    """Counts side by side, as Markdown."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for item in fields(Harmony):
        cells = [f"{getattr(told, item.name):.2f}" for told in columns.values()]
        lines.append(f"| {WORDS[item.name]} | {' | '.join(cells)} |")
    return "\n".join(lines)
