"""Ableton Link, through aalink: optional, under the GPL, and imported only when asked for.

Link shares a tempo and the phase of bars; whether one plays is shared where both sides want it. A
Link session is read whenever there is time for it: reading takes microseconds and waits for nobody.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Protocol

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, TempoMap
from ripieno.errors import SettingError
from ripieno.events import ClockState
from ripieno.settings import ClockSource
from ripieno.sync.effects import Halt, SyncEffects
from ripieno.sync.steering import Line, Steering, playable

INTERVAL = 0.02
"""Seconds between two looks at the session."""
LEAD_IN = Beats(0.5)
"""The music begins at least this long before its bar line, so that there is time to prepare."""


class Session(Protocol):
    """What we need of `aalink.Link`."""

    tempo: float
    playing: bool
    quantum: float
    enabled: bool

    @property
    def beat(self) -> float: ...

    @property
    def num_peers(self) -> int: ...


def open_session(bpm: float) -> Session:
    """Join the Link session of this network, or begin one at `bpm`. Raises SettingError."""
    try:
        import aalink
    except ImportError:
        raise SettingError(
            "Ableton Link is not installed",
            nearest="'pip install ripieno[link]' installs it (aalink, under the GPL)",
        ) from None
    import asyncio

    async def inside() -> Any:  # it wants a running loop, for futures that we never ask for
        return aalink.Link(bpm)

    session = asyncio.run(inside())
    session.start_stop_sync_enabled = True
    session.enabled = True
    return session  # type: ignore[no-any-return]


class LinkFollower:
    """Turns a Link session into what the transport does. `quantum` is the bar, in beats."""

    def __init__(self, session: Session, quantum: Beats) -> None:
        self._session = session
        self._steering = Steering()
        self._place = Beats(0.0)  # of the music, where it begins: a bar line
        self._offset = 0.0  # the session's beat minus the music's, while it rolls
        self._played = bool(session.playing)
        self._next = Seconds(0.0)
        self.quantum = quantum

    @property
    def quantum(self) -> Beats:
        return Beats(self._session.quantum)

    @quantum.setter
    def quantum(self, bar: Beats) -> None:
        self._session.quantum = bar

    @property
    def tempo(self) -> TempoMap | None:
        """The music's map while the transport rolls."""
        return self._steering.music

    def poll(self, now: Seconds) -> SyncEffects:
        """Look at the session. To be called at `wake()`, or later."""
        self._next = Seconds(now + INTERVAL)
        was, self._played = self._played, bool(self._session.playing)
        if self._played and not was and self.tempo is None:
            return self._begin(now)
        if was and not self._played and self.tempo is not None:
            return self._halt(now)
        if self.tempo is None:
            return ()
        line = self._line(now)
        return *self._steering.warn(line), *self._steering.steer(line, now)

    def wake(self) -> Seconds:
        """When to look again."""
        return self._next

    def start(self, beat: Beats, now: Seconds) -> SyncEffects:
        """The player starts here: the bar line at or before `beat` falls on the next shared one."""
        self._place = Beats((beat + GRID_TOLERANCE) // self.quantum * self.quantum)
        self._session.playing = self._played = True
        return self._begin(now)

    def stop(self, now: Seconds) -> SyncEffects:
        """The player stops here."""
        self._session.playing = self._played = False
        return self._halt(now) if self.tempo is not None else ()

    def propose(self, bpm: float) -> None:
        """The player sets the tempo, of the whole session."""
        self._session.tempo = bpm

    def close(self) -> None:
        """Leave the session."""
        self._session.enabled = False

    def state(self) -> ClockState:
        """`locked` while somebody else is in the session."""
        return ClockState(
            ClockSource.LINK, self._session.num_peers > 0, playable(self._session.tempo), 0.0
        )

    def _line(self, now: Seconds) -> Line:
        return Line(now, Beats(self._session.beat - self._offset), self._session.tempo)

    def _begin(self, now: Seconds) -> SyncEffects:
        bar_line = ceil((self._session.beat + LEAD_IN) / self.quantum) * self.quantum
        self._offset = bar_line - self._place
        line = self._line(now)
        return *self._steering.warn(line), self._steering.begin(now, line.beat, line.bpm)

    def _halt(self, now: Seconds) -> SyncEffects:
        """The next start goes on with the bar after this place."""
        assert self.tempo
        beat = self.tempo.straight(now)
        self._place = Beats(max(0.0, ceil(beat / self.quantum - GRID_TOLERANCE) * self.quantum))
        self._steering.music = None
        return (Halt(now),)
