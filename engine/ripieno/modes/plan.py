"""The plan of a stretch that the machine plays: what was asked for, what has come, what can change.

Steps before `committed` can no longer change, steps before `received` have come from inference,
steps before `asked` are under way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ripieno.clock import GRID_TOLERANCE, Beats, ceil_to
from ripieno.events import Note, Planned, Request
from ripieno.modes.ear import STEP
from ripieno.modes.effects import Ask, Cut, Effect, Effects, Sow
from ripieno.modes.passage import Part, Record
from ripieno.modes.voicing import ALL
from ripieno.settings import Settings

ALL_VOICES = ALL
CHUNK = Beats(1.0)
"""A plan is extended by a beat at a time, so that the two processes seldom talk."""


@dataclass(slots=True)
class Plan:
    """A stretch from `begin` up to `stop` (None: without end), asked for piece by piece."""

    epoch: int
    begin: Beats
    stop: Beats | None
    asked: Beats
    received: Beats
    cadence: Beats | None = None
    """The beat of a fermata that was asked for."""
    part: Part | None = None
    """The seed, if the stretch begins with one."""
    record: Record = field(default_factory=Record)
    """Where the mode remembers what was planned."""

    @classmethod
    def starting(
        cls, epoch: int, begin: Beats, stop: Beats | None, record: Record, part: Part | None = None
    ) -> Plan:
        return cls(epoch, begin, stop, begin, begin, part=part, record=record)

    def committed(self, beat: Beats, settings: Settings) -> Beats:
        """The first step that can still change, seen from `beat`: never beyond what has come."""
        horizon = ceil_to(Beats(beat + settings.horizon.commit), STEP)
        return max(self.begin, min(horizon, max(self.received, ceil_to(beat, STEP))))

    def sow(self, begin: Beats) -> Effects:
        """The seed's own steps, from `begin` on."""
        if self.part is None:
            return ()
        steps = tuple(self.part.steps(self.epoch, begin))
        for planned in steps:
            self.record.add(planned)
        return tuple(Sow(planned) for planned in steps)

    def context(
        self,
        since: Beats,
        heard: tuple[Note, ...],
        given: tuple[int, ...],
        settings: Settings,
        *,
        fresh: bool = False,
    ) -> Ask:
        """Tell inference what was heard from `since` up to where this plan begins."""
        return Ask(context(self.epoch, since, self.begin, heard, given, settings, fresh=fresh))

    def top_up(self, beat: Beats, settings: Settings) -> Effects:
        """Ask for more, so that at least the lookahead is under way."""
        target = Beats(beat + settings.horizon.lookahead + GRID_TOLERANCE)
        effects: list[Effect] = []
        while self.asked <= target and self._open(self.asked):
            end = self._chunk_end(self.asked)
            effects += self._chunk(self.asked, end, settings)
            self.asked = end
        return tuple(effects)

    def next_top_up(self, settings: Settings) -> Beats | None:
        """When `top_up` will next have something to ask for."""
        if not self._open(self.asked):
            return None
        return Beats(self.asked - settings.horizon.lookahead)

    def replan(self, epoch: int, beat: Beats, settings: Settings) -> Effects:
        """Void what is not committed, and ask for it again."""
        return self.renew(epoch, self.committed(beat, settings), beat, settings)

    def renew(self, epoch: int, begin: Beats, beat: Beats, settings: Settings) -> Effects:
        """Void what is planned from `begin` on, and ask for it again."""
        if self._complete(begin):
            return ()
        self.epoch = epoch
        self.asked = self.received = begin
        return (Cut(epoch, begin), *self.sow(begin), *self.top_up(beat, settings))

    def missed(
        self, epoch: int, step: Beats, sounding: tuple[Note, ...], settings: Settings
    ) -> Effects:
        """`step` came without a plan, so the chord was held: tell so, and go on a step later."""
        begin = Beats(step + STEP)
        self.record.held(step, sounding)
        if self._complete(begin):
            return ()
        self.epoch = epoch
        self.asked = self.received = begin
        told: Effects = ()
        if sounding:
            told = (Ask(context(epoch, step, begin, sounding, ALL_VOICES, settings)),)
        return (Cut(epoch, begin), *self.sow(begin), *told, *self.top_up(step, settings))

    def take(self, planned: Planned) -> bool:
        """Note a step that has come. False when it belongs to a plan that was cut."""
        if planned.epoch != self.epoch:
            return False
        self.received = max(self.received, planned.end)
        self.record.add(planned)
        return True

    def has(self, beat: Beats) -> bool:
        """Whether all that is to be played before `beat` has come."""
        return self.received >= beat - GRID_TOLERANCE or self._complete(self.received)

    def covers(self, step: Beats) -> bool:
        return step >= self.begin - GRID_TOLERANCE and not self._complete(step)

    def _complete(self, beat: Beats) -> bool:
        return self.stop is not None and beat >= self.stop - GRID_TOLERANCE

    def _open(self, beat: Beats) -> bool:
        """Whether there is something to ask for at `beat`."""
        return not self._complete(beat)

    def _chunk_end(self, begin: Beats) -> Beats:
        """How far the piece that begins at `begin` may reach."""
        limits = (self.stop, self.part.end if self.part else None)
        return nearest_limit(begin, limits)

    def _chunk(self, begin: Beats, end: Beats, settings: Settings) -> Effects:
        """Have [begin, end) planned."""
        return (Ask(self._request(begin, end, settings)),)

    def _request(self, begin: Beats, end: Beats, settings: Settings) -> Request:
        seeded = self.part is not None and begin < self.part.end - GRID_TOLERANCE
        part = self.part if seeded else None
        return Request(
            epoch=self.epoch,
            since=begin,
            begin=begin,
            end=end,
            heard=part.within(begin, end) if part else (),
            given=ALL_VOICES,
            player=part.voices if part else (),
            settings=settings,
            cadence=self.cadence,
        )


def nearest_limit(begin: Beats, limits: tuple[Beats | None, ...]) -> Beats:
    """A chunk after `begin`, or the nearest of the `limits` that lie behind it."""
    beyond = (limit for limit in limits if limit is not None and limit > begin + GRID_TOLERANCE)
    return min((Beats(begin + CHUNK), *beyond))


def context(
    epoch: int,
    since: Beats,
    until: Beats,
    heard: tuple[Note, ...],
    given: tuple[int, ...],
    settings: Settings,
    *,
    fresh: bool = False,
) -> Request:
    """A request that plans nothing: in [since, until) the `given` voices did what was `heard`."""
    return Request(
        epoch=epoch,
        since=since,
        begin=until,
        end=until,
        heard=heard,
        given=given,
        player=(),
        settings=settings,
        fresh=fresh,
    )
