"""The tempo that the player's first phrase tells, when nobody else gives one. Pure."""

from __future__ import annotations

from dataclasses import replace

from ripieno.clock import FASTEST, GRID_TOLERANCE, SLOWEST, Beats, Seconds
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Ask, Cut, Effects, Move, Retempo
from ripieno.modes.mode import EVERYTHING, nearest_step
from ripieno.modes.moment import Moment
from ripieno.modes.plan import context
from ripieno.sync.phrase_tempo import estimate

SAME = 0.01
"""A tempo that differs by less than this share is the same."""


class FirstTempo:
    """Looks at the first phrase. Once that is answered, or you set a tempo, the tempo stands."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.restart()

    def restart(self) -> None:
        """Another performance begins."""
        self.settled = False
        self._looked_at = 0
        self._bpm = self.moment.settings.bpm

    def look(self) -> Effects:
        """If the phrase has another tempo than ours, take it: the phrase is told anew, in beats
        of its own, from the ear's new `phrase_start` on."""
        moment, settings = self.moment, self.moment.settings
        self.settled = self.settled or settings.bpm != self._bpm
        if self.settled or not settings.sync.from_phrase or not moment.ours:
            return NOTHING
        start = moment.ear.phrase_start
        ats = [n.at for n in moment.ear.notes if n.onset >= start - GRID_TOLERANCE]
        if settings.turns.every_bars or len(ats) == self._looked_at:
            return NOTHING
        self._looked_at = len(ats)
        found = estimate([Seconds((at - start) * 60.0 / settings.bpm) for at in ats], settings.bpm)
        if found is None:
            return NOTHING
        bpm = min(FASTEST, max(SLOWEST, found.bpm))
        upbeat = Beats(found.origin * bpm / 60.0)  # the beat's place, from the phrase's start
        return self._take(bpm, start, Beats(upbeat - round(upbeat)))

    def _take(self, bpm: float, start: Beats, upbeat: Beats) -> Effects:
        moment, settings = self.moment, self.moment.settings
        shifted = abs(upbeat) > STEP / 2 + GRID_TOLERANCE
        if abs(bpm / settings.bpm - 1) < SAME and not shifted:
            return NOTHING
        moment.ear.rescaled(start, bpm / settings.bpm)
        moment.settings = settings = replace(settings, bpm=bpm)
        self._bpm = bpm
        effects: Effects = (Retempo(bpm, start),)
        if shifted:
            moment.ear.moved(Beats(-upbeat))
            moment.ear.phrase_start = nearest_step(moment.ear.phrase_start)
            effects += (Move(Beats(-upbeat)),)
        here, epoch = moment.ear.phrase_start, moment.next_epoch()
        told = context(epoch, here, here, (), (), settings, fresh=True)
        return (*effects, Cut(epoch, EVERYTHING), Ask(told))
