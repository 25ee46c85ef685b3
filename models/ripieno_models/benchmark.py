"""JSB Chorales, one definition: nats per (voice × sixteenth), as the literature reports them.

The chain rule over whole pieces, in the order soprano, alto, tenor, bass within a sixteenth, over
47 symbols: a rest and 46 pitches. A model with tokens for holding and striking gives a repeated
pitch the sum of both. Nothing is told: neither place, metre, key nor fermata, and nothing of the
sixteenth that is being decided. `counted` tells one thing more, the step's number from the piece's
first one modulo 16, as a model with absolute positions knows it. What is told in play is another
task, and measured apart (`evaluate.figures_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from ripieno.errors import RipienoError
from torch import nn

from ripieno_models.chord_given import chord_given
from ripieno_models.corpora import jsb16
from ripieno_models.dataset import COUNTED_BAR, PLACE, Batch, unknown, whole
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.likelihood import likelihood, mixed
from ripieno_models.piece import Piece, Split

Figures = dict[str, float]
MIXED = ((0, 1, 2, 3), (0, 3, 1, 2), (3, 2, 1, 0), (1, 2, 3, 0))
"""Orders of decision whose probabilities `…_mixed` takes the mean of."""


def figures(model: nn.Module, path: Path, splits: Sequence[Split]) -> Figures:
    """The benchmark's figures on the pieces of the file at `path`. Raises RipienoError."""
    told: Figures = {}
    everything = jsb16.pieces(path)
    for split in splits:
        pieces = [piece for piece in everything if piece.split is split]
        told |= figures_of(model, pieces, split)
    return told


def figures_of(model: nn.Module, pieces: Sequence[Piece], split: Split) -> Figures:
    """`micro`, without the pieces that are also trained on, with the steps counted, and as the mean
    of several orders of decision."""
    name = f"jsb_{split.value}"
    apart = jsb16.without_twins(list(pieces), split)
    told = {f"{name}_micro": micro(model, pieces)}
    if len(apart) < len(pieces):
        told[f"{name}_micro_without_twins"] = micro(model, apart)
    told[f"{name}_micro_counted"] = micro(model, pieces, count=True)
    told[f"{name}_micro_mixed"] = mixed(model, unknown(whole(pieces)), MIXED)
    return told


def given_chords(model: nn.Module, path: Path, splits: Sequence[Split]) -> Figures:
    """The other task: the same where the model knows the chord of the sixteenth that it is about to
    write, see `chord_given`. `…_slack` is by how much the figure may be too low, `…_missed` the
    probability of the chords that were not followed. Raises RipienoError."""
    if not isinstance(model, ChoraleTransformer):
        raise RipienoError(
            "the chords are only followed through a chorale-transformer",
            nearest="Leave --chords out.",
        )
    told: Figures = {}
    for split in splits:
        pieces = [piece for piece in jsb16.pieces(path) if piece.split is split]
        found = chord_given(model, unknown(whole(pieces, batch=1)))
        name = f"jsb_{split.value}_given_chord"
        told |= {name: found.nll, f"{name}_slack": found.slack, f"{name}_missed": found.missed}
    return told


def micro(model: nn.Module, pieces: Sequence[Piece], count: bool = False) -> float:
    """Nats per (voice × sixteenth) symbol. `pieces` have pitches only."""
    batches = unknown(whole(pieces))
    return likelihood(model, counting(batches) if count else batches, merged=True).nll


def counting(batches: Sequence[Batch]) -> list[Batch]:
    """The same batches of whole pieces, with each step's number modulo 16 as its place."""
    told = []
    for batch in batches:
        settings = batch.settings.clone()
        settings[..., PLACE] = torch.arange(settings.shape[1]) % COUNTED_BAR
        told.append(batch._replace(settings=settings))
    return told
