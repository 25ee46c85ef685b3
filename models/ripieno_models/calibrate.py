"""Finds the temperatures of a trained model on pieces that it has not learned from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from ripieno.grammar.grid import FIRST_PITCH
from torch.nn import functional

from ripieno_models.dataset import whole
from ripieno_models.families.calibration import Temperatures
from ripieno_models.families.chorale_lstm import legal
from ripieno_models.families.chorale_transformer import ChoraleTransformer
from ripieno_models.features import decisions
from ripieno_models.likelihood import LIVE_ORDER
from ripieno_models.piece import Piece

TRIED = torch.arange(0.8, 1.6, 0.01)
"""Temperatures that are compared."""


@torch.inference_mode()
def calibrate(model: ChoraleTransformer, pieces: Sequence[Piece]) -> Temperatures:
    """Set and return the temperatures at which as many notes are expected of `pieces` as they
    strike, and at which the pitches struck are likeliest; all told, in the order in which the
    engine decides."""
    model.voice.temperatures = Temperatures()
    excess, pitch = torch.zeros(len(TRIED)), torch.zeros(len(TRIED))
    for batch in whole(pieces):
        order = torch.tensor(LIVE_ORDER).expand_as(batch.order)
        asked = decisions(batch.tokens, order, batch.settings)
        counted = batch.mask.repeat_interleave(order.shape[2], dim=1)
        logits = legal(model(asked.features)[0], asked.may_hold)[counted]
        targets = asked.targets[counted]
        struck = targets >= FIRST_PITCH
        for number, temperature in enumerate(TRIED.tolist()):
            expected = (logits / temperature).softmax(1)[:, FIRST_PITCH:].sum()
            excess[number] += expected - struck.sum()
            pitches = logits[struck, FIRST_PITCH:] / temperature
            sought = targets[struck] - FIRST_PITCH
            pitch[number] += functional.cross_entropy(pitches, sought, reduction="sum")
    best = (round(float(TRIED[costs.argmin()]), 2) for costs in (excess.abs(), pitch))
    model.voice.temperatures = Temperatures(*best)
    return model.voice.temperatures
