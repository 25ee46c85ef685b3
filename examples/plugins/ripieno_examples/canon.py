"""A mode: the tenor sings what you play, two beats later and an octave below. It asks no model."""

from __future__ import annotations

from ripieno.clock import Beats, Seconds, ceil_to
from ripieno.events import Phase, Planned, Sounding
from ripieno.modes.ear import STEP
from ripieno.modes.effects import NOTHING, Effects, Sow
from ripieno.modes.encore import Encore
from ripieno.modes.mode import Mode
from ripieno.modes.moment import Moment

LATER = Beats(2.0)
LOWER = 12
TENOR = 2


class Canon(Mode):
    """At the end of each sixteenth it plans what you did in it, for two beats later."""

    def __init__(self, moment: Moment, encore: Encore) -> None:
        super().__init__(moment)
        self._step = Beats(0.0)  # the first that was not looked at yet
        self._struck: tuple[int, int] | None = None  # pitch and velocity of a new key
        self._down: list[int] = []

    def start(self, beat: Beats) -> Effects:
        self.phase = Phase.IDLE
        self._step = ceil_to(beat, STEP)
        return NOTHING

    def note_on(self, pitch: int, velocity: int, beat: Beats, channel: int = 0) -> Effects:
        super().note_on(pitch, velocity, beat, channel)
        self._struck = pitch, velocity
        self._down.append(pitch)
        return NOTHING

    def note_off(self, pitch: int, beat: Beats, channel: int = 0) -> Effects:
        super().note_off(pitch, beat, channel)
        if pitch in self._down:
            self._down.remove(pitch)
        return NOTHING

    def wake(self) -> Beats | None:
        return Beats(self._step + STEP)

    def advance(self, beat: Beats) -> Effects:
        sown: list[Sow] = []
        while self._step + STEP <= beat:
            sown.append(Sow(self._answer(self._step)))
            self._step = Beats(self._step + STEP)
        return tuple(sown)

    def moved(self, by: Beats) -> None:
        self._step = Beats(self._step + by)

    def _answer(self, step: Beats) -> Planned:
        """What the tenor does two beats after `step`: strike, hold or rest as you did."""
        if self._struck is not None:
            pitch, velocity = self._struck
            sounding = Sounding(TENOR, pitch - LOWER, True, velocity)
        elif self._down:
            sounding = Sounding(TENOR, self._down[-1] - LOWER, False, 80)
        else:
            sounding = Sounding(TENOR, None, False, 0)
        self._struck = None
        begin = Beats(step + LATER)
        return Planned(
            epoch=self.moment.epoch,
            begin=begin,
            end=Beats(begin + STEP),
            voices=(sounding,),
            at_once=False,
            seconds=Seconds(0.0),
            model_seconds=Seconds(0.0),
            served=True,
        )
