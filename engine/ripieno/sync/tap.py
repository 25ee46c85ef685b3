"""The tempo of taps: a foot, a pad or the space bar, a few times in a row."""

from __future__ import annotations

from collections import deque
from statistics import median

from ripieno.clock import FASTEST, SLOWEST, Seconds

INTERVALS = 5
"""The median of so many intervals: one slip does not count."""
PAUSE = 2.5
"""An interval this many times as long as the usual one begins anew."""
BOUNCE = 0.1
"""Seconds within which a second tap is a switch that bounced."""
UNEVEN = 0.25
"""The share of an interval by which taps may differ from the median and still be a beat."""


class Tapper:
    """Taps come in, a tempo comes out. Pure; moments never go back."""

    def __init__(self) -> None:
        self._last: Seconds | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)

    def tap(self, at: Seconds) -> float | None:
        """The tempo in quarter notes a minute (20…300) after a tap at `at`.

        None after the first tap, and as long as the taps are no beat: too far apart, too fast, or
        too uneven.
        """
        if self._last is not None and at - self._last < BOUNCE:
            return None
        interval = None if self._last is None else at - self._last
        self._last = at
        if interval is None or self._pauses(interval):
            self._intervals.clear()
            return None
        self._intervals.append(interval)
        usual = median(self._intervals)
        odd = sum(abs(other - usual) > UNEVEN * usual for other in self._intervals)
        bpm = 60 / usual
        if 2 * odd >= len(self._intervals) or not SLOWEST <= bpm <= FASTEST:
            return None
        return bpm

    def _pauses(self, interval: float) -> bool:
        """Whether so long an interval was none between two taps of one beat."""
        longest = PAUSE * median(self._intervals) if self._intervals else 60 / SLOWEST
        return interval > min(longest, 60 / SLOWEST)
