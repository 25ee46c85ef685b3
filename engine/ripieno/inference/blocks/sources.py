"""What the next block is made from: two phrases and the knobs, or a prior that goes on.

A source draws the same block for the same place, phrases and knobs, so that a plan that is asked
for again is the same music; where one of them has changed, the rest of the block changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ripieno.inference.blocks import latent
from ripieno.inference.blocks.model import UNKNOWN, BlockModel, Floats, Ints
from ripieno.inference.blocks.phrases import Phrase, Row, sounding, tokens_of
from ripieno.inference.sampling import pick, uniform
from ripieno.settings import Sampling, Settings

_KEPT = 16
_FAR = 1 << 20
"""A place of the score where no block lies: what is drawn for a whole performance."""
_BLOCK, _FIRST, _SECOND, _CODE = 101, 102, 103, 104
"""Streams of chance: for a block, for phrases that nobody played, for codes."""
LOOKED_BACK = 1
"""Blocks that a prior is told before it goes on, as in its training."""


@dataclass(frozen=True, slots=True)
class Place:
    """The block `number` of the score, of `span` sixteenths, needed from the sixteenth `offset` of
    it on. `phrases`: the one heard last and the one before. `rows`: what all voices did in the
    `LOOKED_BACK` blocks before this one, and in this one up to `offset`; others played in it up to
    the sixteenth `told` of it, and a block drawn before knew nothing of that."""

    number: int
    span: int
    offset: int
    phrases: tuple[Phrase | None, Phrase | None]
    rows: Sequence[Row]
    told: int = 0


class Source(Protocol):
    """Draws blocks."""

    def block(self, place: Place, settings: Settings) -> Floats:
        """The block at `place`: see `BlockModel.decode`. Raises ModelFault."""

    def clear(self) -> None:
        """Forget what was drawn."""


class Kept(OrderedDict[bytes, Floats]):
    """The last few of what was computed, by what it was computed from."""

    def keep(self, key: bytes, value: Floats) -> None:
        """Keep `value`, and forget the oldest where there are too many."""
        self[key] = value
        if len(self) > _KEPT:
            self.popitem(last=False)


class Arcs:
    """Blocks of a latent space: on the arc between two phrases, a step aside for each block."""

    def __init__(self, model: BlockModel) -> None:
        self._model = model
        self._drawn, self._found = Kept(), Kept()

    def clear(self) -> None:
        self._drawn.clear()
        self._found.clear()

    def block(self, place: Place, settings: Settings) -> Floats:
        spec, knobs, seed = self._model.spec, settings.blocks, settings.sampling.seed
        point = latent.between(
            self._phrase(place, 0, seed), self._phrase(place, 1, seed), knobs.morph
        )
        chance = latent.normal(spec.size, seed, place.number, _BLOCK)
        point = latent.aside(point, chance, knobs.variation)
        turns = np.array(knobs.directions[: spec.directions], np.float32)
        key = point.tobytes() + turns.tobytes()
        if key not in self._drawn:
            self._drawn.keep(key, self._model.decode(point, turns))
        return self._drawn[key]

    def _phrase(self, place: Place, which: int, seed: int) -> Floats:
        """Where the phrase lies; one that nobody has played is drawn from the prior."""
        phrase = place.phrases[which]
        if phrase is None or not self._model.hears:
            size = self._model.spec.size
            return latent.normal(size, seed, _FAR, (_FIRST, _SECOND)[which])
        number = phrase.number(place.number, place.span)
        tokens = phrase.block(number, place.span, self._model.spec.steps)
        key = tokens.tobytes()
        if key not in self._found:
            self._found.keep(key, np.asarray(self._model.encode(tokens), np.float32))
        return self._found[key]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a block of codes was drawn from."""

    number: int
    span: int
    offset: int
    rows: tuple[Row, ...]
    sampling: Sampling


class Prior:
    """Blocks of codes: a prior hears those of the last blocks and goes on, code by code."""

    def __init__(self, model: BlockModel) -> None:
        self._model = model
        self._drawn: list[tuple[_Told, Floats]] = []

    def clear(self) -> None:
        self._drawn.clear()

    def block(self, place: Place, settings: Settings) -> Floats:
        """A block stays as it was drawn, for as long as what it was drawn from stands."""
        for told, drawn in self._drawn:
            before = len(told.rows)
            same = (told.number, told.span) == (place.number, place.span)
            if (
                same
                and place.told <= told.offset <= place.offset
                and told.sampling == settings.sampling
                and told.rows == tuple(place.rows[:before])
            ):
                return drawn
        rows = tuple(place.rows)
        told = _Told(place.number, place.span, place.offset, rows, settings.sampling)
        found = self._model.decode(self._codes(told), np.zeros(0, np.float32))
        self._drawn = [(told, found), *self._drawn[: _KEPT - 1]]
        return found

    def _codes(self, told: _Told) -> Ints:
        """Codes [C]: those of what is there already as they are, the others from the prior."""
        model, spec = self._model, self._model.spec
        here = len(told.rows) - told.offset
        heard: list[int] = []
        for first in range(here - LOOKED_BACK * told.span, here, told.span):
            block = told.rows[first : first + told.span]
            if any(token != UNKNOWN for row in block for token in row):
                heard += self._encoded(told.rows[:first], block)
        known = told.offset * spec.size // (spec.together * spec.steps) * spec.together
        codes = np.zeros(spec.size, np.int64)
        if known:
            codes[:known] = self._encoded(told.rows[:here], told.rows[here:])[:known]
        memory = np.zeros(spec.memory, np.float32)
        before = spec.entries
        for code in (*heard, *codes[:known].tolist()):
            _, memory = model.predict(before, memory)
            before = int(code)
        every = np.arange(spec.entries)
        for place in range(known, spec.size):
            logits, memory = model.predict(before, memory)
            chance = uniform(told.sampling.seed, told.number, _CODE, place)
            before = pick(logits, every, told.sampling, chance)
            codes[place] = before
        return codes

    def _encoded(self, before: Sequence[Row], block: Sequence[Row]) -> list[int]:
        tokens = tokens_of(block, self._model.spec.steps, sounding(before))
        return [int(code) for code in self._model.encode(tokens)]
