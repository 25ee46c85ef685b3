"""Has a run write tunes, and counts in them what it counts in real ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ripieno_models.corpora.midi_archive import write_midi
from ripieno_models.piece import Split
from ripieno_models.runs import SAMPLES, write
from ripieno_models.tokens import structure
from ripieno_models.tokens.generate import draw, opening, tune_of
from ripieno_models.tokens.kind import TokenKind
from ripieno_models.tokens.pictures import piano_rolls
from ripieno_models.tokens.runs import load
from ripieno_models.tokens.tune import PIANO

KEPT = 3
ROLLS = "samples.svg"
OPENING = 32
"""Tokens of a real piece that a sample goes on from: a phrase, as a player gives it."""


def samples(
    kind: TokenKind, folder: Path, data: Path | None, pieces: int, temperature: float, seed: int
) -> dict[str, Any]:
    """Go on from the phrases that `pieces` validation ones begin with; three are kept as MIDI.

    Returns the counts, which are kept too. Raises RipienoError.
    """
    model, options, scheme = load(kind, folder)
    real = kind.tunes(data, Split.VALID)
    # Of several forms the last is the machine's alone.
    real = [kind.forms(tune)[-1] for tune in real]
    likes = [t for t in real if len(opening(t, scheme, OPENING)) == OPENING][:pieces]
    lines = draw(model, scheme, likes, OPENING, options.crop, temperature, seed)
    drawn = [
        tune_of(f"goes on from {tune.name}", ids, tune, scheme)
        for tune, ids in zip(likes, lines, strict=True)
    ]
    drawn = [tune for tune in drawn if tune.bars > 1]
    columns = {"model": structure.structure(drawn), "real": structure.structure(real)}
    told = {
        "pieces": len(drawn),
        "real": len(real),
        "asked": pieces,
        "temperature": temperature,
        "seed": seed,
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
