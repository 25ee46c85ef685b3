"""A grammar: models that know only the twelve pitch classes play a note on each beat.

A row is [1]: the pitch class that sounded last. Logits are [12]: how much each may come next. The
manifest's table [pulse] says in which octave the soprano sings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import exp

from ripieno.clock import Beats, Clock, Seconds
from ripieno.events import Planned, Request, Sounding
from ripieno.inference.generate import Effort
from ripieno.inference.model import Model, ModelFault
from ripieno.inference.sampling import uniform

STEPS = 4
CLASSES = 12


def player(model: Model, smaller: Callable[[], Model] | None) -> Pulse:
    """What plays `model`; a smaller one is of no use to it."""
    return Pulse(model)


class Pulse:
    """Decides on each beat, holds in between."""

    def __init__(self, model: Model) -> None:
        self.faults: list[str] = []
        self._model = model
        self._octave = int(model.manifest.own.get("octave", 5))
        self.reset()

    def reset(self) -> None:
        self._model.reset()
        self._last = 0
        self._sounding: int | None = None

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """Every sixteenth of [begin, end); what you played last is where it goes on from."""
        if request.fresh:
            self.reset()
        if request.heard:
            self._last = max(request.heard, key=lambda note: note.onset).pitch % CLASSES
        first, last = round(request.begin * STEPS), round(request.end * STEPS)
        for step in range(first, last):
            struck = step % STEPS == 0 or self._sounding is None
            if struck:
                self._sounding = self._decide(request, step)
            yield self._planned(request, step, struck)

    def _decide(self, request: Request, step: int) -> int:
        sampling = request.settings.sampling
        try:
            logits = self._model.step([self._last])
        except ModelFault as fault:
            self.faults.append(f"the model failed ({fault}); it stays on its note")
            return CLASSES * self._octave + self._last
        weights = [exp(float(logit) / sampling.temperature) for logit in logits]
        rest = uniform(sampling.seed, step, 0, 0) * sum(weights)
        for number, weight in enumerate(weights):
            self._last = number
            rest -= weight
            if rest < 0:
                break
        return CLASSES * self._octave + self._last

    def _planned(self, request: Request, step: int, struck: bool) -> Planned:
        sounding = Sounding(0, self._sounding, struck, request.settings.velocity)
        return Planned(
            epoch=request.epoch,
            begin=Beats(step / STEPS),
            end=Beats((step + 1) / STEPS),
            voices=() if 0 in request.player else (sounding,),
            at_once=request.at_once and step == round(request.begin * STEPS),
            seconds=Seconds(0.0),
            model_seconds=Seconds(0.0),
            served=True,
            request=request.number,
            decided=1,
        )
