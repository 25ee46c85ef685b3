"""What a beat of look-ahead is worth where one voice is a player's: all of it, for one run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ripieno.errors import RipienoError
from ripieno.grammar.grid import VOICES
from ripieno.inference import sonorities
from ripieno.inference.bundle import check
from ripieno.inference.generate import Generator
from ripieno.inference.opening import open_model

from ripieno_models import export, harmonise_ahead
from ripieno_models.card_parts import PARTS, heading, row
from ripieno_models.corpora import Corpus
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.harmonise_ahead import Effort
from ripieno_models.judge import HARMONISED
from ripieno_models.look_ahead import foreseen
from ripieno_models.piece import Piece, Split
from ripieno_models.played import regular
from ripieno_models.runs import load, read, write
from ripieno_models.verdicts import LABELS, cell

AHEAD = "ahead.json"
"""In a run's folder: what was measured of each split."""
SHOWN = ("parallels", "hidden", "large_leaps", "cadences")
"""What is told of how the machine harmonises; all that is counted is kept."""
WAYS = {"live": "nothing known ahead", "ahead": "a beat known ahead"}

PAGE = """\
### A beat ahead

The same where what the player does is known a beat ahead, four sixteenths, as it is to a partner
who answers a beat late. The model reads no future, and is not trained anew: the engine draws each
sixteenth {draws} times under its rules, each with up to {candidates} candidates; from each
different one the model goes on {continuations} times for a beat, the player's voice given; and one
is taken in proportion to how likely it made that voice. That takes {times:.0f} times as long. The
same pieces are written both ways{unbalanced}.

Likelihoods are of all pieces: with nothing known ahead exactly; with a beat, from sixteenths drawn
among them, before which the other voices' last beat was drawn {paths} times (`look_ahead.py` tells
why that is the same). So few draws make a beat seem worth a little too much: *too low by about* is
by how much less it seems worth with all of them than with half.
"""
SPLIT = "{split}: faults in {pieces} pieces; likelihoods from {looked:,} sixteenths.\n"
UNBALANCED = ", by a bundle whose chords were not balanced (`balance`)"


def measure(
    folder: Path, corpus: Corpus, split: Split, pieces: int, looked: int, seed: int
) -> dict[str, Any]:
    """Measure the run in `folder` on `split`: likelihoods from `looked` sixteenths of all of its
    pieces, for each voice that is given, and faults in the first `pieces`, written by the engine
    both ways. What is found stays in the folder. Raises RipienoError."""
    model, _ = load(folder)
    if not isinstance(model, ChoraleTransformer):
        raise RipienoError("only a chorale-transformer is asked ahead", where=str(folder))
    real = corpus.of(split)
    if not regular(real):
        raise RipienoError(f"there are no {split} pieces with one metre", where=corpus.name)
    with tempfile.TemporaryDirectory() as made:
        bundle = export.bundle(folder, corpus, Path(made))
        generator = Generator(open_model(check(bundle)))
        told = found(generator, model, real, pieces, looked, Effort(HARMONISED), seed)
        told["balanced"] = (bundle / sonorities.FILE).exists()
    write(folder, AHEAD, read(folder, AHEAD) | {split.value: told})
    return told


def found(
    generator: Generator,
    model: ChoraleTransformer,
    real: Sequence[Piece],
    pieces: int,
    looked: int,
    effort: Effort,
    seed: int,
) -> dict[str, Any]:
    """What is found of the `real` pieces; see `measure`."""
    forms = regular(real)[:pieces]
    faults = harmonise_ahead.judge(generator, model, forms, effort, seed)
    likely = [
        asdict(foreseen(model, real, given, looked, seed=seed)) for given in range(len(VOICES))
    ]
    return {
        "pieces": len(forms),
        "seed": seed,
        "effort": asdict(effort),
        "likelihood": dict(zip(VOICES, likely, strict=True)),
        **faults,
    }


def sections(told: Mapping[str, Any]) -> Iterator[str]:
    """What `docs/models.md` tells of each split that was measured."""
    for split, found in told.items():
        likely = found["likelihood"][VOICES[0]]
        if found is next(iter(told.values())):
            times = found["ahead"]["milliseconds"] / found["live"]["milliseconds"]
            yield PAGE.format(
                times=times,
                paths=likely["draws"],
                unbalanced="" if found["balanced"] else UNBALANCED,
                **found["effort"],
            )
        words = PARTS[split].capitalize()
        yield SPLIT.format(split=words, pieces=found["pieces"], looked=likely["looked"])
        yield table(found) + "\n"


def table(told: Mapping[str, Any]) -> str:
    """What was measured of one split: one column for each voice that is a player's."""
    likely: Mapping[str, Mapping[str, float]] = told["likelihood"]
    lines = heading(VOICES, "given")
    for way, words in WAYS.items():
        label = f"nats per decision of the others, {words}"
        lines.append(row(label, [f"{likely[voice][way]:.4f}" for voice in VOICES]))
    for name, words in (
        ("error", "– standard error of the difference"),
        ("halved", "– too low by about"),
    ):
        lines.append(row(words, [f"{likely[voice][name]:.4f}" for voice in VOICES]))
    for key in SHOWN:
        for way, words in WAYS.items():
            cells = [cell(told[way][voice][key]) for voice in VOICES]
            lines.append(row(f"{LABELS[key]}, {words}", cells))
    return "\n".join(lines)
