"""Keeps a model playing: starts it, starts it again, changes it while the music goes on.

Each model has a process of its own. The one that plays hears requests; one that is coming is
loading, and takes over when it is ready; those that went are let go without waiting for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from ripieno.clock import Beats, Seconds
from ripieno.events import (
    InferenceFailed,
    InferenceMessage,
    InferenceReady,
    InferenceSaid,
    Planned,
    Request,
    Served,
)
from ripieno.inference.computer import manifest_hash
from ripieno.inference.link import PATIENCE, InferenceLink, ModelSpec
from ripieno.performance import Performance
from ripieno.takes.facts import ModelReady
from ripieno.takes.history import History

HEARD = 32.0
"""Beats of the past that a model is told when it takes over."""
DEATHS = 3
"""A model that dies more often than this is not started again."""
SILENT, LOADING = Seconds(20.0), Seconds(90.0)
"""How long a model that was asked may say nothing, and how long one may load: more than the system
lets it compute (see `limits`), so this is for one that sleeps, or is kept from the processor."""
ASLEEP = Seconds(1.5)
"""Who did not look for so long has slept, and cannot blame a model for the time."""


@dataclass(slots=True)
class Patience:
    """How long one model has said nothing although it should. Pure."""

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


@dataclass(frozen=True, slots=True)
class _Coming:
    """A model that is loading, and will take over."""

    model: ModelSpec
    link: InferenceLink
    patience: Patience


def _system_now() -> Seconds:
    return Seconds(perf_counter())


class ModelHost:
    """The inference processes of a performance, which `join` names once it exists.

    `title` is for the screen; `ready` once a model has been loaded, or cannot be.
    """

    def __init__(
        self,
        model: ModelSpec,
        log: Path,
        history: History,
        now: Callable[[], Seconds] = _system_now,
    ) -> None:
        self.title = "loading …"
        self.ready = False
        self._model, self._log, self._history, self._now = model, log, history, now
        self._playing = InferenceLink(model, log)
        self._patience = Patience(now())
        self._coming: _Coming | None = None
        self._gone: list[tuple[InferenceLink, Seconds]] = []
        self._deaths = 0
        self._loaded = False
        self._begin: Callable[[Seconds], None] = lambda now: None

    def join(self, performance: Performance, begin: Callable[[Seconds], None]) -> None:
        """Play in this `performance`; `begin` is called once, when the music may begin."""
        self._show, self._begin = performance, begin

    def ask(self, request: Request) -> None:
        """Send a request to the model that plays."""
        self._patience.ask(request.number, self._now())
        self._playing.ask(request)

    def files(self) -> list[InferenceLink]:
        """What becomes readable when a model has something to say."""
        links = [self._playing, *([self._coming.link] if self._coming else [])]
        return [link for link in links if link.alive]

    def switch(self, folder: Path, now: Seconds) -> None:
        """Load another model, which takes over as soon as it is ready."""
        if self._coming:
            self._let_go(self._coming.link)
        model = replace(self._model, folder=folder)
        self._coming = _Coming(model, InferenceLink(model, self._log), Patience(now))
        self._show.say(f"Loading {folder.name}; it takes over when it is ready")

    def read(self, now: Callable[[], Seconds]) -> None:
        """Hear what the models have said."""
        if self._playing.alive:
            for message in self._playing.receive():
                self._patience.heard(message, now())
                self._hear(message, now())
            if self._playing.alive and self._patience.over(now()):
                self._show.say("The model does not answer any more: it is ended")
                self._playing.kill()
            if not self._playing.alive:
                self._restart(now())
        if self._coming and self._coming.link.alive:
            self._hear_coming(self._coming, now)

    def reap(self) -> None:
        """Look, without waiting, whether those that were let go have gone; one that does not hear
        is made to."""
        late = self._now() - PATIENCE
        for link, since in self._gone:
            if since < late:
                link.kill()
        self._gone = [each for each in self._gone if not each[0].gone()]

    def close(self) -> None:
        """Let all of them go, and wait for them."""
        coming = [self._coming.link] if self._coming else []
        for link in (self._playing, *coming, *(link for link, _ in self._gone)):
            link.close()

    # ---- what they say

    def _hear(self, message: InferenceMessage, now: Seconds) -> None:
        show = self._show
        match message:
            case Planned():
                show.planned(message, now)
            case Served():
                show.served(message, now)
            case InferenceSaid(sentence):
                show.say(sentence, urgent=True)
            case InferenceReady():
                self._take_over(message, now)
            case InferenceFailed(sentence):
                self.title = "no model"
                show.say(sentence, urgent=True)
                self._go_on(now)

    def _hear_coming(self, coming: _Coming, now: Callable[[], Seconds]) -> None:
        model, link = coming.model, coming.link
        for message in link.receive():
            coming.patience.heard(message, now())
            if isinstance(message, InferenceReady):
                self._let_go(self._playing)
                self._model, self._playing, self._coming = model, link, None
                self._patience, self._deaths = coming.patience, 0
                self._take_over(message, now())
            elif isinstance(message, InferenceFailed):
                self._coming = None
                self._let_go(link)
                self._show.say(message.sentence, urgent=True)
        if self._coming and link.alive and coming.patience.over(now()):
            self._show.say(f"{model.folder.name} takes too long to load", urgent=True)
            link.kill()
        if self._coming and not link.alive:
            self._coming = None
            self._gone.append((link, now()))
            self._show.say(f"{model.folder.name} stopped while it was loading; nothing has changed")

    def _take_over(self, ready: InferenceReady, now: Seconds) -> None:
        bundle = manifest_hash(self._model.folder)
        self._history.record(ModelReady(ready.model, ready.precision, now, bundle))
        self.title = f"{ready.model} ({ready.precision})"
        self._loaded = True
        self._go_on(now)

    def _go_on(self, now: Seconds) -> None:
        """The music may begin; or a model that has just come is told how it went so far."""
        show = self._show
        if not self.ready:
            self.ready = True
            self._begin(now)
        elif show.playing:
            since = Beats(show.beat(now) - HEARD)
            show.inference_restarted(self._history.heard(since, show.settings.player_voice), now)

    # ---- coming and going

    def _restart(self, now: Seconds) -> None:
        """The model's process died: what sounds goes on, and another one is started."""
        self._playing.close()
        self._deaths += 1
        if not self._loaded or self._deaths > DEATHS:
            self.title = "no model"
            alone = "There is no model, so you play alone. `ripieno doctor` says more"
            self._show.say(alone, urgent=True)
            if not self.ready:
                self._go_on(now)
            return
        self.title = "restarting …"
        self._show.say("The model stopped. It is being started again; the music goes on")
        self._playing = InferenceLink(self._model, self._log)
        self._patience = Patience(now)

    def _let_go(self, link: InferenceLink) -> None:
        link.dismiss()
        self._gone.append((link, self._now()))
