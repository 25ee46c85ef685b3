"""What jack_midi_dump heard of a clock and of the notes that follow it, on one input.

A machine that is too busy for a cycle of the JACK server loses what was in it. So the gaps that
lost ticks leave are counted, here as in every follower.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.engine.jackd import RATE, Heard

TICK, START, CONTINUE, STOP, POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
MOMENT = 0.005
"""Seconds."""


@dataclass(frozen=True)
class Recording:
    """All that was heard, in order; frames of one JACK server."""

    heard: list[Heard]

    @property
    def ticks(self) -> list[int]:
        """The frames of all ticks."""
        return [heard.frame for heard in self.heard if heard.data == (TICK,)]

    @property
    def notes(self) -> list[int]:
        """The frames of all note-ons."""
        return [heard.frame for heard in self.heard if _strikes(heard)]

    @property
    def words(self) -> list[tuple[int, ...]]:
        """All of the clock that is no tick."""
        return [h.data for h in self.heard if h.data[0] >= 0xF0 and h.data != (TICK,)]

    def sixteenths(self) -> list[float]:
        """The frames on which sixteenths began, by start, song position and counting."""
        beats: list[float] = []
        place, rolls, last, period = 0, False, 0, self._period
        for heard in self.heard:
            match heard.data:
                case (0xFA,):
                    place, rolls, last = 0, True, 0
                case (0xFB,):
                    rolls, last = True, 0
                case (0xFC,):
                    rolls = False
                case (0xF2, low, high):
                    place = 6 * (low + 128 * high)
                case (0xF8,) if rolls:
                    lost = round((heard.frame - last) / period) - 1 if last else 0
                    frames = [heard.frame - n * period for n in range(max(0, lost), -1, -1)]
                    beats += [f for n, f in enumerate(frames, place) if n % 6 == 0]
                    place, last = place + len(frames), heard.frame
        return beats

    def phase_errors(self) -> list[float]:
        """For each note while the clock rolled, by how many ms it came after its sixteenth's tick.

        A note on the very moment of a stop has none.
        """
        beats, notes, rolls = self.sixteenths(), list[int](), False
        for heard in self.heard:
            if heard.data in ((START,), (CONTINUE,)):
                rolls = True
            elif heard.data == (STOP,):
                rolls = False
                notes = [note for note in notes if heard.frame - note > MOMENT * RATE]
            elif rolls and _strikes(heard):
                notes.append(heard.frame)
        return [1000 * min((note - beat for beat in beats), key=abs) / RATE for note in notes]

    def unevenness(self) -> list[float]:
        """By how many ms each interval between ticks differs from the usual one.

        Not against a straight line: a server that drops out for a moment moves all that follows.
        """
        gaps = [later - sooner for sooner, later in pairwise(self.ticks)]
        return [1000 * abs(gap - self._period) / RATE for gap in gaps]

    def rolling(self) -> Recording:
        """The part from the last start or continue, its position included, to the stop after it."""
        begin = max(n for n, h in enumerate(self.heard) if h.data in ((START,), (CONTINUE,)))
        rest = [heard.data for heard in self.heard[begin:]]
        end = begin + rest.index((STOP,)) if (STOP,) in rest else len(self.heard)
        return Recording(self.heard[max(0, begin - 1) : end])

    @property
    def _period(self) -> float:
        return median(later - sooner for sooner, later in pairwise(self.ticks))


def _strikes(heard: Heard) -> bool:
    return heard.data[0] & 0xF0 == 0x90 and heard.data[2] > 0
