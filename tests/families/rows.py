"""A family from end to end: trained on a few chorales, exported, held against torch, and played."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from ripieno.inference.bundle import check
from ripieno.inference.link import ModelSpec
from ripieno.inference.opening import open_model
from ripieno.preset import phrases
from ripieno.preset.preset import Preset
from ripieno.render import render
from ripieno.settings import Mode, Settings
from ripieno.stage import Stage
from ripieno.takes.take import NoteEnded, NoteStarted, Source, read
from ripieno_models import evaluate, export, runs
from ripieno_models.corpora import Corpus
from ripieno_models.dataset import whole
from ripieno_models.families.registry import family
from ripieno_models.gates import asked_of
from ripieno_models.piece import Split

BARS = 8
DECISIONS = 128
GRID_STREAMS = (
    "voicewise-lstm",
    "conv-lstm",
    "window-transformer",
    "ridge",
    "attention-lstm",
    "plain-lstm",
)
"""The families that this proof knows; the chorale models have tests of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a family: sizes, nats per decision of the validation pieces before and after
    training, the largest difference of logits from torch, notes in eight bars, seconds; the share
    of the untrained model's nats below which it has learned, and how many notes it must play."""

    name: str
    parameters: int
    untrained: float
    nll: float
    difference: float
    replayed: float
    notes: int
    hanging: int
    seconds: float
    learns: float = 0.75
    plays: int = BARS

    @property
    def good(self) -> bool:
        """It has learned, its graph says what torch says, and it plays and lets go."""
        learned = self.nll < self.learns * self.untrained
        exact = max(self.difference, self.replayed) <= export.LARGEST_DIFFERENCE
        return learned and exact and self.notes >= self.plays and not self.hanging


def row_of(name: str, corpus: Corpus, folder: Path, **options: Any) -> Row:
    """Take the family `name` from training to eight bars of music, in `folder`."""
    began = perf_counter()
    kind = family(name)
    chosen = kind.options(**options)
    run = folder / name
    if kind.solve is not None:
        runs.solve(kind, chosen, corpus, run)
    else:
        runs.fit(kind, chosen, corpus, run, progress=False)
    model, _ = runs.load(run)
    told = evaluate.figures_of(model, corpus.of(Split.VALID), "valid")
    runs.write(run, runs.FIGURES, told)
    bundle = export.bundle(run, corpus, folder / "zoo")
    notes, hanging = eight_bars(bundle, folder / f"{name}.take")
    return Row(
        name=name,
        parameters=runs.read(run, runs.RECORD)["parameters"],
        untrained=float(np.log(48)),
        nll=told["nll_valid_natural"],
        difference=dict(check(bundle).metrics)["largest_logit_difference"],
        replayed=engine_difference(bundle, model, corpus),
        notes=notes,
        hanging=hanging,
        seconds=perf_counter() - began,
    )


def engine_difference(bundle: Path, model: torch.nn.Module, corpus: Corpus) -> float:
    """The largest difference between the engine's logits and torch's for the decisions of a real
    chorale in random orders, with the engine going back and again forth on the way."""
    piece = whole(corpus.of(Split.VALID)[:1], seed=5)[0]
    seen = asked_of(piece).features[:, :DECISIONS]
    with torch.inference_mode():
        right = model(seen)[0][0].numpy()
    played = open_model(check(bundle))
    rows = seen[0].tolist()
    found: list[float] = []
    for number, row in enumerate(rows):
        mark = played.mark()
        for other in rows[number : number + number % 3]:
            played.step(other)
        played.rewind(mark)
        found.append(float(np.abs(played.step(row) - right[number]).max()))
    return max(found)


def eight_bars(bundle: Path, take: Path) -> tuple[int, int]:
    """(notes of the model's, notes that were never let go) in eight bars in virtual time."""
    stage = Stage(
        preset=Preset(name="test", settings=Settings(mode=Mode.SOLO)),
        model=ModelSpec(bundle, "auto"),
        seed=phrases.load_phrase("old-hundredth"),
        soundfont=Path("none.sf2"),
        take=take,
        log=take.with_suffix(".log"),
        guest=0,
        bars=BARS,
    )
    render(stage)
    down: set[tuple[int, int]] = set()
    notes = 0
    for fact in read(take).facts:
        if isinstance(fact, NoteStarted):
            down.add((fact.channel, fact.pitch))
            notes += fact.source is Source.MODEL
        elif isinstance(fact, NoteEnded):
            down.discard((fact.channel, fact.pitch))
    return notes, len(down)
