"""Counts which chords a run writes too often, for the engine to take fewer of them.

The run writes pieces in the engine, in the forms of training pieces, and its chords (by their notes
above the bass) are counted beside the corpus'. What the engine is then told, the nats of
`ripieno.inference.sonorities`, is the logarithm of how much rarer each should be; as taking fewer
of one makes others more frequent, it is counted again with what was found so far, and corrected
(iterative proportional fitting: Deming & Stephan, 1940). Nothing is learned from the validation or
the test pieces.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
from ripieno.errors import RipienoError
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model
from ripieno.inference.sonorities import FILE, Sonorities, code
from ripieno.settings import Rules

from ripieno_models import export, waiting
from ripieno_models.corpora import Corpus
from ripieno_models.likeness import Count, chord_classes, distance, total
from ripieno_models.piece import Piece, Split
from ripieno_models.played import played, regular

ROUNDS, PIECES, CANDIDATES = 3, 80, 8
HALF = 0.5
"""Added to every count, so that nothing is impossible."""
ROOM = 0.7
"""Nats that are taken from all: what comes too seldom can only gain where the rest is refused."""
DEEPEST = -6.0
"""Nats; a chord is never refused more often than about 400 times in a row."""


def balance(
    folder: Path, corpus: Corpus, pieces: int = PIECES, rounds: int = ROUNDS, seed: int = 1
) -> list[float]:
    """Leave `sonorities.npz` in the run's `folder`, which its export takes along.

    Returns the distance of the run's chords from the corpus' before each round, in bits. Raises
    RipienoError where there is no training piece whose form can be asked for.
    """
    trained = corpus.of(Split.TRAIN)
    forms = regular(trained)
    if not forms:
        raise RipienoError("there are no training pieces with one metre", where=corpus.name)
    real = total(map(chord_classes, trained))
    with tempfile.TemporaryDirectory() as made:
        model = open_model(check(export.bundle(folder, corpus, Path(made))))
        told: dict[frozenset[int], float] = {}
        found = []
        for number in range(rounds):
            chosen = [forms[(number * pieces + n) % len(forms)] for n in range(pieces)]
            generator = Generator(model, balance=sonorities(told))
            written = total(map(chord_classes, heard(generator, chosen, seed + number * pieces)))
            found.append(distance(written, real))
            told = corrected(told, written, real)
    write(sonorities(told), folder / FILE)
    return found


def heard(generator: Generator, forms: Sequence[Piece], seed: int) -> list[Piece]:
    """A piece in each of `forms`, under the engine's rules and with several candidates."""
    told = waiting.each(forms, "Writing")
    return [played(generator, form, Rules(), CANDIDATES, seed + n) for n, form in enumerate(told)]


def corrected(
    told: dict[frozenset[int], float], written: Count, real: Count
) -> dict[frozenset[int], float]:
    """The logarithms by which each chord's share should change, after one more count."""
    chords = {*told, *written, *real}
    mine, theirs = (sum(count.values()) + HALF * len(chords) for count in (written, real))
    return {
        chord: told.get(chord, 0.0)
        + log((real[chord] + HALF) / theirs * mine / (written[chord] + HALF))
        for chord in chords
        if isinstance(chord, frozenset)
    }


def sonorities(told: dict[frozenset[int], float]) -> Sonorities:
    """What the engine takes of each chord; a chord that was never met counts as the rarest."""
    nats = {chord: min(0.0, max(DEEPEST, by - ROOM)) for chord, by in told.items()}
    return Sonorities(nats, min(nats.values(), default=0.0))


def write(told: Sonorities, path: Path) -> None:
    """Write the engine's file."""
    rows = sorted((code(chord), nats) for chord, nats in told.nats.items())
    np.savez_compressed(
        path,
        classes=np.array([number for number, _ in rows], np.int32),
        nats=np.array([nats for _, nats in rows], np.float32),
        unseen=np.array(told.unseen, np.float32),
    )
