"""How music goes along with a clock: never back, never in a jump that nobody asked for.

The music has a line of its own, which always starts where the former one is and aims at the
clock's line a little ahead. Only a new place in the song is a jump, and is told as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import FASTEST, SLOWEST, Beats, Seconds, TempoMap
from ripieno.sync.effects import Begin, Steer, SyncEffects, Warn

AIM = Beats(0.25)
"""How far ahead the music's line meets the clock's: what it misses shrinks to 1/e in that time."""
AIM_AT_FIRST = Beats(0.1)
"""The same in the first beat, and in the beat after a step of tempo."""
SLEW = 0.4
"""The share of the clock's tempo by which the music may go faster or slower to get there."""
FARTHEST = Beats(1.0)
"""Music that is farther from the clock than this has to jump."""
FARTHEST_AT_BOUNDS = Beats(0.125)
"""The same where the clock's tempo is so near to a bound that music cannot catch up."""
MARGIN = 0.01
"""The share of a tempo by which a clock may be beyond what can be played, before it is told."""
NEGLIGIBLE = 0.0001
"""Seconds at the aim for which no new map is worth it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A clock: at `at` it is on the straight `beat`, and it goes on at `bpm`, whatever that is."""

    at: Seconds
    beat: Beats
    bpm: float

    def straight(self, at: Seconds) -> Beats:
        """The straight beat at `at`."""
        return Beats(self.beat + (at - self.at) * self.bpm / 60)

    @property
    def playable(self) -> bool:
        """Whether music can go at this tempo, or nearly."""
        return abs(playable(self.bpm) - self.bpm) <= MARGIN * self.bpm


class Steering:
    """The music's line, and the effects that keep it on the clock's. Pure."""

    def __init__(self) -> None:
        self.music: TempoMap | None = None
        """None while the transport stands."""
        self._warned = False

    def begin(self, at: Seconds, beat: Beats, bpm: float) -> Begin:
        """The music is at `beat` at `at`, wherever it was before."""
        self.music = TempoMap(at, beat, playable(bpm))
        return Begin(self.music)

    def missed(self, line: Line, at: Seconds) -> Beats:
        """By how much the clock is ahead of the music, which rolls."""
        assert self.music
        return Beats(line.straight(at) - self.music.straight(at))

    def steer(self, line: Line, now: Seconds, aim: Beats = AIM) -> SyncEffects:
        """Aim at the clock's line; leave things as they are when they are good enough."""
        assert self.music
        ahead = Seconds(aim * 60 / line.bpm)
        meeting = Seconds(now + ahead)
        here, wanted = self.music.straight(now), line.straight(meeting)
        if abs(self.music.of_straight(wanted) - meeting) < NEGLIGIBLE:
            return ()
        by = SLEW * line.bpm
        bpm = min(line.bpm + by, max(line.bpm - by, 60 * (wanted - here) / ahead))
        farthest = FARTHEST if playable(bpm) == bpm else FARTHEST_AT_BOUNDS
        if line.playable and abs(self.missed(line, now)) > farthest:
            return (self.begin(now, line.straight(now), line.bpm),)
        self.music = TempoMap(now, here, playable(bpm))
        return (Steer(self.music),)

    def warn(self, line: Line) -> SyncEffects:
        """Say, once each time, that the clock's tempo cannot be played."""
        was, self._warned = self._warned, not line.playable
        if was or not self._warned:
            return ()
        return (
            Warn(
                f"The clock runs at {line.bpm:.0f} quarter notes a minute; "
                f"the music can follow from {SLOWEST:g} to {FASTEST:g}"
            ),
        )


def playable(bpm: float) -> float:
    """The tempo nearest to `bpm` that can be played."""
    return min(FASTEST, max(SLOWEST, bpm))
