"""Music that a model of blocks writes, with no rule of the engine's.

Blocks are drawn by the engine's own sources, as in play: on the way between two phrases, or by the
prior that goes on with codes. Their sixteenths are drawn voice by voice, by their probability.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from ripieno.grammar.grid import FIRST_PITCH, VOICES, Cursor, Setting
from ripieno.inference.blocks.manifest import Kind
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.blocks.phrases import NOTHING, Phrase, Row
from ripieno.inference.blocks.sources import LOOKED_BACK, Arcs, Place, Prior, Source
from ripieno.settings import Blocks, Sampling, Settings

from ripieno_models.harness.written import ORDER, draw
from ripieno_models.piece import Ints, Piece

Floats = NDArray[np.float64]

ANYWHERE = 1.0
"""The variation of pieces that go on from nothing: each block is drawn anew from all that the model
can make."""


class BlockWriter:
    """Writes grids with a model of blocks, from a bundle or from a run.

    Where it hears an opening, blocks lie as near to that phrase as `variation` says; it is the
    engine's by default. `seconds` and `decisions` tell what writing has cost so far.
    """

    def __init__(
        self, model: BlockModel, temperature: float = 1.0, variation: float = Blocks().variation
    ) -> None:
        self.model, self.temperature, self.variation = model, temperature, variation
        self.seconds, self.decisions = 0.0, 0

    def write(self, form: Piece, seed: int, opening: int = 0) -> Piece:
        """A new piece with the length, metre and bar lines of `form`, after its first `opening`
        sixteenths, which are kept, and are the phrase that it hears."""
        random = np.random.default_rng(seed)
        chances = random.random((len(form), len(VOICES)))
        settings = self.settings(seed, opening)
        source: Source = Arcs(self.model) if self.latent else Prior(self.model)
        first, span = int(form.place[0]), self.span(form)
        rows: list[Row] = [tuple(row) for row in form.tokens[:opening].tolist()]
        phrase = Phrase(first, tuple(rows)) if opening else None
        cursor, tokens = Cursor(), form.tokens.copy()
        for step in range(len(form)):
            number, offset = divmod(first + step, span)
            if step == opening or (step > opening and offset == 0):
                began = perf_counter()
                before = () if self.latent else told(rows, LOOKED_BACK * span + offset)
                place = Place(number, span, offset, (phrase, None), before)
                block = source.block(place, settings)
                self.seconds += perf_counter() - began
            if step >= opening:
                self.model.play(block, offset)
                self.decide(cursor, tokens[step], chances[step])
                rows.append(tuple(tokens[step].tolist()))
            else:
                for voice in ORDER:
                    cursor.decide(voice, int(tokens[step, voice]))
            cursor.next_step()
        return replace(form, name=f"like {form.name}", tokens=tokens)

    def decide(self, cursor: Cursor, row: Ints, chances: Floats) -> None:
        """Draw a sixteenth into `row` [4]."""
        for voice in ORDER:
            began = perf_counter()
            logits = self.model.step(cursor.features(voice, Setting()))
            self.seconds += perf_counter() - began
            self.decisions += 1
            may_hold = cursor.sounding[voice] >= FIRST_PITCH
            row[voice] = draw(logits / self.temperature, may_hold, float(chances[voice]))
            cursor.decide(voice, int(row[voice]))

    @property
    def latent(self) -> bool:
        return self.model.spec.kind is Kind.LATENT

    def span(self, form: Piece) -> int:
        """Sixteenths of a block that are played: whole bars."""
        steps, bar = self.model.spec.steps, int(form.bar_steps[0])
        return min(steps, bar * max(1, steps // bar))

    def settings(self, seed: int, opening: int) -> Settings:
        sampling = Sampling(seed=seed, temperature=self.temperature)
        variation = self.variation if opening else ANYWHERE
        return Settings(sampling=sampling, blocks=Blocks(variation=variation))


def told(rows: list[Row], count: int) -> list[Row]:
    """The last `count` of `rows`; nothing where the piece had not begun."""
    known = rows[max(0, len(rows) - count) :]
    return [NOTHING] * (count - len(known)) + known
