"""How long a model may say nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ripieno.clock import Seconds
from ripieno.events import InferenceMessage, InferenceReady, Served

SILENT, LOADING = Seconds(20.0), Seconds(90.0)
"""How long a model that was asked may say nothing, and how long one may load: more than the system
lets it compute (see `limits`), so this is for one that sleeps, or is kept from the processor."""
ASLEEP = Seconds(1.5)
"""Who did not look for so long has slept, and cannot blame a model for the time."""


@dataclass(slots=True)
class Patience:
    """How long one model has said nothing although it should."""

    since: Seconds
    asked: set[int] = field(default_factory=set)
    loaded: bool = False
    looked: Seconds = Seconds(0.0)

    def heard(self, message: InferenceMessage, now: Seconds) -> None:
        """It has said something."""
        self.since = now
        if isinstance(message, InferenceReady):
            self.loaded = True
        elif isinstance(message, Served):
            self.asked.discard(message.request)

    def ask(self, number: int, now: Seconds) -> None:
        """It was asked for this."""
        if not self.asked:
            self.since = now
        self.asked.add(number)

    def over(self, now: Seconds) -> bool:
        """Whether it has been silent for too long."""
        slept, self.looked = now - self.looked > ASLEEP, now
        if slept:
            self.since = now
        if not self.loaded:
            return now - self.since > LOADING
        return bool(self.asked) and now - self.since > SILENT
