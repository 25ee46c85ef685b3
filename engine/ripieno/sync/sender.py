"""Sends MIDI clock: ticks, start, continue, stop and song position, each with its moment.

Ticks stand on the score, 24 to the straight beat, so a change of tempo moves those to come and
needs no care. They go on while the transport stands, so that followers know the tempo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import ceil

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap
from ripieno.sync.tick_loop import TICKS_PER_BEAT

Bytes = tuple[int, ...]
"""A MIDI message."""
TICK: Bytes = (0xF8,)
START: Bytes = (0xFA,)
CONTINUE: Bytes = (0xFB,)
STOP: Bytes = (0xFC,)
TICKS_PER_SIXTEENTH = TICKS_PER_BEAT // 4
SIXTEENTHS = 1 << 14
"""How many a song position can tell: 1,024 bars of 4/4. Beyond, it counts from 0 again."""
AHEAD = 0.002
"""Seconds by which a start comes before its first tick, so that receivers are ready."""
APART = 0.04
"""Seconds at least between a stop, the song position after it, and the continue after that.
Programs that carry MIDI elsewhere may change the order of what comes in one period of JACK's."""
NEAREST, WIDEST = 0.5, 2.0
"""Ticks keep these distances, in periods, where the score jumps and nobody said so."""
ASLEEP = 1.0
"""Seconds for which nobody asks what is due, unless the whole machine has slept."""


class ClockSender:
    """Which clock messages are due, in order. Pure: moments come in, messages go out.

    `due` is asked at least every second. A moment that it names never lies before the last one;
    one that has passed means at once. The first tick is at `at`.
    """

    def __init__(self, at: Seconds) -> None:
        self._told = at  # when the last message went; nothing goes before it
        self._tick: Seconds | None = None  # when the last tick went,
        self._periods = (0.0, 0.0)  # and the shortest and longest tick lengths since then
        self._next: int | None = None  # the next tick on the score; None while we stand
        self._first: int | None = None  # the tick that a start or continue announces,
        self._start = at  # from this moment on
        self._rolling = False  # and that this has been sent
        self._said = Seconds(at - APART)  # when a stop or a song position was, last
        self._words: deque[tuple[Bytes, Seconds]] = deque()  # to be said between the ticks

    def start(self, tempo: TempoMap, at: Seconds) -> None:
        """The transport rolls: at `at` it is where `tempo` says. Also after a jump, while it rolls.

        A start is sent for beat 0, and for a lead-in before it; else the song position, and
        continue on the sixteenth that it tells: the next one that is not too near. Where we have
        stood just on one, that is now, and who follows is not elsewhere meanwhile.
        """
        jumps = self._next is not None
        self.stop(at)
        self._start = max(at, self._told)
        told = Seconds(max(self._start, self._said + APART))
        sixteenth = _sixteenth(tempo, self._start)
        stood = told == self._start and not jumps
        waits = tempo.of_straight(Beats(sixteenth / 4)) - self._start
        if sixteenth or waits < told - self._start:
            if not stood or waits > AHEAD:
                sixteenth = _sixteenth(tempo, Seconds(told + APART + AHEAD))
            self._words.append((song_position(sixteenth), told))
        self._first = sixteenth * TICKS_PER_SIXTEENTH
        soonest = self._told if self._tick is None else self._tick + NEAREST * _period(tempo)
        follows = ceil(TICKS_PER_BEAT * tempo.straight(Seconds(soonest)) - GRID_TOLERANCE)
        self._next = min(follows, self._first)

    def stop(self, at: Seconds) -> None:
        """The transport stands still at `at`."""
        self._words = deque(word for word in self._words if word[0] == STOP)
        if self._rolling:
            self._words.append((STOP, at))
            self._said = max(at, self._told)
        self._next = self._first = None
        self._rolling = False

    def locate(self, beat: Beats, at: Seconds) -> None:
        """The transport stands still at `at`, and will start from the straight `beat`."""
        self.stop(at)
        told = Seconds(max(at, self._said + APART))
        self._words.append((song_position(max(0, ceil(4 * beat - GRID_TOLERANCE))), told))

    def next(self, tempo: TempoMap) -> Seconds:
        """When the next message is due under `tempo`, the map in force."""
        tick = self._after_words(tempo)
        return max(self._told, min(tick, self._words[0][1]) if self._words else tick)

    def _after_words(self, tempo: TempoMap) -> Seconds:
        """When the next tick is due, or what announces it."""
        tick = self._tick_at(tempo)
        return max(self._start, Seconds(tick - AHEAD)) if self._announces else tick

    def due(self, tempo: TempoMap, until: Seconds) -> Iterator[tuple[Bytes, Seconds]]:
        """The messages up to `until` under `tempo`, with their moments, in order."""
        if until - self._told > ASLEEP:
            self._awake(tempo, until)
        while (at := self.next(tempo)) <= until:
            self._told = at
            if self._words and self._words[0][1] <= at:
                self._said = at
                yield self._words.popleft()[0], at
            elif self._announces:
                self._rolling = True
                yield CONTINUE if self._first else START, at
            else:
                self._tick, self._periods = at, (_period(tempo), _period(tempo))
                if self._next is not None:
                    self._next += 1
                yield TICK, at

    @property
    def _announces(self) -> bool:
        """Whether a start or continue is what comes next."""
        return self._first is not None and self._first == self._next and not self._rolling

    def _tick_at(self, tempo: TempoMap) -> Seconds:
        """The moment of the next tick: on the score, or as long after the last as a tick lasts."""
        if self._tick is None and self._next is None:
            return self._told
        if self._next is None:
            assert self._tick is not None
            return Seconds(self._tick + _period(tempo))
        on_score = tempo.of_straight(Beats(self._next / TICKS_PER_BEAT))
        if self._tick is None or self._next == self._first:
            return on_score
        periods = (*self._periods, _period(tempo))
        self._periods = shortest, longest = min(periods), max(periods)
        nearest, widest = self._tick + NEAREST * shortest, self._tick + WIDEST * longest
        return Seconds(min(widest, max(nearest, on_score)))

    def _awake(self, tempo: TempoMap, at: Seconds) -> None:
        """Hours of ticks are not made up for: the clock goes on from here, in the right place."""
        self._told = at
        if self._tick is not None:
            self._tick = at
        if self._next is not None:
            self.start(tempo, at)


def song_position(sixteenth: int) -> Bytes:
    """The message that tells the place, in sixteenths from the beginning of the song."""
    place = sixteenth % SIXTEENTHS
    return 0xF2, place & 0x7F, place >> 7


def _sixteenth(tempo: TempoMap, at: Seconds) -> int:
    """The first sixteenth of the score from `at` on; 0 in a lead-in."""
    return max(0, ceil(4 * tempo.straight(at) - GRID_TOLERANCE))


def _period(tempo: TempoMap) -> float:
    """How long a tick lasts, in seconds."""
    return 60.0 / (TICKS_PER_BEAT * tempo.bpm)
