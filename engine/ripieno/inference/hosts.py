"""The models of all who play: one host for each, and the music begins when all are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ripieno.clock import Beats, Seconds
from ripieno.events import Request
from ripieno.inference.arrival import Arrival, Expected
from ripieno.inference.host import ModelHost, system_now
from ripieno.inference.link import InferenceLink, ModelSpec
from ripieno.performance import Performance
from ripieno.stage import Stage
from ripieno.takes.history import History


class Hosts:
    """The hosts in the order of the seats. What is asked of one model is asked of the one in
    front. Those of others may be on their way beside them."""

    def __init__(
        self,
        stage: Stage,
        history: History,
        now: Callable[[], Seconds] = system_now,
        link: Callable[[ModelSpec, Path], InferenceLink] = InferenceLink,
    ) -> None:
        self._log, self._history, self._now, self._link = stage.log, history, now, link
        self._hosts = [
            self._made(seat.model, place, seat.member.name)
            for place, seat in enumerate(stage.seats)
        ]
        self.arrival: Arrival | None = None
        """Those who are to come in."""
        self._left: list[ModelHost] = []

    def _made(self, model: ModelSpec, place: int, name: str) -> ModelHost:
        return ModelHost(model, self._log, self._history, place, self._now, self._link, name)

    def join(self, performance: Performance, begin: Callable[[Seconds], None]) -> None:
        """Play in this `performance`; `begin` is called once, when the music may begin."""
        self._show, self._begin = performance, begin
        for host in self._hosts:
            host.join(performance, self._one_more)

    def _one_more(self, now: Seconds) -> None:
        if self.ready:
            self._begin(now)

    # ---- others

    def expect(self, seats: Sequence[Expected]) -> Arrival:
        """Get ready for others, in the place of whoever was expected before."""
        self.forsake()
        self.arrival = Arrival(seats, self._show.next_place, self._show, self._made)
        return self.arrival

    def forsake(self) -> None:
        """Nobody is expected any more."""
        if self.arrival is not None:
            self._dismiss(self.arrival.hosts)
            self.arrival = None

    def relieve(self) -> None:
        """Those who were expected play now; those who played are let go."""
        assert self.arrival is not None
        self._dismiss(self._hosts)
        self._hosts, self.arrival = self.arrival.hosts, None
        for host in self._hosts:
            host.join(self._show, self._one_more)

    def _dismiss(self, hosts: Sequence[ModelHost]) -> None:
        for host in hosts:
            host.leave()
        self._left += hosts

    @property
    def _all(self) -> list[ModelHost]:
        return [*self._hosts, *(self.arrival.hosts if self.arrival else [])]

    # ---- those who play

    @property
    def asks(self) -> list[Callable[[Request], None]]:
        """How each model is asked."""
        return [host.ask for host in self._hosts]

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """Which model each one plays by."""
        return tuple(host.spec for host in self._hosts)

    @property
    def ready(self) -> bool:
        """Whether every model has been loaded, or cannot be."""
        return all(host.ready for host in self._hosts)

    @property
    def titles(self) -> dict[int, str]:
        """What each one plays by, for the screen, by its place."""
        return {host.place: host.title for host in self._all}

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
        place = self._show.front.place
        return next(host for host in self._all if host.place == place)

    def switch(self, folder: Path, now: Seconds) -> None:
        """Load another model for the one in front, which takes over at a bar line."""
        self._front.switch(folder, now)

    def files(self) -> list[InferenceLink]:
        """What becomes readable when a model has something to say."""
        return [link for host in self._all for link in host.files()]

    def read(self, now: Callable[[], Seconds]) -> None:
        """Hear what the models have said."""
        for host in self._all:
            host.read(now)

    def wake(self) -> Seconds | None:
        """When `read` has something to do next, whatever is said; None when nothing waits."""
        wakes = (host.wake() for host in self._hosts)
        return min((at for at in wakes if at is not None), default=None)

    def reap(self) -> None:
        """Look, without waiting, whether those that were let go have gone."""
        for host in (*self._all, *self._left):
            host.reap()
        self._left = [host for host in self._left if not host.gone]

    def close(self) -> None:
        """Let all of them go, and wait for them."""
        for host in (*self._all, *self._left):
            host.close()
