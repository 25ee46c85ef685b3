"""A stranger's grammar behind a fence: where it fails, another player goes on, or rests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ripieno import plugins
from ripieno.clock import Beats, Clock, Seconds
from ripieno.errors import RipienoError
from ripieno.events import Planned, Request, Rung, Sounding
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.inference.generate import Effort
from ripieno.inference.player import Player

SLOWEST = 1.0
"""Seconds that one step may take, with the catching up before it."""


class FencedPlayer:
    """Plays with `inner` until it fails, then with what `instead` opens, if anything."""

    def __init__(
        self, plugin: plugins.Plugin, inner: Player | None, instead: Callable[[], Player] | None
    ) -> None:
        """Without an `inner` one it has failed before."""
        self.faults: list[str] = []
        other = "the smaller model takes over" if instead else "its voices rest"
        self._fence = plugins.Fence(plugin, SLOWEST, other)
        if inner is None:
            self._fence.refuse(plugins.STUCK)
            self.faults.append(self._fence.fault)
        self._inner, self._open_instead = inner or Nobody(), instead
        self._instead: Player | None = None

    def reset(self) -> None:
        """Forget everything."""
        self._fence.call(self._inner.reset, None)
        if self._instead is not None:
            self._instead.reset()

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """See `Player.plan`. Where it fails in the middle, the rest is decided by what goes on."""
        begin = request.begin
        if not self._fence.fault:
            steps = self._fence.call(self._inner.plan, iter(()), request, clock, efforts)
            while begin < request.end:
                step = self._fence.call(lambda: next(steps), None)
                if not isinstance(step, Planned):
                    if not self._fence.fault:
                        self._fence.refuse("made no step")
                    break
                yield step
                begin = step.end
            if begin >= request.end and not self._fence.fault:
                self._fence.call(lambda: sum(1 for _ in steps), 0)  # what it does at the end
            self.faults += [*self._inner.faults, *plugins.faults([self._fence])]
            self._inner.faults.clear()
        if self._fence.fault and begin < request.end:
            yield from self._go_on(request, begin, clock, efforts)

    def _go_on(
        self,
        request: Request,
        begin: Beats,
        clock: Clock,
        efforts: Mapping[Beats, Effort] | None,
    ) -> Iterator[Planned]:
        player = self._other()
        if player is None:
            yield from rests(request, begin)
            return
        for step in player.plan(request, clock, efforts):
            if step.begin >= begin:  # those before it have been sent
                yield step
        self.faults += player.faults
        player.faults.clear()

    def _other(self) -> Player | None:
        if self._instead is None and self._open_instead is not None:
            try:
                self._instead = self._open_instead()
            except RipienoError as error:
                self._open_instead = None
                self.faults.append(str(error))
        return self._instead


class Nobody:
    """Plays nothing."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def reset(self) -> None:
        """There is nothing to forget."""

    def plan(
        self, request: Request, clock: Clock, efforts: Mapping[Beats, Effort] | None = None
    ) -> Iterator[Planned]:
        """No step."""
        return iter(())


def rests(request: Request, begin: Beats) -> Iterator[Planned]:
    """All voices of the machine rest from `begin` to the end of `request`."""
    machine = [voice for voice in range(len(VOICES)) if voice not in request.player]
    voices = tuple(Sounding(voice, None, False, 0) for voice in machine)
    for number in range(round((request.end - begin) * STEPS_PER_BEAT)):
        yield Planned(
            epoch=request.epoch,
            begin=Beats(begin + number / STEPS_PER_BEAT),
            end=Beats(begin + (number + 1) / STEPS_PER_BEAT),
            voices=voices,
            at_once=request.at_once and number == 0,
            seconds=Seconds(0.0),
            model_seconds=Seconds(0.0),
            served=False,
            request=request.number,
            rung=Rung.REST,
            decided=0,
        )
