"""What a model of blocks makes of the first block of a held-out piece, as music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ripieno.grammar.grid import FIRST_PITCH, HOLD, Cursor, Setting
from ripieno.inference.blocks import roll
from torch import nn

from ripieno_models.blocks.dataset import begins, whole
from ripieno_models.families.blocks import VOICE_COUNT, Blocks
from ripieno_models.families.gan import Gan
from ripieno_models.likelihood import LIVE_ORDER
from ripieno_models.piece import Piece
from ripieno_models.sample import write_midi


@torch.inference_mode()
def piece_from(model: Blocks, form: Piece) -> Piece:
    """The likeliest tokens of the block that is made of the first one of `form`; a generator that
    hears nothing makes one of always the same noise."""
    heard = whole([form], model.steps, batch=1)[0].heard
    drawn = model.encode(heard)
    if isinstance(model, Gan):
        drawn = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(1))
    told = model.decode(drawn)[0].numpy()
    cursor, tokens = Cursor(), np.zeros((model.steps, VOICE_COUNT), np.int64)
    for step in range(model.steps):
        for voice in LIVE_ORDER:
            if model.output == "roll":
                logits = roll.logits_of(told[step], voice, cursor.features(voice, Setting()))
            else:
                logits = told[step, voice].copy()
            if cursor.sounding[voice] < FIRST_PITCH:
                logits[HOLD] = -np.inf
            tokens[step, voice] = int(logits.argmax())
            cursor.decide(voice, int(tokens[step, voice]))
        cursor.next_step()
    begin = begins(form, model.steps)[0]
    part = slice(begin, begin + model.steps)
    tokens = tokens[: len(form.place[part])]
    return replace(
        form,
        name=f"from {form.name}",
        tokens=tokens,
        place=form.place[part],
        bar_steps=form.bar_steps[part],
        fermata=form.fermata[part],
    )


def block_writer(forms: Callable[[], list[Piece]]) -> Callable[[nn.Module, Path], None]:
    """Has a model write the block of the first of `forms` as a MIDI file."""

    def write(model: nn.Module, path: Path) -> None:
        assert isinstance(model, Blocks)
        write_midi(piece_from(model.eval(), forms()[0]), path)

    return write
