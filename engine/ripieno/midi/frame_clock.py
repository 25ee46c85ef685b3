"""Frames of a JACK server against seconds of this machine. Pure.

A first-order loop on the moments at which cycles began, in the spirit of F. Adriaensen, "Using a
DLL to filter time" (LAC 2005). JACK's own such loop estimates the rate too, and is wrong for
seconds after an xrun; a sound card's rate is never far enough from its name to need that.
"""

from __future__ import annotations

from ripieno.clock import Seconds

_GAIN = 0.02
"""How much of each error is taken over: with a cycle of 5 ms, a quarter of a second."""
_BOUND = 0.0001
"""Seconds of an error that count: a server that woke late says little about its clock."""
_STRAY, _JUMP = 0.0003, 0.002
"""Seconds; farther off, the server woke late, or has lost frames (an xrun) …"""
_PATIENCE, _HASTE = 16, 2
"""… and has lost them when so many cycles in a row are a stray, or a jump, on the same side."""
_WRAP = 1 << 32


class FrameClock:
    """Converts between frames and Seconds, told when each cycle of the server began.

    Its frames are the server's, counted without end, and through what the server loses: a frame
    that was the right one for a moment stays so.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._zero: float | None = None  # the moment of frame 0
        self._strays: list[float] = []
        self._last: int | None = None
        self._lost = 0

    def cycle(self, frame: int, at: Seconds | None) -> int:
        """A cycle began at `frame`, as JACK counts in 32 bits; the same on our count.

        `at` is the moment; None when it is not known well.
        """
        start = self._unwrapped(frame) + self._lost
        if at is None:
            return start
        if self._zero is None:
            self._zero = at - start / self.rate
        error = at - start / self.rate - self._zero
        if abs(error) < _STRAY:
            self._strays.clear()
            self._zero += _GAIN * min(_BOUND, max(-_BOUND, error))
            return start
        if self._strays and (self._strays[0] > 0) != (error > 0):
            self._strays.clear()
        self._strays.append(error)
        lost = round(self._gap() * self.rate)
        if lost:
            self._strays.clear()
            self._lost += lost
        return start + lost

    def _gap(self) -> float:
        """How long the server has stood still, if it has: 0 while that is not certain."""
        for least, looks in ((_JUMP, _HASTE), (_STRAY, _PATIENCE)):
            latest = self._strays[-looks:]
            if len(latest) == looks and min(map(abs, latest)) >= least:
                return min(latest, key=abs)
        return 0.0

    def _unwrapped(self, frame: int) -> int:
        """JACK begins anew after a day at 48 kHz: the frame nearest to the last one."""
        last = frame if self._last is None else self._last
        step = (frame - last) % _WRAP
        self._last = last + (step if step < _WRAP // 2 else step - _WRAP)
        return self._last

    @property
    def lost(self) -> int:
        """How many frames its count is ahead of the server's own."""
        return self._lost

    @property
    def running(self) -> bool:
        """Whether it has been told a moment."""
        return self._zero is not None

    def frame(self, at: Seconds) -> int:
        """The frame nearest to `at`."""
        assert self._zero is not None, "no cycle has begun yet"
        return round((at - self._zero) * self.rate)

    def moment(self, frame: int) -> Seconds:
        """The moment of `frame`."""
        assert self._zero is not None, "no cycle has begun yet"
        return Seconds(self._zero + frame / self.rate)
