"""Music that a bundle writes for the comparison, and how likely real music is to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Protocol

import numpy as np
from ripieno.grammar.grid import FIRST_PITCH, HOLD, VOCABULARY, VOICES, Cursor, Setting
from ripieno.inference.model import Logits, Model

from ripieno_models.piece import Piece

ORDER = tuple(range(len(VOICES)))
"""Soprano, alto, tenor, bass."""


class Writer:
    """Reads and writes grids with a bundle's `model`: no rule of the engine's, temperature 1.

    `seconds` and `decisions` tell what its decisions have cost so far.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.seconds, self.decisions = 0.0, 0

    def write(self, form: Piece, seed: int, opening: int = 0) -> Piece:
        """A new piece with the length, metre, key and fermatas of `form`, after its first `opening`
        sixteenths, which are kept."""
        random = np.random.default_rng(seed)
        chances = random.random((len(form), len(VOICES)))
        self.model.reset()
        cursor = Cursor()
        tokens = form.tokens.copy()
        for step, row in enumerate(form.settings().tolist()):
            for voice in ORDER:
                logits = self.ask(cursor, voice, Setting(*row))
                if step >= opening:
                    may_hold = cursor.sounding[voice] >= FIRST_PITCH
                    tokens[step, voice] = draw(logits, may_hold, float(chances[step, voice]))
                cursor.decide(voice, int(tokens[step, voice]))
            cursor.next_step()
        return replace(form, name=f"like {form.name}", tokens=tokens)

    def nll(self, piece: Piece) -> float:
        """Nats per decision of a real piece, order S A T B, everything told."""
        self.model.reset()
        cursor = Cursor()
        total = 0.0
        for step, row in enumerate(piece.settings().tolist()):
            for voice in ORDER:
                logits = self.ask(cursor, voice, Setting(*row))
                token = int(piece.tokens[step, voice])
                total -= float(log_shares(logits, cursor.sounding[voice] >= FIRST_PITCH)[token])
                cursor.decide(voice, token)
            cursor.next_step()
        return total / (len(piece) * len(VOICES))

    def ask(self, cursor: Cursor, voice: int, here: Setting) -> Logits:
        """The logits of one decision."""
        row = cursor.features(voice, here)
        began = perf_counter()
        logits = self.model.step(row)
        self.seconds += perf_counter() - began
        self.decisions += 1
        return logits


def log_shares(logits: Logits, may_hold: bool) -> np.ndarray:
    """[48]: the logarithm of each token's probability; HOLD only where there is what to hold."""
    told = logits.astype(np.float64)
    if not may_hold:
        told[HOLD] = -np.inf
    told -= told.max()
    return np.asarray(told - np.log(np.exp(told).sum()))


def draw(logits: Logits, may_hold: bool, chance: float) -> int:
    """A token by its probability; `chance` lies in 0 … 1."""
    ladder = np.exp(log_shares(logits, may_hold)).cumsum()
    return min(VOCABULARY - 1, int(ladder.searchsorted(chance * ladder[-1], side="right")))


class Writes(Protocol):
    """Whatever writes grids."""

    def write(self, form: Piece, seed: int, opening: int = 0) -> Piece:
        """See `Writer.write`."""


def answers(writer: Writes, forms: Sequence[Piece], seed: int, opening: int) -> list[Piece]:
    """What follows the openings of different pieces, all with the setting of the first one and with
    the same chance numbers: only what was heard differs."""
    first = forms[0]
    fitting = [form for form in forms if len(form) >= opening and len(first) > opening]
    told = []
    for form in fitting:
        tokens = first.tokens.copy()
        tokens[:opening] = form.tokens[:opening]
        written = writer.write(replace(first, tokens=tokens), seed, opening)
        told.append(replace(rest_of(written, opening), name=f"after {form.name}"))
    return told


def rest_of(piece: Piece, opening: int) -> Piece:
    """`piece` without its first `opening` sixteenths; what is held into the rest is struck."""
    after = slice(opening, None)
    heard = piece.sounding()[after]
    return replace(
        piece,
        tokens=np.vstack([heard[:1], piece.tokens[opening + 1 :]]),
        place=piece.place[after],
        bar_steps=piece.bar_steps[after],
        fermata=piece.fermata[after],
    )
