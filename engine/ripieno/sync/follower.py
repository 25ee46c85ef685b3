"""Follows a MIDI clock: ticks, start, continue, stop and song position become tempo maps.

A `TickLoop` says where the clock is, a `Steering` brings the music there.
"""

from __future__ import annotations

from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ClockMessage, ClockState, ClockTick, ClockTransport, SongPosition
from ripieno.events import Transport as Said
from ripieno.settings import ClockSource, OnLoss
from ripieno.sync.effects import Found, Halt, Jump, Lost, SyncEffects
from ripieno.sync.steering import AIM, AIM_AT_FIRST, Line, Steering, playable
from ripieno.sync.tick_loop import GAP, TICKS_PER_BEAT, TickLoop

TICKS_PER_SIXTEENTH = TICKS_PER_BEAT // 4


class Follower:
    """Turns clock messages into what the transport does. Pure: moments come in, effects go out.

    `bpm` (20…300) is taken until two ticks have come. `on_loss` may be changed at any time.
    """

    def __init__(self, bpm: float, on_loss: OnLoss = OnLoss.GO_ON) -> None:
        self.on_loss = on_loss
        self._loop = TickLoop(Seconds(60 / (TICKS_PER_BEAT * bpm)))
        self._steering = Steering()
        self._place = 0  # the song's tick that comes next, while the transport stands
        self._offset = 0  # the song's tick minus the loop's count, while it rolls
        self._cue: int | None = None  # the song's tick with which it begins, at the next tick
        self._heard: Seconds | None = None  # the last tick, unless it is long ago
        self._lost = False

    @property
    def tempo(self) -> TempoMap | None:
        """The music's map while the transport rolls."""
        return self._steering.music

    @property
    def leaves(self) -> Beats | None:
        """The straight beat that the music would reach with the next tick, if it jumps then."""
        if self.tempo is None or self._cue is None:
            return None
        return Beats((self._loop.count + self._offset + 1) / TICKS_PER_BEAT)

    def hear(self, at: Seconds, message: ClockMessage, now: Seconds | None = None) -> SyncEffects:
        """A message that came in at `at`; a new map holds from `now` (≥ at), by default `at`.

        Moments never go back.
        """
        match message:
            case ClockTick():
                return self._tick(at, at if now is None else max(at, now))
            case ClockTransport(said):
                return self._transport(at, said)
            case SongPosition(sixteenths):
                return self._located(sixteenths * TICKS_PER_SIXTEENTH)

    def check(self, at: Seconds) -> SyncEffects:
        """Look whether the clock has fallen silent. To be called at `wake()`, or later."""
        due = self.wake()
        if due is None or at < due:
            return ()
        self._heard, self._lost = None, True
        if self.on_loss is OnLoss.STOP:
            return Lost(), *self._stop(at)
        return (Lost(),)

    def wake(self) -> Seconds | None:
        """When `check` has something to say, if no tick comes; None: nothing to wait for."""
        if self.tempo is None or self._heard is None:
            return None
        return Seconds(self._heard + max(GAP, 4 * self._loop.period))

    def state(self) -> ClockState:
        """How well it follows. The tempo is the clock's, also while the transport stands."""
        misses = sorted(abs(miss) for miss in self._loop.misses)
        jitter = 1000 * misses[min(len(misses) - 1, int(0.99 * len(misses)))] if misses else 0.0
        locked = self._heard is not None and self._loop.locked
        return ClockState(ClockSource.MIDI, locked, playable(self._loop.bpm), jitter)

    # ---- ticks

    def _tick(self, at: Seconds, now: Seconds) -> SyncEffects:
        found: SyncEffects = (Found(),) if self._lost else ()
        self._heard, self._lost = at, False
        if self._cue is not None:
            return *found, *self._start(self._cue, at, now)
        self._loop.hear(at)
        if self.tempo is None:
            return found
        return *found, *self._warn(), *self._steer(now)

    def _start(self, place: int, at: Seconds, now: Seconds) -> SyncEffects:
        """This tick is the song's tick `place`."""
        self._loop.begin(at)
        self._offset, self._cue = place - self._loop.count, None
        if self.tempo is not None and abs(self._steering.missed(self._line, now)) < _A_TICK:
            return self._steer(now)  # it was told where it is already
        begun = self._steering.begin(at, Beats(place / TICKS_PER_BEAT), self._loop.bpm)
        return *self._warn(), begun

    def _steer(self, now: Seconds) -> SyncEffects:
        aim = AIM if self._loop.settled else AIM_AT_FIRST
        return self._steering.steer(self._line, now, aim)

    @property
    def _line(self) -> Line:
        ticks = self._loop.count + self._offset
        return Line(self._loop.time, Beats(ticks / TICKS_PER_BEAT), self._loop.bpm)

    def _warn(self) -> SyncEffects:
        return self._steering.warn(self._line) if self._loop.settled else ()

    # ---- transport

    def _transport(self, at: Seconds, said: Said) -> SyncEffects:
        match said:
            case Said.START:
                return self._cue_up(0)
            case Said.CONTINUE:
                # while it rolls, only a song position tells of a new place
                return self._cue_up(self._place) if self.tempo is None else ()
            case Said.STOP:
                return self._stop(at)

    def _cue_up(self, place: int) -> SyncEffects:
        """The next tick is the song's tick `place`."""
        self._cue = place
        return self._arm(place) if self.tempo is None else ()

    def _stop(self, at: Seconds) -> SyncEffects:
        """Stand still before the song's next tick, which is where a continue would go on."""
        self._cue = None
        if self.tempo is None:
            return ()
        self._place = self._loop.count + self._offset + 1
        self._steering.music = None
        return (Halt(at),)

    def _located(self, place: int) -> SyncEffects:
        if self.tempo is None:
            if self._cue is not None:
                self._cue = place
            return self._arm(place)
        following = self._loop.count + self._offset + 1
        if abs(place - following) > TICKS_PER_SIXTEENTH:  # else it tells where we are
            self._cue = place
        return ()

    def _arm(self, place: int) -> SyncEffects:
        if place == self._place:
            return ()
        self._place = place
        return (Jump(Beats(place / TICKS_PER_BEAT)),)


_A_TICK = 1 / TICKS_PER_BEAT
"""In beats."""
