"""A phase-locked loop on clock ticks: where the tick count is now, how fast it goes.

A second-order delay-locked loop after F. Adriaensen, "Using a DLL to filter time" (Linux Audio
Conference 2005): state is the filtered moment of the last tick and the period. Its bandwidth is
not fixed: the gains are those of a least-squares line through the last n ticks (E. Brookner,
"Tracking and Kalman Filtering Made Easy", 1998, ch. 7, the growing-memory filter), and n grows
from 2 at the start to `LONGEST`, so that it locks fast and is then narrow. When the ticks lean to
one side, n falls, and when three intervals agree on another tempo, the line starts anew.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from ripieno.clock import FASTEST, SLOWEST, Seconds

TICKS_PER_BEAT = 24
LONGEST = 96
"""Ticks that the loop remembers when it is locked: four beats."""
SURPRISED = 8
"""Ticks that it remembers after the clock has leaned or come back."""
GAP = 0.5
"""Seconds without a tick after which the phase counts anew."""
_SHORTEST, _WIDEST = 60 / (TICKS_PER_BEAT * FASTEST * 2), 60 / (TICKS_PER_BEAT * SLOWEST / 2)
"""The period's bounds in seconds: an octave beyond the tempi that can be played."""
_SURE = 6
"""Ticks after which the period can be used, and one can be called lost or doubled …"""
_NOISY = 0.08
"""… if they scatter by less than this share of the period; else it takes a beat."""
_SHORT, _LONG = 0.6, 1.4
"""Periods that an interval must be shorter or longer than, where a tick is doubled or lost."""
_USUAL_NOISE = 0.001
"""Seconds by which ticks scatter, until it has been measured."""
_LEAN = 1 / 6
"""Weight of a tick in the running mean of what the line misses."""
_LEAN_FLOOR = 0.001
"""Seconds of lean that are never a surprise: a clock quantised to audio periods leans as much."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A tick as it came: what number it was taken for, and whether the line explains it."""

    at: Seconds
    count: int
    astray: bool


class TickLoop:
    """Counts ticks and filters their moments. Pure: moments come in, nothing is read or slept.

    `count` is the number of the last tick, whole ticks since the first one, lost ones included.
    `time` is its filtered moment and `period` the length of a tick.
    """

    def __init__(self, period: Seconds) -> None:
        self.period = period
        self.count = 0
        self.time = Seconds(-math.inf)
        self.misses: deque[float] = deque(maxlen=LONGEST)
        """By how many seconds the last ticks missed their line."""
        self._memory = 0
        self._age = 0  # ticks that this line has lasted
        self._last = Seconds(-math.inf)  # the last tick as it came
        self._lean = self._before = 0.0
        self._noise = _USUAL_NOISE
        self._recent: deque[_Heard] = deque(maxlen=12)

    @property
    def locked(self) -> bool:
        """Whether the period can be used."""
        return self._age >= _SURE

    @property
    def settled(self) -> bool:
        """Whether the period can be told: the line goes back for a beat and more."""
        return self._age >= TICKS_PER_BEAT

    @property
    def bpm(self) -> float:
        """Quarter notes a minute, of the filtered period."""
        return 60.0 / (TICKS_PER_BEAT * self.period)

    def phase(self, at: Seconds) -> float:
        """The count at `at`, with its fraction. Only after the first tick."""
        return self.count + (at - self.time) / self.period

    def hear(self, at: Seconds) -> None:
        """A tick came in at `at`. Moments do not go back."""
        if at - self._last > max(GAP, 4 * self.period):
            self._come_back(at)
            return
        miss = at - (self.time + self.period)
        lost = self._lost(miss, at - self._last)
        self._last = at
        astray = abs(miss - lost * self.period) > self._usual_miss()
        stalled = astray and lost > 0
        if stalled:
            lost = 0
        self._recent.append(_Heard(at, self.count + lost + 1, astray))
        if self._step():
            return
        if stalled:
            self._go_on_from(at)
        elif lost >= 0:  # else it is a doubled tick: there is no place for it on the line
            self.count += lost
            self.time = Seconds(self.time + lost * self.period)
            self._take(miss - lost * self.period)

    def begin(self, at: Seconds) -> None:
        """A tick that starts a song: on the line where it fits, else the line starts with it."""
        fits = abs(at - (self.time + self.period)) < self.period / 4
        if fits:
            self.hear(at)
        else:
            self.count += 1
            self._restart(at)

    def _come_back(self, at: Seconds) -> None:
        """After a silence: the count goes on as if the ticks had, to the nearest one."""
        if self._memory:
            self.count = max(self.count + 1, round(self.phase(at)))
        self._restart(at)

    def _go_on_from(self, at: Seconds) -> None:
        """The clock stood still for a moment, as audio servers do, and goes on with this tick.

        Ticks that are lost leave the others on the line; this one is nowhere near it.
        """
        self.count, self.time = self.count + 1, at
        self._memory, self._lean = min(self._memory, SURPRISED), 0.0

    def _restart(self, at: Seconds) -> None:
        """The line starts with this tick; the period that is known is kept for now."""
        self.time = self._last = at
        self._memory = SURPRISED if self._age >= SURPRISED else 1
        self._age = 1
        self._lean = 0.0
        self._recent.clear()
        self._recent.append(_Heard(at, self.count, False))

    def _take(self, miss: float) -> None:
        """Correct phase and period by what the line missed, in seconds."""
        self._watch(miss)
        self._memory = n = min(LONGEST, self._memory + 1)
        phase_gain = 2 * (2 * n - 1) / (n * (n + 1))
        period_gain = 6 / (n * (n + 1))
        self.count, self._age = self.count + 1, self._age + 1
        self.time = Seconds(self.time + self.period + phase_gain * miss)
        self.period = _bounded(self.period + period_gain * miss)

    def _watch(self, miss: float) -> None:
        """Measure jitter, and notice when the line leans away from the ticks."""
        self.misses.append(miss)
        change = min(abs(miss - self._before), 3 * self._noise + 0.001)
        self._before = miss
        self._noise = math.sqrt(self._noise**2 * 15 / 16 + change**2 / 2 / 16)
        self._lean += _LEAN * (miss - self._lean)
        usual = 4 * self._noise * math.sqrt(_LEAN / (2 - _LEAN))
        if self._memory > SURPRISED and abs(self._lean) > max(_LEAN_FLOOR, usual):
            self._memory, self._lean = SURPRISED, 0.0

    @property
    def _sure(self) -> bool:
        """Whether a tick that does not fit can be judged."""
        noisy = self._noise > _NOISY * self.period
        return self._age >= (TICKS_PER_BEAT if noisy else _SURE)

    def _lost(self, miss: float, interval: float) -> int:
        """How many ticks are missing before this one; negative where it is one too many.

        The line says how many, but a clock that wanders off the line has lost nothing: the
        interval must show it too.
        """
        by_line = round(miss / self.period) if self._sure else 0
        shows = interval > _LONG * self.period if by_line > 0 else interval < _SHORT * self.period
        return by_line if shows else 0

    def _usual_miss(self) -> float:
        """How many seconds a tick may be off the line and still belong to it."""
        return min(0.35 * self.period, max(0.08 * self.period, 2.2 * self._noise))

    def _step(self) -> bool:
        """A step of tempo: three intervals agree with each other and not with the line.

        Neither a lost tick nor a doubled one looks like that. The ticks since the step are counted
        again, one by one: a slower tempo had looked like lost ticks, a faster one like doubled.
        """
        if len(self._recent) < 4 or not self._sure:
            return False
        moments = [heard.at for heard in self._recent]
        intervals = [b - a for a, b in pairwise(moments)]
        latest, mean = intervals[-3:], (moments[-1] - moments[-4]) / 3
        near = 0.15 * mean + 4 * self._noise
        alike = max(latest) - min(latest) < near
        other = max(0.08 * self.period, 5 * self._noise * math.sqrt(2) / 3)
        if not alike or abs(mean - self.period) <= other or not self._unexplained(min(latest)):
            return False
        same = 3
        while same < len(intervals) and abs(intervals[-same - 1] - mean) < near / 2:
            same += 1
        self.count = self._recent[-same - 1].count + same
        self.time, self.period = moments[-1], _bounded(mean)
        self._memory, self._lean, self._age = _SURE, 0.0, _SURE
        self._recent.clear()
        self._recent.append(_Heard(moments[-1], self.count, False))
        return True

    def _unexplained(self, shortest: float) -> bool:
        """Whether the last three ticks are neither on the line nor every second one of it."""
        astray = sum(heard.astray for heard in list(self._recent)[-3:])
        return astray >= 2 or shortest > 1.5 * self.period


def _bounded(period: float) -> Seconds:
    return Seconds(min(_WIDEST, max(_SHORTEST, period)))
