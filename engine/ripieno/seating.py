"""Other players in the middle of a performance: an ensemble for one, for another, or one again.

Their models are loaded and their instruments opened beside what plays. When all of it is there,
they are invited to a bar line, one in their meter and in ours. When any of it cannot be had, what
plays goes on, and a sentence says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Meter, Seconds
from ripieno.commands import Recall
from ripieno.errors import RipienoError
from ripieno.inference.hosts import Hosts
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.scenes import AT_HAND, Scenes, Sounds, same_clock
from ripieno.settings import ClockSource
from ripieno.sound import SOONER
from ripieno.stage import Seat, Stage, seat_of
from ripieno.takes.facts import Invited

AHEAD = Seconds(1.0)
"""So long before their bar line they are armed: their first steps are there in time."""
CALM, PATIENCE = Seconds(0.02), Seconds(0.5)
"""To start a process takes milliseconds, so for so long nothing should be due; so long is waited
for such a moment."""
BARS = 16
"""A line on which bars of both meters begin is looked for in so many bars."""


@dataclass(slots=True)
class _Coming:
    """Who was recalled and has not come in yet."""

    what: Recall
    seats: tuple[Seat, ...]
    routing: Routing
    since: Seconds
    """When the last process was started, or it was asked for."""
    line: Beats | None = None
    invited: bool = False
    sounds: bool = False
    """Their instruments have taken over."""


class Seating:
    """Who sits where, and who is recalled in their place."""

    def __init__(
        self, stage: Stage, performance: Performance, hosts: Hosts, rack: Sounds, scenes: Scenes
    ) -> None:
        self._show, self._hosts, self._rack, self._scenes = performance, hosts, rack, scenes
        self._begun = stage.preset.name
        self._seats, self._routing = stage.seats, stage.preset.routing
        self._were = {self._begun: (self._seats, self._routing)}
        self._coming: _Coming | None = None
        self._after: Recall | None = None

    @property
    def coming(self) -> str:
        """The name of what comes in, '' for nothing."""
        last = self._after or (self._coming.what if self._coming else None)
        return "" if last is None else last.name

    def concerns(self, what: Recall) -> bool:
        """Whether `what` is played by others: several now, or several then; or must wait for who
        is all but here."""
        if self._coming is not None and self._coming.invited:
            return True
        if not what.players and what.name not in self._were:
            return False
        several = what.ensemble or any(seat.name for seat in self._were_in(what))
        return several or bool(self._show.front.name)

    def _were_in(self, what: Recall) -> tuple[Seat, ...]:
        return () if what.players else self._were[what.name][0]

    # ---- coming

    def recall(self, what: Recall, now: Seconds) -> None:
        """Let those who play in `what` come in at a bar line, or at once while nothing plays."""
        if self._coming is not None and self._coming.invited:
            self._after = what  # those are relieved in their turn
            return
        self.forsake(now)
        try:
            seats = tuple(map(self._fitted, self._seats_of(what)))
        except RipienoError as error:
            self._give_up(what.name, str(error))
            return
        known = self._were.get(what.name, (seats, seats[0].routing))[1]
        routing = what.routing or known
        self._coming = _Coming(what, seats, routing, now)
        self._rack.prepare(what.name, routing, now, as_written=True)
        self._hosts.expect(seats)
        if self._show.playing:
            self._show.say(f"Loading {what.name}; it comes in at a bar line")

    def forsake(self, now: Seconds) -> None:
        """Who has not been invited yet is not wanted any more."""
        self._after = None
        if self._coming is None or self._coming.invited:
            return
        self._coming = None
        self._hosts.forsake()
        self._rack.prepare("", None, now)

    def _give_up(self, name: str, why: str) -> None:
        goes_on = "what plays goes on" if self._show.playing else "nothing has changed"
        self._show.say(f"{name} cannot come in, {goes_on}. {why}", urgent=True)

    def _seats_of(self, what: Recall) -> tuple[Seat, ...]:
        """Raises BundleError."""
        seats = self._were_in(what) or tuple(map(seat_of, what.players))
        if len(seats) > 1 or seats[0].name:
            return seats
        member = replace(seats[0].member, settings=what.settings)
        return (replace(seats[0], member=member),)

    def _fitted(self, seat: Seat) -> Seat:
        """As it can play here: by the clock that is followed, in a mode that is there."""
        settings = same_clock(seat.member.settings, self._show.settings)
        if settings.sync.source is not ClockSource.INTERNAL:
            settings = replace(settings, bpm=self._show.settings.bpm)
        if settings.own_mode:
            own, instead = settings.own_mode, settings.mode.value
            self._show.say(f"The mode {own} can only be there from the start: {instead} plays")
            settings = replace(settings, own_mode="")
        return replace(seat, member=replace(seat.member, settings=settings))

    def waiting(self) -> Recall | None:
        """What was recalled while others were all but here, once they are; told once."""
        if self._coming is not None:
            return None
        after, self._after = self._after, None
        return after

    # ---- time

    def wake(self) -> Seconds | None:
        """When `look` has something to do next; None if that is not known."""
        coming = self._coming
        if coming is None or coming.line is None or not self._show.playing:
            return None
        at = self._show.tempo.seconds(coming.line)
        if not coming.invited:
            return Seconds(at - AHEAD)
        return None if coming.sounds else Seconds(at - self._show.sound.lead - AT_HAND)

    def look(self, now: Seconds) -> None:
        """Do what is due at `now`."""
        coming, arrival = self._coming, self._hosts.arrival
        if coming is None or arrival is None:
            return
        if coming.invited:
            self._accompany_in(coming, now)
        elif arrival.problem:
            self.forsake(now)
            self._give_up(coming.what.name, arrival.problem)
        elif not arrival.complete:
            wake = self._show.wake()
            if wake is None or wake - now > CALM or now - coming.since > PATIENCE:
                arrival.start()
                coming.since = now
        elif arrival.ready and self._hosts.ready and not self._rack.loading:
            self._approach(coming, now)

    def _approach(self, coming: _Coming, now: Seconds) -> None:
        """All is there: invite them, when it is time."""
        show = self._show
        if not show.playing:
            self._invite(coming, show.beat(now), now)
            return
        beat, ahead = show.beat(now), Beats(AHEAD * show.settings.bpm / 60.0)
        line = self._line(coming, Beats(beat + ahead))
        if coming.line is None or not beat + ahead / 2 <= coming.line <= line:
            coming.line = line  # or the music went elsewhere
        if beat >= coming.line - ahead - GRID_TOLERANCE:
            self._invite(coming, coming.line, now)

    def _line(self, coming: _Coming, soonest: Beats) -> Beats:
        """The first line from `soonest` on where bars of both meters begin; where there is none
        soon, a bar of ours."""
        ours, theirs = self._show.settings.meter, coming.seats[0].member.settings.meter
        first = ours.next_bar(soonest)
        lines = (Beats(first + number * ours.bar) for number in range(BARS))
        return next((line for line in lines if _begins_bar(line, theirs)), first)

    def _invite(self, coming: _Coming, line: Beats, now: Seconds) -> None:
        arrival = self._hosts.arrival
        assert arrival is not None
        self._remember()
        coming.line, coming.invited = line, True
        if not self._show.playing:
            self._sound(coming, now)
        first = coming.seats[0].routing
        invited = Invited(
            tuple(seat.chair for seat in coming.seats),
            first.thru,
            first.thru_channel,
            first.thru_program,
            first.click_channel,
            line,
            now,
        )
        asks = [host.ask for host in arrival.hosts]
        self._show.invite(invited, [seat.routing for seat in coming.seats], asks)
        self._accompany_in(coming, now)

    def _accompany_in(self, coming: _Coming, now: Seconds) -> None:
        """Their instruments take over just before the line; then they are those who play."""
        show = self._show
        wake = self.wake()
        if not coming.sounds and (wake is None or wake <= now or not show.inviting):
            assert coming.line is not None
            line = show.tempo.seconds(coming.line)
            self._sound(coming, Seconds(line - SOONER) if show.inviting else now)
        if show.inviting:
            return
        self._coming = None
        self._hosts.relieve()
        self._seats, self._routing = coming.seats, coming.routing
        self._scenes.arrived(coming.what.name, coming.routing)

    def _sound(self, coming: _Coming, at: Seconds) -> None:
        coming.sounds = True
        self._rack.take_over(at)

    def _remember(self) -> None:
        """How those who play now do, so that they can come back."""
        name = self._scenes.current or self._begun
        there = zip(self._seats, self._show.partners, self._hosts.specs, strict=True)
        seats = tuple(
            Seat(
                member=replace(seat.member, settings=partner.settings),
                model=model,
                routing=partner.section.routing,
            )
            for seat, partner, model in there
        )
        self._were[name] = (seats, self._routing)


def _begins_bar(line: Beats, meter: Meter) -> bool:
    return abs(line - meter.bar_start(Beats(line + GRID_TOLERANCE))) <= 2 * GRID_TOLERANCE
