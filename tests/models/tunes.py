"""Tunes for the tests of token models, made up by rule, and folders of them as the corpora come."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, METERS, PIANO, Note, Tune, bar_steps

SCALE = (62, 64, 66, 67, 69, 71, 73, 74, 76, 78, 79)
"""D major, from D4."""
SPLITS = (Split.TRAIN,) * 6 + (Split.VALID, Split.TEST)


def melody(seed: int, meter: tuple[int, int] | None = None, bars: int = 8) -> Tune:
    """A line that walks up and down a scale; some of its bars come again."""
    drawn = random.Random(seed)
    meter = meter or drawn.choice(METERS)
    length = bar_steps(meter)
    forms = [rhythm(drawn, length) for _ in range(3)]
    notes, degree = [], 4
    for bar in range(bars):
        for begin, end in forms[drawn.randrange(3)]:
            degree = min(len(SCALE) - 1, max(0, degree + drawn.choice((-2, -1, 0, 1, 2))))
            notes.append(Note(bar * length + begin, MELODY, SCALE[degree], end - begin))
    return Tune(f"walk {seed}", tuple(notes), meter, 2, SPLITS[seed % len(SPLITS)])


def rhythm(drawn: random.Random, length: int) -> list[tuple[int, int]]:
    """Beginnings and ends of the notes that fill a bar of `length` sixteenths."""
    inner = sorted(drawn.sample(range(1, length), min(length - 1, drawn.randrange(1, 6))))
    return list(zip([0, *inner], [*inner, length], strict=True))


def song(seed: int, meter: tuple[int, int] | None = None) -> Tune:
    """A melody with two low notes under each bar line."""
    tune = melody(seed, meter)
    below = [
        Note(bar * tune.bar, PIANO, pitch, tune.bar // 2)
        for bar in range(tune.bars)
        for pitch in (38 + bar % 3, 50)
    ]
    return replace(tune, notes=tuple(sorted((*tune.notes, *below))))


def folk_record(tune: Tune) -> dict[str, Any]:
    """A tune as the prepared folk corpus tells it."""
    tick = 120
    end = tune.bars * tune.bar
    return {
        "id": tune.name,
        "ts": [[0, *tune.meter]],
        "ks": [[0, tune.fifths, "major"]],
        "bars": [bar * tune.bar * tick for bar in range(tune.bars)],
        "end": end * tick,
        "melody": [[n.onset * tick, n.duration * tick, n.pitch] for n in tune.notes],
    }


def write_folk(data: Path, count: int = 24) -> list[Tune]:
    """A prepared folk corpus below the folder `data`."""
    tunes = [melody(seed) for seed in range(count)]
    folder = data / "folk"
    folder.mkdir(parents=True)
    with gzip.open(folder / "folk.jsonl.gz", "wt", encoding="utf-8") as lines:
        for tune in tunes:
            lines.write(json.dumps(folk_record(tune)) + "\n")
    splits = {tune.name: tune.split for tune in tunes}
    (folder / "splits.json").write_text(json.dumps({"split": splits}), encoding="utf-8")
    return tunes
