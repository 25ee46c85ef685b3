"""Who plays: others come in at a bar line, and those who played until then end there.

Those who come are armed for their line while the old ones go on. On it, as long before it sounds
as all that is scheduled, the old ones' voices are released, the new ones are the partners, and
their tempo, their channels and their sounds hold. A stop or a jump on the way brings them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ripieno.clock import Beats, Seconds
from ripieno.ensemble import Member
from ripieno.events import Note, NoteOn, Phase, Request
from ripieno.modes.passage import rests
from ripieno.partner import Ground, Partner
from ripieno.rolling import Rolling, among
from ripieno.routing import Routing
from ripieno.section import When
from ripieno.takes.facts import Invited, Restarted


@dataclass(frozen=True, slots=True)
class _Coming:
    """Those who begin to play at `line`; `routing` is the player's and the metronome's then."""

    partners: tuple[Partner, ...]
    routing: Routing
    line: Beats


class Company(Rolling):
    """A performance whose players may be relieved by others."""

    _coming: _Coming | None = None
    _greets: Beats | None = None
    """Where those who have just come hear the keys that are down."""
    _kept: tuple[tuple[int, NoteOn], ...] = ()
    """These keys."""

    @property
    def inviting(self) -> bool:
        """Whether others are to come in at a bar line ahead."""
        return self._coming is not None

    def partner_at(self, place: int) -> Partner | None:
        """The one of this place, of those who play and those who are coming."""
        coming = self._coming.partners if self._coming else ()
        found = (each for each in (*self.partners, *coming) if each.place == place)
        return next(found, None)

    @property
    def next_place(self) -> int:
        """The place of the first of those who are invited next."""
        return self.partners[-1].place + 1

    def invite(
        self,
        invited: Invited,
        routings: Sequence[Routing],
        asks: Sequence[Callable[[Request], None]],
    ) -> None:
        """Let others come in, each on its routing (the first one's is also the player's) and with
        its model. Nobody else is on the way then."""
        at, line, first = invited.at, invited.line, invited.chairs[0].settings
        self._logbook.record(invited)
        alone = len(invited.chairs) == 1
        seed = self.front.conductor.moment.seed
        ground = Ground(self.transport, self.pulse, self._logbook, seed, alone, at)
        sections = self.sound.admit(routings, self.next_place)
        members = [Member(settings=c.settings, name=c.name, hears=c.hears) for c in invited.chairs]
        partners = tuple(
            Partner(among(member, first), section, ground, ask)
            for member, section, ask in zip(members, sections, asks, strict=True)
        )
        self._coming = _Coming(partners, routings[0], line)
        if not self.playing:
            self._relieve(self._coming, self._when(at))
            return
        for partner in partners:
            partner.acting.apply(partner.conductor.mode.arm(line), at)
            partner.sequencer.begin(line)

    def inference_restarted(
        self, heard: tuple[Note, ...], at: Seconds, line: Beats | None = None, place: int = 0
    ) -> None:
        """That inference has lost its memory, and is told what was `heard`. From the bar line
        `line` on, if there is one, it plays; who has not come in yet is armed for its own."""
        partner, coming = self.partner_at(place), self._coming
        if partner is None:
            return
        if coming is not None and partner in coming.partners:
            self._logbook.record(Restarted(heard, at, line, place))
            partner.acting.apply(partner.conductor.mode.arm(coming.line), at)
            return
        partner.restarted(heard, at, line)
        self._pass_on(at)

    # ---- the bar line

    def _relief(self) -> Seconds | None:
        """When something of this is to be done next; None where nobody comes."""
        lead = self.sound.lead
        moments: list[Seconds] = []
        if self._coming is not None:
            moments.append(Seconds(self.tempo.seconds(self._coming.line) - lead))
        if self._greets is not None:
            moments.append(self.tempo.seconds(self._greets))
        return min(moments, default=None)

    def _change(self, at: Seconds) -> None:
        """Do what is due of it at `at`."""
        coming, greets, lead = self._coming, self._greets, self.sound.lead
        if greets is not None and self.tempo.seconds(greets) <= at:
            self._greet(at)
        if coming is None or self.tempo.seconds(coming.line) - lead > at:
            return
        for partner in self.partners:
            partner.sequencer.schedule.cut(coming.line)
            partner.sound(at, lead)
        self._pass_on(at)
        for partner in self.partners:
            partner.count_misses(at)
        due = self.tempo.seconds(coming.line)
        self._relieve(coming, When(coming.line, due, Seconds(max(due, at))))

    def _relieve(self, coming: _Coming, when: When) -> None:
        """Those who were coming play; those who played have ended."""
        before, self._coming = self.settings, None
        for partner in self.partners:
            partner.section.perform(rests(0, when.beat), when)
            partner.conductor.mode.stop()
            self._logbook.phase(Phase.STOPPED, when.at, partner.place)
            self._tally.add(partner)
        self.partners, self.front = coming.partners, coming.partners[0]
        self.sound.seat(tuple(each.section for each in self.partners), coming.routing, when)
        if self.playing:
            self._take_time(before.bpm, before.sync.swing, when)
            self._greets, self._kept = when.beat, tuple(self._down.items())
        elif self._armed is not None:  # a clock that is followed may start the music any moment
            self.arm(self._armed, when.at)

    def _take_time(self, bpm: float, swing: float, when: When) -> None:
        """Tempo, swing and meter are theirs from the line on."""
        settings = self.settings
        if swing != settings.sync.swing:
            self.transport.swing(when.at, settings.sync.swing)
        if bpm != settings.bpm:
            self.transport.retime(when.at, settings.bpm)
        self._logbook.tempo(settings, when.at)

    def _greet(self, at: Seconds) -> None:
        """A key that was down before they came is to them as if struck on their line."""
        kept, beat = self._kept, self.beat(at)
        self._greets, self._kept = None, ()
        for key, struck in kept:
            pitch = self.sound.thru_pitch(key)
            if pitch is None or self._down.get(key) is not struck:
                continue
            for partner in self.listeners:
                partner.struck = at
                mode = partner.conductor.mode
                effects = mode.note_on(pitch, struck.velocity, beat, struck.channel)
                partner.acting.apply(effects, at)
        self._pass_on(at)

    @property
    def listeners(self) -> tuple[Partner, ...]:
        """Those who hear the player."""
        return tuple(partner for partner in self.partners if partner.member.hears_you)

    # ---- what brings them at once

    def _stop(self, at: Seconds) -> None:
        self._come_now(at)
        self._greets = None
        super()._stop(at)

    def _go_to(self, beat: Beats, at: Seconds) -> None:
        self._come_now(at)
        super()._go_to(beat, at)
        if self._greets is not None:
            self._greets = beat

    def _come_now(self, at: Seconds) -> None:
        if self._coming is not None:
            self._relieve(self._coming, self._when(at))
