"""A family that writes tokens from end to end: as `rows`, on a slice of a prepared corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models.corpora import SHARED_DATA
from ripieno_models.families.remi_structured import alone
from ripieno_models.families.stepped import Stepped
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, read
from ripieno_models.tokens import evaluate, export, runs
from ripieno_models.tokens.dataset import whole
from ripieno_models.tokens.kind import Source, TokenKind
from ripieno_models.tokens.tune import Tune

from tests.families.rows import Row, eight_bars
from tests.models.tunes import melody, song

Options = dict[str, Any]
COMMON: Options = {
    "batch": 8, "crop": 96, "warmup": 10, "average": 0.95, "bf16": False, "learning_rate": 6e-3,
}  # fmt: skip
SMALLER: dict[str, Options] = {
    "remi-transformer": {
        "width": 64, "layers": 2, "heads": 2, "inner": 128, "bpe": 260, "steps": 240,
    },
    "remi-lstm": {"hidden": 96, "layers": 1, "attention": True, "look_back": 16, "steps": 240},
    "remi-structured": {
        "width": 64, "layers": 2, "heads": 2, "inner": 128, "crop": 128, "steps": 240,
    },
    "pitch-lstm": {"first": 64, "second": 64, "third": 64, "steps": 200},
    "gpt2-lora": {"rank": 16, "window": 64, "crop": 48, "steps": 120, "learning_rate": 1e-2},
    "bart-lora": {"rank": 16, "window": 64, "crop": 64, "steps": 200},
}  # fmt: skip
"""Of one processor and half a minute; the families' own sizes are their defaults."""
TOKEN_STREAMS = tuple(SMALLER)
LEARNS = {"pitch-lstm": 0.9}
"""Shares of an untrained model's nats; of `pitch-lstm` most tell the rhythm, which is fixed."""
FEWEST, PLAYS = 4, {"gpt2-lora": 2}
"""Notes in eight bars, at least: after half a minute a line rests for much of its time, and the
control that falls silent must play at all."""
TRAIN, VALID, MADE_UP = 300, 16, 96
DECISIONS = 64


def token_row(name: str, folder: Path, **options: Any) -> Row:
    """Take the family `name` from training on a slice of its corpus to eight bars of music."""
    began = perf_counter()
    kind = sliced(TOKEN_FAMILIES[name])
    run = folder / name
    told = {**COMMON, **SMALLER[name], **options}
    chosen = kind.options(**{"steps_per_epoch": told["steps"] // 2, **told})
    runs.fit(kind, chosen, None, run, progress=False)
    figures = evaluate.figures(kind, run, None, False)
    bundle = export.bundle(kind, run, None, folder / "zoo")
    notes, hanging = eight_bars(bundle, folder / f"{name}.take")
    manifest = check(bundle)
    return Row(
        name=name,
        parameters=read(run, RECORD)["parameters"],
        untrained=untrained(kind, run),
        nll=figures["nll_valid"],
        difference=dict(manifest.metrics)["largest_logit_difference"],
        replayed=engine_difference(bundle, kind, run),
        notes=notes,
        hanging=hanging,
        seconds=perf_counter() - began,
        learns=LEARNS.get(name, 0.75),
        plays=PLAYS.get(name, FEWEST),
    )


def sliced(kind: TokenKind) -> TokenKind:
    """The same family on a slice of its corpus; on made-up music where that is not beside us."""
    if (SHARED_DATA / "folk").is_dir() and kind.use == "melody":
        tunes: Sequence[Tune] = kind.tunes(None)
    else:
        make = song if kind.forms is alone else melody
        tunes = [make(seed) for seed in range(MADE_UP)]
    few = [tune for tune in tunes if tune.split is Split.TRAIN][:TRAIN]
    few += [tune for tune in tunes if tune.split is Split.VALID][:VALID]
    return replace(kind, source=Source(kind.source.name, kind.source.licence, lambda _: few))


def untrained(kind: TokenKind, run: Path) -> float:
    """Nats per note of a model that has learned nothing."""
    _, options, scheme = runs.load(kind, run)
    pieces, _ = runs.read_pieces(kind, options, None, run)
    torch.manual_seed(0)
    fresh = kind.build(options, len(scheme)).eval()
    valid = [piece for piece in pieces if piece.split is Split.VALID]
    return evaluate.nats_per_note(fresh, whole(valid, scheme, options.crop))


def engine_difference(bundle: Path, kind: TokenKind, run: Path) -> float:
    """The largest difference of the engine's logits, going back and again forth on the way, from
    torch's; where the bundle has 8 bits, and is another model, from its own without the way back:
    exactly what going back must keep."""
    model, options, scheme = runs.load(kind, run)
    pieces, _ = runs.read_pieces(kind, options, None, run)
    valid = [piece for piece in pieces if piece.split is Split.VALID]
    line = export.lines_of(valid, scheme, options)[0][:DECISIONS].tolist()
    played = open_model(check(bundle))
    if isinstance(model, Stepped):
        with torch.inference_mode():
            right = list(model(torch.tensor([line]))[0][0].numpy())
    else:
        right = [played.step((token,)).copy() for token in line]
        played.reset()
    found: list[float] = []
    for number, token in enumerate(line):
        mark = played.mark()
        for other in line[number : number + number % 3]:
            played.step((other,))
        played.rewind(mark)
        found.append(float(np.abs(played.step((token,)) - right[number]).max()))
    return max(found)
