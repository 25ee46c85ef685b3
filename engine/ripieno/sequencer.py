"""The planned steps in their time: what is due sounds, what came late is dealt with, what never
came is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap, ceil_to
from ripieno.events import Planned
from ripieno.lateness import WAITED_FOR, Latecomers
from ripieno.modes.ear import STEP
from ripieno.schedule import Schedule
from ripieno.section import Section, When
from ripieno.settings import Late
from ripieno.takes.facts import Source

GRACE = 0.008
"""Seconds that a step may come late and still be sounded as if it were in time."""


class Sequencer:
    """Plays a schedule of steps. Scheduled ones are handed to `section` `lead` seconds early."""

    def __init__(self, section: Section) -> None:
        self.schedule = Schedule()
        self.steps = self.missed = 0
        self.last: When | None = None  # when the model's last step sounded
        self._section = section
        self._latecomers = Latecomers()
        self._check = Beats(0.0)  # the next step to be checked for a miss
        self._served = Beats(0.0)  # the model's steps have sounded up to here
        self._nudged = Seconds(0.0)  # when the score moved; nothing was due before that

    def begin(self, beat: Beats) -> None:
        """Time starts at `beat`, or has jumped there: no step before it was ever due."""
        self._check = ceil_to(beat, STEP)
        self._served = beat

    def nudged(self, at: Seconds) -> None:
        """The score has moved against the clock: what is due by that is not late."""
        self._nudged = at

    def silenced(self) -> None:
        """All that sounded has been released."""
        self._latecomers.clear()

    def wake(self, tempo: TempoMap, late: Late, lead: Seconds) -> Seconds:
        """When a step is to be handed over, or will have been missed."""
        missed = tempo.seconds(Beats(self._check + _patience(tempo, late)))
        due = self.schedule.next
        return missed if due is None else min(missed, Seconds(tempo.seconds(due) - lead))

    def play_due(self, at: Seconds, lead: Seconds, tempo: TempoMap, late: Late) -> None:
        """Sound what is due. Of steps that are over only the last counts: there is no burst."""
        due = list(self.schedule.due(tempo.beats(Seconds(at + lead))))
        beat = tempo.beats(at)
        for place, (step, source) in enumerate(due):
            when = self._when(step.begin, tempo, at)
            behind = when.at - when.due
            if step.end <= beat and place + 1 < len(due):
                self._served = max(self._served, step.end)
                continue
            planned, later = self._latecomers.ends_later(step)
            if later is not None:
                self.schedule.add(later, source)
            if behind > GRACE:
                planned = self._latecomers.late(planned, Beats(beat - step.begin), late)
            else:
                planned = self._latecomers.in_time(planned)
            self.play(planned, when, source)

    def _when(self, beat: Beats, tempo: TempoMap, at: Seconds) -> When:
        due = max(self._nudged, tempo.seconds(beat))
        return When(beat, due, max(due, at))

    def play(self, planned: Planned, when: When, source: Source) -> None:
        """Sound a step, whenever that is."""
        self._section.perform(planned, when, source)
        if source is Source.MODEL:
            self.steps += 1
            self.last = when
            self._served = max(self._served, planned.end)

    def misses(
        self, at: Seconds, tempo: TempoMap, late: Late, expects: Callable[[Beats], bool]
    ) -> Iterator[Beats]:
        """The steps that should have sounded by now and have not come."""
        latest = Beats(tempo.beats(at) - _patience(tempo, late) + GRID_TOLERANCE)
        while self._check <= latest:
            step, self._check = self._check, Beats(self._check + STEP)
            if expects(step) and self._served <= step + GRID_TOLERANCE:
                self.missed += 1
                yield step


def _patience(tempo: TempoMap, late: Late) -> Beats:
    """How long a step is waited for: a moment, or until it is over."""
    return STEP if late in WAITED_FOR else Beats(GRACE * tempo.bpm / 60.0)
