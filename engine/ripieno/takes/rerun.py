"""A recorded performance computed anew, in virtual time: the same must come of the same.

Everything that came in (keys, commands, planned steps, wakes) is fed at its recorded moment and in
its recorded order into a new `Performance`. What that one does is compared, fact by fact, with what
the take says. `regenerate.py` does the same for inference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import cast

from ripieno.clock import Seconds
from ripieno.commands import Locate, Panic, Play, Stop
from ripieno.ensemble import Member
from ripieno.errors import PhraseError
from ripieno.events import Request, Served, Stamped
from ripieno.ledger import Ledger
from ripieno.modes.conductor import Wish
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.sound import Sound
from ripieno.takes.facts import (
    Fact,
    Heard,
    Invited,
    Leaving,
    Mark,
    Marked,
    ModelReady,
    RequestServed,
    Restarted,
    Sent,
    Silenced,
    SoundChosen,
    Steered,
    StepPlanned,
    Wished,
    Woke,
)
from ripieno.takes.header import Chair, Header
from ripieno.takes.take import Take
from ripieno.takes.tap import TakeOutput


@dataclass(frozen=True, slots=True)
class Difference:
    """The first fact that is not the same again. None where one of the two has no more facts."""

    number: int
    """Counts the compared facts from 1."""
    recorded: Fact | None
    again: Fact | None


class _Kept:
    """A recorder that keeps facts."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def record(self, fact: Fact) -> None:
        self.facts.append(fact)


class _Silent(TakeOutput):
    """An output that nobody hears, and that wants to be told as early as those of then did."""

    def __init__(self, lead: Seconds) -> None:
        super().__init__(_Kept(), lambda: 0.0)
        self.early = lead

    @property
    def lead(self) -> Seconds:
        return self.early


def rerun(take: Take) -> list[Fact]:
    """Play what came in of `take` again: all the facts that came of it.

    Raises PhraseError for a take that does not tell what came in, as those of version 1.
    """
    if not any(isinstance(fact, Wished) for fact in take.facts):
        raise PhraseError(
            "this take tells what was heard, but not what was played in",
            where=take.name,
            nearest="It was made by an earlier Ripieno; it can still be exported and listened to.",
        )
    leads = (fact.lead for fact in take.facts if isinstance(fact, Woke))
    kept, silent = _Kept(), _Silent(next(leads, Seconds(0.0)))
    routings = routings_of(take.header)
    sound = Sound((silent,), Ledger(), routings[0], kept, routings[1:])
    chairs = take.header.chairs
    show = Performance(
        [Member(settings=each.settings, name=each.name, hears=each.hears) for each in chairs],
        sound,
        [_no_one] * len(chairs),
        kept,
        seed=take.header.seed,
        at=take.header.started,
    )
    for fact in take.facts:
        if isinstance(fact, Woke):
            silent.early = fact.lead
        _feed(show, fact)
    return kept.facts


def first_difference(take: Take) -> Difference | None:
    """Where the performance, computed anew, departs from `take`; None if it never does.

    A take that was cut off is compared as far as it goes. Raises PhraseError.
    """
    anew = rerun(take)
    if not any(isinstance(fact, SoundChosen) for fact in take.facts):  # made before there were any
        anew = [fact for fact in anew if not isinstance(fact, SoundChosen)]
    pairs = zip_longest(_performed(take.facts), _performed(anew))
    for number, (recorded, again) in enumerate(pairs, start=1):
        if recorded is None and take.torn:
            return None
        if recorded != again:
            return Difference(number, recorded, again)
    return None


def routings_of(header: Header) -> tuple[Routing, ...]:
    """The channels and programs of a take, of each who played at the start, with neither inputs
    nor outputs."""
    return _routings(header, header.chairs, Routing().click_channel)


def invited_routings(invited: Invited) -> tuple[Routing, ...]:
    """The same of those who came in later."""
    return _routings(invited, invited.chairs, invited.click_channel)


def _routings(told: Header | Invited, chairs: Sequence[Chair], click: int) -> tuple[Routing, ...]:
    first = Routing(
        outputs=(),
        inputs=(),
        thru=told.thru,
        thru_channel=told.thru_channel,
        thru_program=told.thru_program,
        click_channel=click,
    )
    return tuple(replace(first, channels=each.channels, programs=each.programs) for each in chairs)


def _no_one(request: Request) -> None:
    """What inference answered is in the take."""


def _feed(show: Performance, fact: Fact) -> None:
    """Call what was called then."""
    match fact:
        case Heard(message, keeps_time, at):
            show.hear(Stamped(at, message), keeps_time=keeps_time)
        case Wished(Play(), at):
            show.play(at)
        case Wished(Stop(), at):
            show.stop(at)
        case Wished(Panic(), at):
            show.panic(at)
        case Wished(Locate(beat), at):
            show.locate(beat, at)
        case Wished(command, at):
            show.wish(cast(Wish, command), at)  # what else was recorded, `wish` has recorded
        case Steered(tempo, begins, _, at):
            (show.begin if begins else show.steer)(tempo, at)
        case Leaving(beat, at):
            show.leaving(beat, at)
        case StepPlanned():
            show.planned(fact.planned(), fact.at, fact.partner)
        case RequestServed(request, steps, void, at, partner):
            show.served(Served(request, steps, void), at, partner)
        case Restarted(heard, at, line, partner):
            show.inference_restarted(heard, at, line, partner)
        case Invited():
            show.invite(fact, invited_routings(fact), [_no_one] * len(fact.chairs))
        case Woke(at):
            show.advance(at)
        case _:
            return


def _performed(facts: Iterable[Fact]) -> Iterator[Fact]:
    """What a performance itself writes down, in order; what went out, its outputs told."""
    for fact in facts:
        told = isinstance(fact, Marked) and fact.mark is Mark.NOTICE
        if not told and not isinstance(fact, (ModelReady, Sent, Silenced)):
            yield fact
