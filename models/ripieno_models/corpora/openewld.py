"""OpenEWLD: lead sheets of songs, of which those in the public domain on both sides are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ripieno.grammar.lead_sheet import METERS, Chord

from ripieno_models.corpora.folk import main_meter
from ripieno_models.corpora.json_lines import records, split_table
from ripieno_models.lead.sheet import Change, Sheet
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, Note, bar_steps, one_line

FOLDER = Path("openewld")
FILE, SPLITS = FOLDER / "openewld.jsonl.gz", FOLDER / "splits.json"
NAME = "OpenEWLD, songs in the public domain of the United States and of the European Union"
LICENCE = "public-domain songs, transcriptions under the MIT licence"
SIXTEENTH = 120
"""Ticks."""
KINDS = {
    "major": "", "minor": "m", "dominant": "7", "minor-seventh": "m7", "major-seventh": "maj7",
    "major-sixth": "6", "minor-sixth": "m6", "diminished": "dim", "diminished-seventh": "dim7",
    "half-diminished": "m7b5", "augmented": "aug", "augmented-seventh": "aug",
    "suspended-fourth": "sus4", "dominant-ninth": "7", "dominant-13th": "7", "minor-ninth": "m7",
    "minor-major": "m", "power": "",
}  # fmt: skip
"""Which kind of chord each of MusicXML's kinds is taken for."""


def pieces(data: Path) -> Iterator[Sheet]:
    """The public-domain lead sheets below the folder `data`. Raises RipienoError."""
    splits = split_table(data / SPLITS)
    for record in records(data / FILE):
        if record["us_pd"] and record["eu_pd"]:
            sheet = sheet_of(record, splits[record["id"]])
            if sheet is not None:
                yield sheet


def sheet_of(record: Mapping[str, Any], split: Split) -> Sheet | None:
    """One record as a lead sheet, None where its metre cannot be written.

    Its metre is the one that rules longest; its bar lines are where most of the printed ones fall.
    """
    meter = main_meter(record["ts"], record["end"]) if record["ts"] else None
    if meter not in METERS or not record["melody"]:
        return None
    bar = bar_steps(meter) * SIXTEENTH
    lines = Counter(line % bar for line in record["bar_ticks"])
    first = max(lines, key=lambda place: (lines[place], -place))
    shift = (bar - first) % bar
    notes = [
        Note(round((on + shift) / SIXTEENTH), MELODY, pitch, max(1, round(length / SIXTEENTH)))
        for on, length, pitch in record["melody"]
    ]
    chords: list[Change] = [
        (round((on + shift) / SIXTEENTH), Chord(root, KINDS[kind]))
        for on, root, kind, _ in record["chords"]
    ]
    length = -(-(record["end"] + shift) // bar) * bar // SIXTEENTH
    fifths = int(record["ks"][0][1]) if record["ks"] else None
    melody = tuple(one_line(notes))
    return Sheet(record["id"], melody, tuple(chords), length, meter, fifths, split)
