"""The model that comes next while another one plays: it loads, then it waits for its bar line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ripieno.clock import Beats, Meter, Seconds
from ripieno.events import InferenceFailed, InferenceReady
from ripieno.inference.link import InferenceLink, ModelSpec
from ripieno.inference.patience import Patience
from ripieno.modes.ear import STEP
from ripieno.settings import Settings

AHEAD, MARGIN = Seconds(0.6), Beats(0.5)
"""A model that takes over is told so long before its bar line what was heard, so that its first
step is there in time; and so many beats before what is committed could reach that line."""


def ahead_of(settings: Settings) -> Beats:
    """How long before its bar line a model may take over, in beats."""
    needed = max(settings.horizon.commit + MARGIN, AHEAD * settings.bpm / 60.0)
    return Beats(max(STEP, min(settings.horizon.lookahead, needed)))


class Tell(Protocol):
    """Says a sentence to the player."""

    def __call__(self, text: str, *, urgent: bool = False) -> None: ...


@dataclass(slots=True)
class Coming:
    """A model that is loading, or is ready and waits for the bar line on which it takes over."""

    model: ModelSpec
    link: InferenceLink
    patience: Patience
    ready: InferenceReady | None = None
    line: Beats | None = None

    def aim(self, beat: Beats, meter: Meter, ahead: Beats) -> Beats:
        """Its bar line, seen from `beat`: the next one before which there is time. It stays, but
        where the music went back."""
        if self.line is None or self.line - beat > meter.bar + ahead:
            self.line = Beats(meter.bar_start(Beats(beat + ahead)) + meter.bar)
        return self.line


class Successor:
    """The model that is `coming`, if any. What becomes of it is told to `tell`; a process that is
    not wanted any more goes to `let_go`."""

    def __init__(self, tell: Tell, let_go: Callable[[InferenceLink], None]) -> None:
        self._tell, self._let_go = tell, let_go
        self.coming: Coming | None = None

    def expect(self, model: ModelSpec, link: InferenceLink, now: Seconds) -> None:
        """From now on it is `model`, which loads behind `link`."""
        self.coming = Coming(model, link, Patience(now))

    def forsake(self) -> None:
        """None comes any more."""
        if self.coming is not None:
            link, self.coming = self.coming.link, None
            self._let_go(link)

    @property
    def links(self) -> list[InferenceLink]:
        """The process of the one that is coming, if any."""
        return [self.coming.link] if self.coming else []

    @property
    def ready(self) -> bool:
        """Whether it could play."""
        return self.coming is not None and self.coming.ready is not None

    @property
    def loading(self) -> bool:
        """Whether its bar line is not known yet."""
        return self.coming is not None and self.coming.line is None

    @property
    def line(self) -> Beats | None:
        """The bar line on which it takes over; None without one."""
        return self.coming.line if self.coming else None

    def hear(self, now: Callable[[], Seconds]) -> None:
        """Hear what it has said; forsake it where it cannot come."""
        coming = self.coming
        if coming is None or not coming.link.alive:
            return
        name, link = coming.model.folder.name, coming.link
        for message in link.receive():
            coming.patience.heard(message, now())
            if isinstance(message, InferenceReady):
                coming.ready = message
            elif isinstance(message, InferenceFailed):
                self.forsake()
                self._tell(message.sentence, urgent=True)
        if self.coming and link.alive and coming.patience.over(now()):
            self._tell(f"{name} takes too long to load", urgent=True)
            link.kill()
        if self.coming and not link.alive:
            self.forsake()
            self._tell(f"{name} stopped while it was loading; nothing has changed")
