"""Keeps a model playing: starts it, starts it again, changes it while the music goes on.

Each model has a process of its own. The one that plays hears requests; one that is coming is
loading, and takes over at a bar line; those that went are let go without waiting for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from ripieno import plugins
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
from ripieno.inference.patience import Patience
from ripieno.inference.successor import Coming, Successor, ahead_of
from ripieno.partner import Partner
from ripieno.performance import Performance
from ripieno.takes.facts import ModelReady
from ripieno.takes.history import History

HEARD = 32.0
"""Beats of the past that a model is told when it takes over."""
DEATHS = 3
"""A model that dies more often than this is not started again."""

ALONE = "There is no model, so you play alone. `ripieno doctor` says more"
LOADING = "the model stopped while it was loading"
OFF = f"{plugins.STUCK}: it is switched off"
"""What is said of a plug-in's part of which a process has died."""


def system_now() -> Seconds:
    """The machine's monotonic clock."""
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
        place: int = 0,
        now: Callable[[], Seconds] = system_now,
        link: Callable[[ModelSpec, Path], InferenceLink] = InferenceLink,
        name: str = "",
    ) -> None:
        """Those of the partner at `place`, who is called `name` where several play."""
        self._link, self.place, self._name = link, place, name
        self.title = "loading …"
        self.ready = False
        self._model, self._log, self._history, self._now = model, log, history, now
        self._playing = link(model, log)
        self._patience = Patience(now())
        self._next = Successor(self._tell, self._let_go)
        self._gone: list[tuple[InferenceLink, Seconds]] = []
        self._deaths = 0
        self._loaded = self._lost = False
        self._begin: Callable[[Seconds], None] = lambda now: None

    def join(
        self,
        performance: Performance,
        begin: Callable[[Seconds], None],
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Play in this `performance`; `begin` is called once, when the music may begin. What there
        is to say is said to `tell`, or else to the player."""
        self._show, self._begin, self._teller = performance, begin, tell

    @property
    def spec(self) -> ModelSpec:
        """The model that plays."""
        return self._model

    @property
    def loaded(self) -> bool:
        """Whether a model has been there."""
        return self._loaded

    def ask(self, request: Request) -> None:
        """Send a request to the model that plays."""
        self._patience.ask(request.number, self._now())
        self._playing.ask(request)

    def files(self) -> list[InferenceLink]:
        """What becomes readable when a model has something to say."""
        return [link for link in (self._playing, *self._next.links) if link.alive]

    def switch(self, folder: Path, now: Seconds) -> None:
        """Load another model, which takes over at the first bar line once it is ready."""
        self._next.forsake()
        model = replace(self._model, folder=folder)
        self._next.expect(model, self._link(model, self._log), now)
        self._tell(f"Loading {folder.name}; it takes over at a bar line")

    def read(self, now: Callable[[], Seconds]) -> None:
        """Hear what the models have said."""
        if self._playing.alive:
            for message in self._playing.receive():
                self._patience.heard(message, now())
                self._hear(message, now())
            if not self._playing.alive:
                self._playing.close()
                self._lost = True
            elif self._hangs(now()):
                self._playing.kill()
                self._let_go(self._playing)  # its end is not waited for
                self._lost = True
        self._next.hear(now)
        if self._lost and not self._next.ready:  # else that one takes over now
            self._lost = False
            self._restart(now())
        coming = self._next.coming
        if coming and coming.ready and self._seated:
            self._wait_for_line(coming, coming.ready, now())

    @property
    def loading(self) -> bool:
        """Whether another model was asked for whose bar line is not known yet."""
        return self._next.loading

    @property
    def line(self) -> Beats | None:
        """The bar line on which another model takes over that is ready; None without one."""
        return self._next.line

    def wake(self) -> Seconds | None:
        """When `read` has something to do next, whatever is said; None when nothing waits."""
        line = self.line
        if line is None or not (self._show.playing and self._seated):
            return None
        early = self._show.tempo.seconds(Beats(line - ahead_of(self._partner.settings)))
        return early if early > self._now() else self._show.tempo.seconds(line)

    def reap(self) -> None:
        """Look, without waiting, whether those that were let go have gone; one that does not hear
        is made to."""
        late = self._now() - PATIENCE
        for link, since in self._gone:
            if since < late:
                link.kill()
        self._gone = [each for each in self._gone if not each[0].gone()]

    def leave(self) -> None:
        """Let all of them go without waiting; `reap` until `gone`."""
        self._let_go(self._playing)
        self._next.forsake()

    @property
    def gone(self) -> bool:
        """Whether nobody is left of those that were let go."""
        return not self._gone

    def close(self) -> None:
        """Let all of them go, and wait for them."""
        for link in (self._playing, *self._next.links, *(link for link, _ in self._gone)):
            link.close()

    # ---- what they say

    def _hear(self, message: InferenceMessage, now: Seconds) -> None:
        show = self._show
        match message:
            case Planned():
                show.planned(message, now, self.place)
            case Served():
                show.served(message, now, self.place)
            case InferenceSaid(sentence):
                self._tell(sentence, urgent=True)
            case InferenceReady():
                self._take_over(message, now)
            case InferenceFailed(sentence):
                self.title = "no model"
                self._tell(sentence, urgent=True)
                self._go_on(now)

    def _wait_for_line(self, coming: Coming, ready: InferenceReady, now: Seconds) -> None:
        """The next bar line before which there is time is the one: what is heard up to there must
        have come, and nothing be asked of the old model any more."""
        show, partner = self._show, self._partner
        if not (show.playing and self._loaded and self._playing.alive):
            self._change(coming, ready, now)
            return
        beat, ahead = show.beat(now), ahead_of(partner.settings)
        line = coming.aim(beat, show.settings.meter, ahead)
        settled = partner.conductor.mode.settled(line, beat)
        if beat >= line - ahead and settled and not self._patience.asked:
            self._change(coming, ready, now, line)
        elif beat >= line:
            self._change(coming, ready, now)

    def _change(
        self, coming: Coming, ready: InferenceReady, now: Seconds, line: Beats | None = None
    ) -> None:
        """The one that was coming plays, from `line` on, or from where it still can."""
        if self._playing.alive:
            self._let_go(self._playing)
        self._model, self._playing, self._next.coming = coming.model, coming.link, None
        self._patience, self._deaths, self._lost = coming.patience, 0, False
        self._take_over(ready, now, line)

    def _take_over(self, ready: InferenceReady, now: Seconds, line: Beats | None = None) -> None:
        bundle = manifest_hash(self._model.folder)
        self._history.record(ModelReady(ready.model, ready.precision, now, bundle, self.place))
        self.title = f"{ready.model} ({ready.precision})"
        self._loaded = True
        self._go_on(now, line)

    def _go_on(self, now: Seconds, line: Beats | None = None) -> None:
        """The music may begin; or a model that has just come is told how it went so far."""
        show = self._show
        if not self.ready:
            self.ready = True
            self._begin(now)
        elif show.playing and self._seated:
            since = Beats(show.beat(now) - HEARD)
            heard = self._history.heard(since, self._partner.settings.player_voice, self._hears)
            show.inference_restarted(heard, now, line, self.place)

    @property
    def _seated(self) -> bool:
        """Whether whose model it is plays, or is about to."""
        return self._show.partner_at(self.place) is not None

    @property
    def _partner(self) -> Partner:
        partner = self._show.partner_at(self.place)
        assert partner is not None, "who has no seat is asked nothing"
        return partner

    def _hears(self, partner: int | None, voice: int) -> bool:
        """Whether a note is part of what this model knows: its own, and those that it hears."""
        if partner is None:
            return self._partner.member.hears_you
        if partner == self.place:
            return True
        other = self._show.partner_at(partner)
        return other is not None and self._partner.member.hears_voice(other.name, voice)

    # ---- coming and going

    def _hangs(self, now: Seconds) -> bool:
        """Whether the model that plays must be ended: it, or a part in it, does not answer."""
        if not self._patience.over(now):
            return self._playing.look(now)
        self._tell("The model does not answer any more: it is ended")
        return True

    def _restart(self, now: Seconds) -> None:
        """The model's process died: what sounds goes on, and another one is started."""
        blamed = self._playing.blamed
        if blamed in self._model.barred:
            blamed = None
        if blamed is not None:  # each is left out once, so this has an end
            self._model = replace(self._model, barred=(*self._model.barred, blamed))
            self._tell(f"{plugins.titled(blamed.group, blamed.name)} {OFF}", urgent=True)
        else:
            self._deaths += 1
        if blamed is None and (not self._loaded or self._deaths > DEATHS):
            self.title = "no model"
            self._tell(ALONE if self._seated else LOADING, urgent=True)
            if not self.ready:
                self._go_on(now)
            return
        self.title = "restarting …"
        self._tell("The model stopped. It is being started again; the music goes on")
        self._playing = self._link(self._model, self._log)
        self._patience = Patience(now)

    def _tell(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player; where several play, of whom."""
        told = f"{self._name}: {text}" if self._name else text
        if self._teller is not None:
            self._teller(told)
        else:
            self._show.say(told, urgent=urgent)

    def _let_go(self, link: InferenceLink) -> None:
        link.dismiss()
        self._gone.append((link, self._now()))
