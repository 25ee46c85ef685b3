"""What a take tells of inference, process by process. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ripieno.events import Planned, Request, Served
from ripieno.takes.facts import Asked, ModelReady, RequestServed, StepPlanned
from ripieno.takes.take import Take


@dataclass(frozen=True, slots=True)
class Session:
    """What one inference process, which began with an empty memory, was asked and what it did."""

    partner: int
    """Whose it was, in an ensemble."""
    model: str
    bundle: str
    """SHA-256 of its bundle's manifest, '' if nobody knows."""
    precision: str
    requests: tuple[Request, ...]
    served: tuple[Served, ...]
    """In the order in which it served them."""
    steps: tuple[Planned, ...]


@dataclass(slots=True)
class _Open:
    partner: int
    model: str
    bundle: str
    precision: str
    served: list[Served] = field(default_factory=list)
    steps: list[Planned] = field(default_factory=list)


def sessions(take: Take) -> tuple[Session, ...]:
    """The inference processes of `take`, in order; those that served nothing are left out.

    A request belongs to the process that served it, also when it was asked before that was ready.
    """
    requests: dict[tuple[int, int], Request] = {}
    chairs = take.chairs
    found = [
        _Open(place, chair.model, chair.bundle, chair.precision)
        for place, chair in enumerate(chairs)
    ]
    newest = dict(enumerate(found))
    for fact in take.facts:
        match fact:
            case ModelReady(model, precision, _, bundle, partner):
                bundle = bundle or chairs[partner].bundle
                newest[partner] = _Open(partner, model, bundle, precision)
                found.append(newest[partner])
            case Asked(request, _, partner):
                requests[partner, request.number] = request
            case RequestServed(request, steps, void, _, partner):
                newest[partner].served.append(Served(request, steps, void))
            case StepPlanned():
                newest[fact.partner].steps.append(fact.planned())
    return tuple(
        Session(
            each.partner,
            each.model,
            each.bundle,
            each.precision,
            tuple(
                requests[each.partner, told.request]
                for told in each.served
                if (each.partner, told.request) in requests
            ),
            tuple(each.served),
            tuple(each.steps),
        )
        for each in found
        if each.served
    )
