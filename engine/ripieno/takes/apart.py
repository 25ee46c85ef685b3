"""A take seen from each of those who played in it. Pure."""

from __future__ import annotations

from ripieno.takes.facts import Fact, Mark, Marked, NoteEnded, NoteStarted, Source
from ripieno.takes.take import Take

_EVERYBODY = frozenset({Mark.PLAYED, Mark.STOPPED, Mark.PANIC, Mark.NOTICE})


def apart(take: Take) -> tuple[tuple[Fact, ...], ...]:
    """For each of an ensemble the facts without those about others; of one alone, all."""
    chairs = take.chairs
    if len(chairs) == 1:
        return (take.facts,)
    return tuple(
        tuple(fact for fact in take.facts if _concerns(fact, place)) for place in range(len(chairs))
    )


def _concerns(fact: Fact, place: int) -> bool:
    partner = getattr(fact, "partner", None)
    if partner is None or partner == place:
        return True
    if isinstance(fact, Marked):
        return fact.mark in _EVERYBODY
    own = (Source.PLAYER, Source.CLICK)  # which are nobody's of the ensemble
    return isinstance(fact, NoteStarted | NoteEnded) and fact.source in own
