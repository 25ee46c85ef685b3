"""Has a run write tunes, and counts in them what it counts in real ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ripieno_models.corpora.midi_archive import write_midi
from ripieno_models.piece import Split
from ripieno_models.runs import SAMPLES, write
from ripieno_models.tokens import structure
from ripieno_models.tokens.generate import draw, opening, tune_of
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.pictures import piano_rolls
from ripieno_models.tokens.runs import load
from ripieno_models.tokens.tune import PIANO, Tune

KEPT = 3
ROLLS = "samples.svg"
OPENING_BARS = 4
"""What a song's sample goes on from; a tune's sample is told metre and key alone."""


def samples(
    kind: TokenKind, folder: Path, data: Path | None, pieces: int, temperature: float, seed: int
) -> dict[str, Any]:
    """Draw `pieces` in the metres and keys of validation ones; three are kept as MIDI files.

    Returns the counts, which are kept too. Raises RipienoError.
    """
    model, options, scheme = load(kind, folder)
    real = kind.tunes(data, Split.VALID)
    if kind.parts:
        real = [kind.forms(tune)[-1] for tune in real]
    bars = OPENING_BARS if kind.parts else 0
    drawn: list[Tune] = []
    with torch.inference_mode():
        groups: dict[int, list[Tune]] = {}
        for tune in real[:pieces]:
            groups.setdefault(len(opening(tune, scheme, bars)), []).append(tune)
        for likes in groups.values():
            starts = [opening(tune, scheme, bars) for tune in likes]
            lines = draw(model, scheme, starts, options.crop, temperature, seed)
            drawn += [tune_of(f"like {t.name}", ids, t, scheme)
                      for t, ids in zip(likes, lines, strict=True)]  # fmt: skip
    drawn = [tune for tune in drawn if tune.bars > 1]
    columns = {"model": structure.structure(drawn), "real": structure.structure(real)}
    told = {
        "pieces": len(drawn),
        "real": len(real),
        "temperature": temperature,
        "structure": {name: asdict(column) for name, column in columns.items()},
        "distances": structure.distances(drawn, real),
        "table": structure.table(columns),
    }
    kept = sorted(drawn, key=lambda tune: tune.name)[:KEPT]
    for number, tune in enumerate(kept, 1):
        write_midi(tune, folder / f"sample-{number}.mid", (0, 0) if not kind.parts else (0, PIANO))
    piano_rolls(kept, folder / ROLLS)
    write(folder, SAMPLES, told)
    return told
