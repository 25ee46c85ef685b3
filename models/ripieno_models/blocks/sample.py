"""Draws pieces from a run of blocks, without the engine's rules, and counts as a teacher would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ripieno.errors import RipienoError

from ripieno_models import pictures, waiting
from ripieno_models.blocks.runs import load
from ripieno_models.blocks.torch_blocks import TorchBlocks
from ripieno_models.blocks.written import BlockWriter
from ripieno_models.corpora import Corpus
from ripieno_models.harness.written import rest_of
from ripieno_models.part_writing import writing
from ripieno_models.piece import Piece, Split
from ripieno_models.played import regular
from ripieno_models.runs import SAMPLES, write
from ripieno_models.sample import write_midi

KEPT = 3
ALONE, HEARING = "from nothing", "after a phrase"
"""All that the model can make; and what it makes of the first block of a held-out piece."""


def samples(
    folder: Path, corpus: Corpus, pieces: int, temperature: float, seed: int
) -> dict[str, Any]:
    """Draw `pieces` pieces in the forms of held-out ones from the run in `folder`, from nothing,
    and, where it hears, after a phrase, which is not counted; keep the counts there, and three of
    the pieces as MIDI files with their picture. Raises RipienoError."""
    model, _, kind = load(folder)
    writer = BlockWriter(TorchBlocks(model, kind), temperature)
    bach = [piece for piece in regular(corpus.of(Split.VALID)) if len(piece) > model.steps]
    if not bach:
        raise RipienoError(
            f"no validation piece is longer than {model.steps} sixteenths", where=corpus.name
        )
    random = np.random.default_rng(seed)
    forms = [bach[int(row)] for row in random.permutation(len(bach))[:pieces]]
    drawn = {ALONE: drawn_like(forms, writer, seed, 0)}
    if kind.hears:
        drawn[HEARING] = drawn_like(forms, writer, seed, model.steps)
    keep(folder, list(drawn.values())[-1][:KEPT])
    heard = {ALONE: 0, HEARING: model.steps}
    counts = {"Bach": bach}
    counts |= {
        name: [rest_of(piece, heard[name]) for piece in music] for name, music in drawn.items()
    }
    told: dict[str, Any] = {
        "pieces": len(forms),
        "bach_pieces": len(bach),
        "seed": seed,
        "temperature": temperature,
        "writing": {name: asdict(writing(music)) for name, music in counts.items()},
    }
    write(folder, SAMPLES, told)
    return told


def drawn_like(forms: Sequence[Piece], writer: BlockWriter, seed: int, opening: int) -> list[Piece]:
    """A piece for each form."""
    what = HEARING if opening else ALONE
    each = enumerate(waiting.each(forms, f"Drawing: {what}"))
    return [writer.write(form, seed + number, opening) for number, form in each]


def keep(folder: Path, pieces: Sequence[Piece]) -> None:
    """Leave `pieces` in the run's folder, from where `export` takes them."""
    for number, piece in enumerate(pieces, 1):
        write_midi(piece, folder / f"sample-{number}.mid")
    pictures.piano_rolls(pieces, folder / pictures.ROLLS)
