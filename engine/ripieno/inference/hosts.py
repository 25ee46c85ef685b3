"""The models of all who play: one host for each, and the music begins when all are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ripieno.clock import Beats, Seconds
from ripieno.events import Request
from ripieno.inference.host import ModelHost
from ripieno.inference.link import InferenceLink
from ripieno.performance import Performance
from ripieno.stage import Stage
from ripieno.takes.history import History


class Hosts:
    """The hosts in the order of the seats. What is asked of one model is asked of the one in
    front."""

    def __init__(self, stage: Stage, history: History) -> None:
        self._hosts = [
            ModelHost(seat.model, stage.log, history, place)
            for place, seat in enumerate(stage.seats)
        ]

    def join(self, performance: Performance, begin: Callable[[Seconds], None]) -> None:
        """Play in this `performance`; `begin` is called once, when the music may begin."""
        self._show, self._begin = performance, begin
        for host in self._hosts:
            host.join(performance, self._one_more)

    def _one_more(self, now: Seconds) -> None:
        if self.ready:
            self._begin(now)

    @property
    def asks(self) -> list[Callable[[Request], None]]:
        """How each model is asked."""
        return [host.ask for host in self._hosts]

    @property
    def ready(self) -> bool:
        """Whether every model has been loaded, or cannot be."""
        return all(host.ready for host in self._hosts)

    @property
    def titles(self) -> tuple[str, ...]:
        """What each one plays by, for the screen."""
        return tuple(host.title for host in self._hosts)

    @property
    def title(self) -> str:
        """That of the one in front."""
        return self._front.title

    @property
    def loading(self) -> bool:
        """Whether the one in front waits for a model whose bar line is not known yet."""
        return self._front.loading

    @property
    def line(self) -> Beats | None:
        """The bar line on which a model takes over from the one in front; None for none."""
        return self._front.line

    @property
    def _front(self) -> ModelHost:
        return self._hosts[self._show.front.place]

    def switch(self, folder: Path, now: Seconds) -> None:
        """Load another model for the one in front, which takes over at a bar line."""
        self._front.switch(folder, now)

    def files(self) -> list[InferenceLink]:
        """What becomes readable when a model has something to say."""
        return [link for host in self._hosts for link in host.files()]

    def read(self, now: Callable[[], Seconds]) -> None:
        """Hear what the models have said."""
        for host in self._hosts:
            host.read(now)

    def wake(self) -> Seconds | None:
        """When `read` has something to do next, whatever is said; None when nothing waits."""
        wakes = (host.wake() for host in self._hosts)
        return min((at for at in wakes if at is not None), default=None)

    def reap(self) -> None:
        """Look, without waiting, whether those that were let go have gone."""
        for host in self._hosts:
            host.reap()

    def close(self) -> None:
        """Let all of them go, and wait for them."""
        for host in self._hosts:
            host.close()
