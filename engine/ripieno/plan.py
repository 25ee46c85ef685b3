"""The plan of a stretch that the machine plays: what was asked for, what has come, what can change.

Steps before `committed` can no longer change, steps before `received` have come from inference,
steps before `asked` are under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, ceil_to
from ripieno.ear import STEP
from ripieno.events import Note, Planned, Request, Sounding
from ripieno.modes.effects import Ask, Cut, Effect, Effects, Sow
from ripieno.settings import Settings

ALL_VOICES = (0, 1, 2, 3)
CHUNK = Beats(1.0)
"""A plan is extended by a beat at a time, so that the two processes seldom talk."""


@dataclass(frozen=True, slots=True)
class Part:
    """Voices of a stretch whose notes are known before: the seed phrase, up to `end`."""

    voices: tuple[int, ...]
    notes: tuple[Note, ...]
    end: Beats

    @classmethod
    def of(cls, notes: tuple[Note, ...], begin: Beats) -> Part:
        """`notes`, whose onsets count from 0, placed at `begin`; the end is on a whole beat."""
        placed = tuple(
            Note(n.voice, n.pitch, n.velocity, Beats(begin + n.onset), n.duration) for n in notes
        )
        ends = [n.onset + (STEP if n.duration is None else n.duration) for n in placed]
        voices = tuple(sorted({n.voice for n in placed}))
        return cls(voices, placed, ceil_to(Beats(max(ends)), Beats(1.0)))

    def within(self, begin: Beats, end: Beats) -> tuple[Note, ...]:
        """The notes that sound in [begin, end)."""
        return tuple(n for n in self.notes if n.onset < end and _end(n) > begin + GRID_TOLERANCE)

    def steps(self, epoch: int, begin: Beats) -> Iterator[Planned]:
        """What these voices do, step by step, from `begin` on."""
        while begin < self.end - GRID_TOLERANCE:
            end = Beats(begin + STEP)
            sounding = {n.voice: n for n in self.within(begin, end)}
            voices = tuple(
                Sounding(
                    voice,
                    sounding[voice].pitch if voice in sounding else None,
                    voice in sounding and sounding[voice].onset >= begin - GRID_TOLERANCE,
                    sounding[voice].velocity if voice in sounding else 0,
                )
                for voice in self.voices
            )
            yield Planned(epoch, begin, end, voices, False, Seconds(0.0), Seconds(0.0), True)
            begin = end


def _end(note: Note) -> Beats:
    return Beats(note.onset + (STEP if note.duration is None else note.duration))


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

    @classmethod
    def starting(cls, epoch: int, begin: Beats, stop: Beats | None = None) -> Plan:
        return cls(epoch, begin, stop, begin, begin)

    def committed(self, beat: Beats, settings: Settings) -> Beats:
        """The first step that can still change, seen from `beat`: never beyond what has come."""
        horizon = ceil_to(Beats(beat + settings.horizon.commit), STEP)
        return max(self.begin, min(horizon, max(self.received, ceil_to(beat, STEP))))

    def sow(self, begin: Beats) -> Effects:
        """The seed's own steps, from `begin` on."""
        if self.part is None:
            return ()
        return tuple(Sow(planned) for planned in self.part.steps(self.epoch, begin))

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
        while self.asked <= target and not self._complete(self.asked):
            end = Beats(self.asked + CHUNK)
            for limit in (self.stop, self.part.end if self.part else None):
                if limit is not None and limit > self.asked + GRID_TOLERANCE:
                    end = min(end, limit)
            effects.append(Ask(self._request(self.asked, end, settings)))
            self.asked = end
        return tuple(effects)

    def next_top_up(self, settings: Settings) -> Beats | None:
        """When `top_up` will next have something to ask for."""
        if self._complete(self.asked):
            return None
        return Beats(self.asked - settings.horizon.lookahead)

    def replan(self, epoch: int, beat: Beats, settings: Settings) -> Effects:
        """Void what is not committed, and ask for it again."""
        begin = self.committed(beat, settings)
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
        return True

    def covers(self, step: Beats) -> bool:
        return step >= self.begin - GRID_TOLERANCE and not self._complete(step)

    def _complete(self, beat: Beats) -> bool:
        return self.stop is not None and beat >= self.stop - GRID_TOLERANCE

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
