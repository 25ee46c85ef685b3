"""Which model of event tokens is asked, as time allows: the ladder's rungs."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from ripieno.errors import BundleError
from ripieno.events import Rung
from ripieno.inference.ladder import Ladder
from ripieno.inference.model import Model
from ripieno.inference.tokens.manifest import TOKENS
from ripieno.inference.tokens.speaker import Speaker


class Rungs:
    """The model that was chosen, a smaller one if there is one, and which of them speaks now.

    `faults` takes what goes wrong, in sentences.
    """

    def __init__(
        self, model: Model, fallback: Callable[[], Model] | None, faults: list[str]
    ) -> None:
        """Raises BundleError for a vocabulary that does not fit."""
        self.speaker = self.full = Speaker(model)
        self.begun = Rung.FULL
        self._smaller: Speaker | None = None
        self._fallback, self._faults = fallback, faults
        self.ladder = self.new_ladder()

    def new_ladder(self) -> Ladder:
        """A ladder of the rungs that exist with these models."""
        shorter = (Rung.SHORTER,) if self.full.model.context < inf else ()
        smaller = (Rung.SMALLER,) if self._fallback else ()
        return Ladder((Rung.FULL, *shorter, *smaller, Rung.HOLD))

    def step_onto(self, rung: Rung) -> bool:
        """Make ready for a step on `rung`; whether another model speaks from now on."""
        if rung is self.begun:
            return False
        self.begun = rung
        if rung is Rung.HOLD:
            return False
        speaker = self._small() if rung is Rung.SMALLER else self.full
        speaker.short = rung is not Rung.FULL
        if speaker is self.speaker:
            return False
        speaker.reset()
        self.speaker = speaker
        return True

    def _small(self) -> Speaker:
        """The smaller model, opened when it is needed first; the other if that cannot be had."""
        if self._smaller is None:
            self._smaller = self.full
            try:
                if self._fallback is not None:
                    self._smaller = Speaker(_tokens(self._fallback()))
            except BundleError as error:
                self._faults.append(str(error))
        return self._smaller


def _tokens(model: Model) -> Model:
    if model.manifest.grammar != TOKENS:
        raise BundleError(
            f"{model.manifest.name} plays another grammar and cannot stand in for event tokens",
            where=str(model.manifest.folder),
        )
    return model
