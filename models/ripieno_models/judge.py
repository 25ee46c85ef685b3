"""Has a bundle write pieces through the engine, and judges them beside Bach's own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from ripieno.errors import RipienoError
from ripieno.inference import sonorities
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno.settings import Rules

from ripieno_models import export, harmonise, pictures, waiting
from ripieno_models.corpora import Corpus
from ripieno_models.faults import Faults, faults
from ripieno_models.likeness import KINDS, copied, distances, real_against_real
from ripieno_models.piece import Piece, Split
from ripieno_models.played import FREE, played, regular
from ripieno_models.runs import JUDGEMENT, write
from ripieno_models.sample import write_midi

SAMPLES = 3
CONDITIONS: Mapping[str, tuple[Rules, int]] = {
    "no rules": (FREE, 1),
    "no rules, 4 candidates": (FREE, 4),
    "rules": (Rules(), 1),
    "rules, 4 candidates": (Rules(), 4),
    "rules, 8 candidates": (Rules(), 8),
}
"""How the pieces are written: with which of the engine's rules, and from how many draws of each
sixteenth at most."""
HARMONISED = 4
"""Candidates when a voice is given."""


def judge_run(folder: Path, corpus: Corpus, split: Split, pieces: int, seed: int) -> dict[str, Any]:
    """Judge the run in `folder`, as it would be exported. What is found stays in the run's folder
    as judgement.json, with three samples and their picture, which the export takes along."""
    with tempfile.TemporaryDirectory() as made:
        bundle = export.bundle(folder, corpus, Path(made))
        told = judge(bundle, corpus, split, pieces, seed)
        forms = regular(corpus.of(split))
        generator = Generator(open_model(check(bundle)))
        voices = harmonise.judge(generator, forms[:pieces], HARMONISED, seed)
        told["harmonised"] = {"candidates": HARMONISED, "voices": voices}
        forms = forms[:SAMPLES]
        written = write_samples(bundle, forms, folder, seed)
    pictures.piano_rolls(written, folder / pictures.ROLLS)
    write(folder, JUDGEMENT, told)
    return told


def judge(bundle: Path, corpus: Corpus, split: Split, pieces: int, seed: int) -> dict[str, Any]:
    """Have the bundle at `bundle` write `pieces` pieces under each of `CONDITIONS`.

    Each has the form of a piece of `split`, in turn. Raises RipienoError where there is none.
    """
    real = corpus.of(split)
    forms = regular(real)
    if not forms:
        raise RipienoError(f"there are no {split} pieces with one metre", where=corpus.name)
    trained = corpus.of(Split.TRAIN)
    generator = Generator(open_model(check(bundle)))
    chosen = [forms[number % len(forms)] for number in range(pieces)]
    found: dict[str, Any] = {"Bach": verdict(real, trained) | {"milliseconds": None}}
    found["Bach"]["distances"] = dict.fromkeys(KINDS)
    for name, (rules, candidates) in CONDITIONS.items():
        began = perf_counter()
        written = [
            played(generator, form, rules, candidates, seed + number)
            for number, form in enumerate(waiting.each(chosen, f"Writing: {name}"))
        ]
        spent = perf_counter() - began
        found[name] = verdict(written, trained) | {"distances": distances(written, real)}
        found[name]["milliseconds"] = 1000 * spent / sum(map(len, written))
    pool = [*trained, *real]
    count = min(pieces, len(pool) - len(real))
    return {
        "bundle": check(bundle).name,
        "split": split.value,
        "pieces": pieces,
        "real": len(real),
        "seed": seed,
        "balanced": (bundle / sonorities.FILE).exists(),
        "verdicts": found,
        "real against real": real_against_real(pool, (count, len(real))),
    }


def verdict(pieces: Sequence[Piece], trained: Sequence[Piece]) -> dict[str, Any]:
    """Everything that is counted of some pieces."""
    counted: Faults = faults(pieces)
    share, longest = copied(pieces, trained)
    return {
        **asdict(counted),
        "copied": share,
        "longest_copy": longest,
    }


def write_samples(bundle: Path, forms: Sequence[Piece], folder: Path, seed: int) -> list[Piece]:
    """Write a piece for each form with the engine's rules as they are by default, as .mid files
    `sample-1.mid` and so on in `folder`."""
    generator = Generator(open_model(check(bundle)))
    pieces = [
        played(generator, form, Rules(), seed=seed + number) for number, form in enumerate(forms)
    ]
    for number, piece in enumerate(pieces, 1):
        write_midi(piece, folder / f"sample-{number}.mid")
    return pieces
