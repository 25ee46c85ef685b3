"""What `ablate --constraints` and `ablate --sampler` found, as tables for docs/models.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "results" / "families"
Told = Mapping[str, Any]
SPLITS = {"valid": "validation", "test": "test"}

SHOWN: Mapping[str, str] = {
    "parallels": "parallels",
    "crossings": "crossed",
    "spacing": "too wide",
    "outside_range": "out of range",
    "large_leaps": "leaps",
    "outside_key": "out of key",
    "silence": "silence",
    "loop": "loop",
    "short_notes": "short notes",
    "notes_per_quarter": "notes",
}
"""Measures that a table shows, and how its columns are headed; all are in the file."""
OVERLAPS = ("pitches", "intervals", "durations", "chords")
SENTENCES: Mapping[str, str] = {
    "constraints": """\
## What each constraint is worth

The engine plays a bundle under its rules as they are by default (*whole*, one candidate), and
with each of them off in turn: {pieces} pieces in each way, in the forms of {split} pieces and
with the same chance, temperature 1. A leap and a rest can only be allowed to be two octaves and
four bars long. `key_lock` is off by default; it is the last line. **Bold**: the interval of 95 %
of the bootstrap draws of the difference from the whole, piece by piece, leaves 0 out; of twenty
that differed in nothing one would be bold.
""",
    "sampler": """\
## What each term of the note sampler is worth

20 candidates for each sixteenth, of which the best is kept, by all terms and without each of them
in turn; none of the engine's rules, so that they do not do what a term does. {pieces} pieces in
each way, as above. *Without all of them* part-writing still chooses; *one candidate* is what the
model itself draws.
""",
}
COLUMNS = """\
*parallels*: parallel fifths and octaves per 100 chord changes; *crossed*, *too wide*: shares of
sixteenths; *out of range*, *out of key*, *short notes* (of one sixteenth): shares of notes;
*leaps*: share of moves larger than a fifth; *silence*: share of rests; *loop*: times that a passage
comes in a row; *notes*: per quarter and voice; then the area that each spread shares with that of
the real pieces.
"""


def sections(place: Path = FOLDER) -> Iterator[str]:
    """The page's parts on what is kept in `place`; nothing where nothing is."""
    for what, sentence in SENTENCES.items():
        kept = [
            json.loads(path.read_text("utf-8")) for path in sorted(place.glob(f"{what}-*.json"))
        ]
        if kept:
            least = min(told["pieces"] for told in kept)
            most = max(told["pieces"] for told in kept)
            pieces = str(least) if least == most else f"{least} to {most}"
            head = sentence.format(pieces=pieces, split=SPLITS[kept[0]["split"]])
            yield "\n".join([head, COLUMNS, *map(table, kept)])


def table(told: Told) -> str:
    """One line for each way of writing, the real pieces first."""
    columns = [*SHOWN.values(), *OVERLAPS]
    lines = [line(f"`{told['bundle']}`", columns), "|---" * (len(columns) + 1) + "|"]
    real = [f"{told['real'][name]['value']:.3g}" for name in SHOWN]
    lines.append(line("held-out pieces", [*real, *("1.00" for _ in OVERLAPS)]))
    for row in told["rows"]:
        cells = [cell(row, name) for name in SHOWN]
        cells += [f"{row['spreads'][kind]['overlap']['value']:.2f}" for kind in OVERLAPS]
        lines.append(line(row["name"], cells))
    return "\n".join(lines) + "\n"


def cell(row: Told, name: str) -> str:
    """A measure, bold where it differs from the whole."""
    value, apart = f"{row['measures'][name]['value']:.3g}", row["differences"][name]
    return value if apart["low"] <= 0 <= apart["high"] else f"**{value}**"


def line(label: str, cells: list[str]) -> str:
    return f"| {label} | {' | '.join(cells)} |"
