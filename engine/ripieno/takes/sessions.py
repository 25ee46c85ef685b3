"""What a take tells of inference, process by process. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ripieno.events import Planned, Request, Served
from ripieno.takes.facts import Asked, ModelReady, RequestServed, StepPlanned
from ripieno.takes.take import Take


@dataclass(frozen=True, slots=True)
class Session:
    """What one inference process, which began with an empty memory, was asked and what it did."""

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
    model: str
    bundle: str
    precision: str
    served: list[Served] = field(default_factory=list)
    steps: list[Planned] = field(default_factory=list)


def sessions(take: Take) -> tuple[Session, ...]:
    """The inference processes of `take`, in order; those that served nothing are left out.

    A request belongs to the process that served it, also when it was asked before that was ready.
    """
    requests: dict[int, Request] = {}
    header = take.header
    found = [_Open(header.model, header.bundle, header.precision)]
    for fact in take.facts:
        match fact:
            case ModelReady(model, precision, _, bundle):
                found.append(_Open(model, bundle or header.bundle, precision))
            case Asked(request):
                requests[request.number] = request
            case RequestServed(request, steps, void):
                found[-1].served.append(Served(request, steps, void))
            case StepPlanned():
                found[-1].steps.append(fact.planned())
    return tuple(
        Session(
            each.model,
            each.bundle,
            each.precision,
            tuple(requests[told.request] for told in each.served if told.request in requests),
            tuple(each.served),
            tuple(each.steps),
        )
        for each in found
        if each.served
    )
