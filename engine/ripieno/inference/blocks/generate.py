"""Plays a model of blocks live: a block is drawn ahead, and its sixteenths go the way of all.

Rules, candidates, drawing and the ladder are those of the grid, `generate.Generator`'s: a block
tells how likely each token is, and no more. A block lies on bar lines and fills whole bars; where
an answer begins inside one, the block goes on from what was played there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from time import perf_counter

from ripieno.clock import Beats, Clock, Seconds
from ripieno.errors import BundleError
from ripieno.events import Planned, Request, Sounding
from ripieno.inference.blocks.manifest import Kind
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.blocks.phrases import NOTHING, Phrases, Row
from ripieno.inference.blocks.sources import LOOKED_BACK, Arcs, Place, Prior, Source
from ripieno.inference.bundle_music import GRID
from ripieno.inference.generate import Asked, Effort, Generator
from ripieno.inference.heard import frames, step_of
from ripieno.inference.model import Model, ModelFault
from ripieno.settings import Mode


class BlocksGenerator(Generator):
    """Plans what comes next, block by block. See `generate.Generator`, whose interface it has;
    `fallback` opens a smaller model, of the grid."""

    def __init__(self, model: BlockModel, fallback: Callable[[], Model] | None = None) -> None:
        super().__init__(model, fallback=None if fallback is None else _of_the_grid(fallback))
        self.blocks = model
        self.phrases = Phrases()
        latents = model.spec.kind is Kind.LATENT
        self._source: Source = Arcs(model) if latents else Prior(model)

    def reset(self) -> None:
        """Forget everything, also what steps have cost."""
        super().reset()
        self._forget()

    def _forget(self) -> None:
        self.phrases.clear()
        self._source.clear()

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """See `Generator.plan`. Raises BundleError if the model cannot be played with so."""
        self._refuse_roles(request)
        self._hear(request)
        yield from super().plan(request, clock, efforts)
        self._stand(step_of(request.end), request)  # now it costs the next request no time

    def _hear(self, request: Request) -> None:
        """Take in what was played that the machine did not play itself."""
        since, begin, end = (step_of(b) for b in (request.since, request.begin, request.end))
        since = min(since, begin)
        told = frames(request.heard, since, max(begin, end))
        if request.fresh:
            self._forget()
        elif request.given:
            while since < begin:
                if not self.context.agrees(since, [told[since][v] for v in request.given]):
                    break
                since += 1
        self.phrases.forget(since)
        if request.given:
            for step in range(since, begin):
                self.phrases.tell(step, [told[step][voice] for voice in request.given])
        if request.player:
            for step in range(begin, end):
                self.phrases.tell(step, [told[step][voice] for voice in request.player])

    def _silent(self, step: int, told: Mapping[int, Sounding], asked: Asked) -> None:
        self._stand(step, asked.request, silent=True)
        super()._silent(step, told, asked)

    def _planned(
        self, step: int, told: Mapping[int, Sounding], asked: Asked, effort: Effort
    ) -> Planned:
        began = perf_counter()
        self._stand(step, asked.request)
        spent = perf_counter() - began
        planned = super()._planned(step, told, asked, effort)
        return replace(
            planned,
            seconds=Seconds(planned.seconds + spent),
            model_seconds=Seconds(planned.model_seconds + spent),
        )

    def _stand(self, step: int, request: Request, *, silent: bool = False) -> None:
        """Have the model read the block of `step`, drawn if it was not yet, or not from all that
        was played; for `silent` steps, which nobody hears, any block is good enough."""
        steps, bar = self.blocks.spec.steps, step_of(request.settings.meter.bar)
        span = min(steps, bar * max(1, steps // bar))
        number, offset = divmod(step, span)
        begin, prior = step - offset, self.blocks.spec.kind is Kind.CODES
        place = Place(
            number=number,
            span=span,
            offset=offset,
            phrases=self.phrases.last_two(),
            rows=self._rows(begin - LOOKED_BACK * span, step) if prior else (),
            told=0 if silent else self.phrases.told_until(begin, step) - begin,
        )
        try:
            self.blocks.play(self._source.block(place, request.settings), offset)
        except ModelFault as error:
            self.blocks.play(None, offset)
            self.faults.append(f"{self.blocks.manifest.name} could not make a block ({error})")

    def _rows(self, begin: int, end: int) -> list[Row]:
        """What all voices did in the sixteenths before `end`, as far as it was decided."""
        found: list[Row] = []
        for step in range(begin, end):
            entry = self.context.at(step)
            known = entry is not None and entry.complete
            found.append(tuple(entry.frame) if entry is not None and known else NOTHING)
        return found

    def _refuse_roles(self, request: Request) -> None:
        along = request.player and request.settings.mode is Mode.ACCOMPANY
        manifest = self.blocks.manifest
        if manifest.given == "none" and along:
            raise BundleError(
                f"{manifest.name} plays whole blocks of bars and cannot go along with a player",
                where=str(manifest.folder),
                nearest="Choose the solo or the answer mode, or a model that accompanies.",
            )


def _of_the_grid(opener: Callable[[], Model]) -> Callable[[], Model]:
    """Opens the smaller model, and refuses one that answers to other rows."""

    def open_it() -> Model:
        model = opener()
        if model.manifest.grammar != GRID:
            raise BundleError(
                f"{model.manifest.name} plays another grammar and cannot stand in for blocks",
                where=str(model.manifest.folder),
                nearest="Choose a model of the grid as the fallback.",
            )
        return model

    return open_it


def blocks_player(model: Model, smaller: Callable[[], Model] | None = None) -> BlocksGenerator:
    """The player of the grammar `blocks`. Raises BundleError for a model of another kind."""
    if not isinstance(model, BlockModel):
        raise BundleError("this is no model of blocks", where=str(model.manifest.folder))
    return BlocksGenerator(model, smaller)
