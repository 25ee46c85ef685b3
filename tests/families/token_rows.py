"""A family that writes tokens from end to end: as `rows`, on tunes of a prepared folk corpus."""

from __future__ import annotations

from math import log
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES, RECORD, read, write
from ripieno_models.tokens import evaluate, export, runs

from tests.families.rows import Row, eight_bars

TOKEN_STREAMS = ("remi-transformer",)
SMALLER: dict[str, dict[str, Any]] = {
    "remi-transformer": {"width": 64, "layers": 2, "heads": 2, "inner": 128, "bpe": 260},
}
"""Of one processor and a minute; the families' own sizes are their defaults."""
TOKENS_OF_A_NOTE = 3
DECISIONS = 64


def token_row(name: str, data: Path, folder: Path, **options: Any) -> Row:
    """Take the family `name` from training on the corpus below `data` to eight bars of music."""
    began = perf_counter()
    kind = TOKEN_FAMILIES[name]
    run = folder / name
    runs.fit(kind, kind.options(**{**SMALLER[name], **options}), data, run, progress=False)
    told = evaluate.figures(kind, run, data, False)
    write(run, FIGURES, told)
    bundle = export.bundle(kind, run, data, folder / "zoo")
    notes, hanging = eight_bars(bundle, folder / f"{name}.take")
    manifest = check(bundle)
    return Row(
        name=name,
        parameters=read(run, RECORD)["parameters"],
        untrained=TOKENS_OF_A_NOTE * log(190),
        nll=told["nll_valid"],
        difference=dict(manifest.metrics)["largest_logit_difference"],
        replayed=engine_difference(bundle, name, run, data),
        notes=notes,
        hanging=hanging,
        seconds=perf_counter() - began,
    )


def engine_difference(bundle: Path, name: str, run: Path, data: Path) -> float:
    """The largest difference between the engine's logits and those of the same steps after going
    back and again forth: exactly what a rewind must keep. (In 8 bits torch is another model.)"""
    kind = TOKEN_FAMILIES[name]
    model, options, scheme = runs.load(kind, run)
    pieces, _ = runs.read_pieces(kind, options, data, run)
    valid = [piece for piece in pieces if piece.split is Split.VALID]
    line = export.lines_of(valid, scheme, options)[0][:DECISIONS].tolist()
    played = open_model(check(bundle))
    straight = [played.step((token,)).copy() for token in line]
    played.reset()
    found: list[float] = []
    for number, token in enumerate(line):
        mark = played.mark()
        for other in line[number : number + number % 3]:
            played.step((other,))
        played.rewind(mark)
        found.append(float(np.abs(played.step((token,)) - straight[number]).max()))
    with torch.inference_mode():
        assert torch.isfinite(model(torch.tensor([line]))[0]).all()
    return max(found)
