"""Who keeps the time: we ourselves, a MIDI clock, Link, or a foot that taps.

Whatever another clock says becomes a few calls of the performance; it never sees a tick.
"""

from __future__ import annotations

from ripieno.clock import Beats, Seconds, ceil_to, unswung
from ripieno.commands import Choose, Front, Nudge, Programs, Rate, Turn
from ripieno.errors import RipienoError
from ripieno.events import ClockMessage, ClockState
from ripieno.modes.conductor import Wish
from ripieno.performance import Performance
from ripieno.settings import ClockSource, OnLoss, Settings
from ripieno.sync.effects import Begin, Found, Halt, Jump, Lost, Steer, SyncEffects, Warn
from ripieno.sync.follower import Follower
from ripieno.sync.link import LinkFollower, open_session
from ripieno.sync.tap import Tapper

TICK = Beats(1 / 24)
_WAITING = {
    ClockSource.MIDI: "Waiting for the MIDI clock: it starts the music",
    ClockSource.LINK: "In the Link session: Space starts the music for all",
}
_NAMES = {ClockSource.MIDI: "MIDI clock", ClockSource.LINK: "Link session"}


class Timekeeper:
    """Keeps `performance` in time with whatever clock its settings name."""

    def __init__(self, performance: Performance) -> None:
        self._show = performance
        self._taps = Tapper()
        self._source = ClockSource.INTERNAL
        self._followed: Follower | LinkFollower | None = None

    @property
    def followed(self) -> bool:
        """Whether somebody else starts the transport."""
        return self._source is not ClockSource.INTERNAL

    def look(self, now: Seconds) -> None:
        """Notice another source, and a clock that has fallen silent."""
        sync = self._show.settings.sync
        if sync.source is not self._source:
            self._change(sync.source, now)
        followed = self._followed
        due = None if followed is None else followed.wake()
        if isinstance(followed, Follower):
            followed.on_loss = sync.on_loss
        if due is not None and due <= now:
            self._do(self._look_at(followed, now), now)

    def _look_at(self, followed: Follower | LinkFollower | None, now: Seconds) -> SyncEffects:
        if isinstance(followed, LinkFollower):
            followed.quantum = self._show.settings.meter.bar
            return followed.poll(Seconds(now + self._show.sound.lead))
        return () if followed is None else followed.check(now)

    def wake(self) -> Seconds | None:
        """When `look` has something to do; None when nothing is known."""
        return None if self._followed is None else self._followed.wake()

    def hear(self, at: Seconds, message: ClockMessage, now: Seconds) -> None:
        """A message of a MIDI clock, stamped `at`; nobody listens unless it is followed."""
        if isinstance(self._followed, Follower):
            holds_from = Seconds(now + self._show.sound.lead)  # what is before has been handed over
            self._do(self._followed.hear(at, message, max(at, holds_from)), now)
            leaves = self._followed.leaves
            if leaves is not None:
                self._show.leaving(unswung(leaves, self._show.settings.sync.swing), now)

    def play(self, now: Seconds) -> None:
        """The player starts the transport, in a Link session that of all."""
        if isinstance(self._followed, LinkFollower) and not self._show.playing:
            self._do(self._followed.start(self._show.beat(now), now), now)
        else:
            self._show.play(now)

    def stop(self, now: Seconds) -> None:
        """The player stops the transport, in a Link session that of all."""
        if isinstance(self._followed, LinkFollower):
            self._do(self._followed.stop(now), now)
        else:
            self._show.stop(now)

    def wish(self, wish: Wish | Nudge | Programs | Rate | Front, now: Seconds) -> None:
        """The player's controls; the tempo of a Link session is everybody's."""
        sets_tempo = isinstance(wish, Turn) and wish.name == "tempo"
        if isinstance(self._followed, LinkFollower) and isinstance(wish, Turn) and sets_tempo:
            self._followed.propose(wish.value)
        else:
            self._show.wish(wish, now)

    def tap(self, at: Seconds, now: Seconds) -> None:
        """The player taps the tempo."""
        bpm = self._taps.tap(at)
        if bpm is not None:
            self.wish(Turn("tempo", round(bpm, 1)), now)

    def state(self) -> ClockState:
        """What keeps the time, and how well."""
        if self._followed is not None:
            return self._followed.state()
        return ClockState(ClockSource.INTERNAL, True, self._show.settings.bpm, 0.0)

    def close(self) -> None:
        """Leave the session of a Link clock."""
        if isinstance(self._followed, LinkFollower):
            self._followed.close()

    # ---- what it does to the performance

    def _change(self, source: ClockSource, now: Seconds) -> None:
        self.close()
        self._source, self._followed = source, None
        show = self._show
        if source is ClockSource.INTERNAL:
            return
        try:
            self._followed = _open(source, show.settings)
        except RipienoError as error:
            show.say(str(error), urgent=True)
            show.wish(Choose("source", ClockSource.INTERNAL), now)
            self._source = ClockSource.INTERNAL
            return
        if show.playing:
            show.stop(now)
        show.locate(Beats(0.0), now)
        show.say(_WAITING[source])

    def _do(self, effects: SyncEffects, now: Seconds) -> None:
        show = self._show
        for effect in effects:
            match effect:
                case Steer(tempo):
                    show.steer(tempo, now)
                case Begin(tempo):
                    show.begin(tempo, now)
                case Halt():
                    self._halt(now)
                case Jump(beat):
                    show.locate(beat, now)
                case Lost():
                    self._lost()
                case Found():
                    show.say(f"The {_NAMES[self._source]} is back")
                case Warn(sentence):
                    show.say(sentence, urgent=True)

    def _halt(self, now: Seconds) -> None:
        """Stand still, ready to go on with the clock's next tick."""
        if self._show.playing:
            self._show.stop(now)
            self._show.locate(ceil_to(self._show.beat(now), TICK), now)

    def _lost(self) -> None:
        goes_on = self._show.settings.sync.on_loss is OnLoss.GO_ON
        after = "the music goes on at the last tempo" if goes_on else "the music stops"
        self._show.say(f"The {_NAMES[self._source]} is silent; {after}", urgent=True)


def _open(source: ClockSource, settings: Settings) -> Follower | LinkFollower:
    """Raises SettingError, in a sentence, where Link is not installed."""
    if source is ClockSource.MIDI:
        return Follower(settings.bpm, settings.sync.on_loss)
    return LinkFollower(open_session(settings.bpm), settings.meter.bar)
