"""Folk and fiddle tunes of Ryan's Mammoth Collection (1883), O'Neill's Music of Ireland (1903) and
Aird's Airs (1778-1801): one line each, in one metre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ripieno_models.corpora.json_lines import records, split_table
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, Note, Tune, bar_steps, meter_of, one_line

FOLDER = Path("folk")
FILE, SPLITS = FOLDER / "folk.jsonl.gz", FOLDER / "splits.json"
NAME = "fiddle tunes of Ryan's Mammoth Collection, O'Neill's Music of Ireland and Aird's Airs"
LICENCE = "public-domain works, encodings distributed with music21 by permission of their encoders"
SIXTEENTH = 120
"""Ticks."""


def pieces(data: Path) -> Iterator[Tune]:
    """The tunes in the folder `data` whose metre can be written. Raises RipienoError."""
    splits = split_table(data / SPLITS)
    for record in records(data / FILE):
        tune = tune_of(record, splits[record["id"]])
        if tune is not None:
            yield tune


def tune_of(record: Mapping[str, Any], split: Split) -> Tune | None:
    """One record as a tune, None where it is in no metre that can be written.

    Its metre is the one that most of its time is in (a pickup has one of its own); its bar lines
    are where most of the printed ones fall.
    """
    meter = main_meter(record["ts"], record["end"])
    if meter is None:
        return None
    length = bar_steps(meter) * SIXTEENTH
    lines = Counter(bar % length for bar in record["bars"])
    first = max(lines, key=lambda place: (lines[place], -place))
    shift = (length - first) % length
    notes = [
        Note(round((on + shift) / SIXTEENTH), MELODY, pitch, max(1, round(duration / SIXTEENTH)))
        for on, duration, pitch in record["melody"]
    ]
    fifths = int(record["ks"][0][1]) if record["ks"] else None
    return Tune(record["id"], tuple(one_line(notes)), meter, fifths, split)


def main_meter(told: list[list[int]], end: int) -> tuple[int, int] | None:
    """The metre that rules longest of those `told` as [tick, numerator, denominator]."""
    ruled: Counter[tuple[int, int]] = Counter()
    ends = [row[0] for row in told[1:]] + [end]
    for (begin, numerator, denominator), until in zip(told, ends, strict=True):
        ruled[(numerator, denominator)] += until - begin
    return meter_of(*ruled.most_common(1)[0][0]) if ruled else None
