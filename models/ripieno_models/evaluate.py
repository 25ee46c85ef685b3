"""All figures of a run, kept beside it in figures.json; the card and the manifest tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from ripieno.errors import RipienoError
from ripieno.grammar.grid import VOICES
from torch import nn

from ripieno_models import benchmark
from ripieno_models.calibrate import calibrate
from ripieno_models.corpora import SHARED_DATA, Corpus, jsb16
from ripieno_models.dataset import unknown, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.likelihood import harmonised, jsb_micro, likelihood
from ripieno_models.piece import Piece, Split
from ripieno_models.runs import FIGURES, RECORD, TEMPERATURES, load, read, write
from ripieno_models.train import RANDOM_ORDERS

Figures = dict[str, float]


def figures(folder: Path, corpus: Corpus, test: bool = False, chords: bool = False) -> Figures:
    """Measure the run in `folder` on the validation pieces of `corpus`, print it, write it down.

    The benchmark's own pieces too, where their file lies beside the checkout. With `test`, on the
    test pieces instead; with `chords`, also given the chord of each sixteenth, which takes minutes.
    What was measured before stays. Raises RipienoError where there are none.
    """
    model, _ = load(folder)
    if isinstance(model, ChoraleTransformer) and not test:
        found = calibrate(model, corpus.of(Split.VALID))
        print(f"temperatures: rhythm {found.rhythm}, pitch {found.pitch}")
        write(folder, RECORD, read(folder, RECORD) | {TEMPERATURES: asdict(found)})
    benchmark_file = SHARED_DATA / jsb16.FILE
    parts = [Split.TEST] if test else [Split.VALID]
    told: Figures = {}
    with torch.inference_mode():
        for split in parts:
            pieces = corpus.of(split)
            if not pieces:
                raise RipienoError(f"there are no {split} pieces", where=corpus.name)
            told |= figures_of(model, pieces, split.value)
        if benchmark_file.exists():
            told |= benchmark.figures(model, benchmark_file, parts)
            if chords:
                told |= benchmark.given_chords(model, benchmark_file, parts)
    for name, value in told.items():
        print(f"{name:28} {value:.4f}")
    told = read(folder, FIGURES) | told
    write(folder, FIGURES, told)
    return told


def figures_of(model: nn.Module, pieces: Sequence[Piece], part: str) -> Figures:
    """Nats per decision (`…_per_sixteenth`: per four) by order and voice, named for a manifest."""
    natural = likelihood(model, whole(pieces))
    told = {
        f"nll_{part}_natural": natural.nll,
        f"nll_{part}_natural_per_sixteenth": natural.per_sixteenth,
        f"nll_{part}_random": likelihood(model, whole(pieces, seed=RANDOM_ORDERS)).nll,
        f"nll_{part}_untold": likelihood(model, unknown(whole(pieces))).nll,
        f"nll_{part}_jsb_micro": jsb_micro(model, pieces),
    }
    for number, (voice, nll) in enumerate(zip(VOICES, natural.by_voice, strict=True)):
        told[f"nll_{part}_{voice}"] = nll
        told[f"nll_{part}_given_{voice}"] = harmonised(model, pieces, number)
    return told
