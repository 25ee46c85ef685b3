"""What inference did in a performance, done again from what the take knows, to compare the two.

Inference serves requests in order, and tells how far it came with each. With the rung, the number
of candidates and of decided voices of each step, nothing is left that depended on time, so on the
same machine the same steps come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ripieno.clock import Seconds, VirtualClock
from ripieno.events import Planned, Request, Served
from ripieno.inference.generate import Effort
from ripieno.inference.grammars import Player


@dataclass(frozen=True, slots=True)
class Done:
    """A request as it was served: what was asked, how far inference came, and what it sent."""

    request: Request
    served: Served
    steps: tuple[Planned, ...]


def paired(
    requests: Iterable[Request], served: Iterable[Served], steps: Iterable[Planned]
) -> list[Done]:
    """Requests with what became of them, in the order in which they were served.

    All three as they were seen by one inference process. A request that was never served, because
    the process died or the take ends, is left out.
    """
    asked = {request.number: request for request in requests}
    sent: dict[int, list[Planned]] = {}
    for step in steps:
        sent.setdefault(step.request, []).append(step)
    return [
        Done(asked[told.request], told, tuple(sent.get(told.request, ())))
        for told in served
        if told.request in asked
    ]


def regenerate(generator: Player, done: Iterable[Done]) -> Iterator[tuple[Planned, Planned]]:
    """Each step as it was, and as it comes out again; what it cost is 0 in both.

    `generator` is a new one, with the bundle, the precision and the fallback of then. A step that
    was announced but is missing in the take is done again, and not compared.
    """
    clock = VirtualClock()
    for each in done:
        request, count = each.request, each.served.steps
        known = {step.begin: step for step in each.steps}
        if not count:
            request = replace(request, end=request.begin)
        efforts = {s.begin: Effort(s.begun, s.candidates, s.decided) for s in each.steps}
        steps = generator.plan(request, clock, efforts)
        for number, again in enumerate(steps, 1):
            if again.begin in known:
                yield _timeless(known[again.begin]), _timeless(again)
            if each.served.void and number == count:
                break


def first_difference(pairs: Iterable[tuple[Planned, Planned]]) -> tuple[Planned, Planned] | None:
    """The first step that came out otherwise: as it was, and as it is now; None if there is none.

    All pairs are gone through up to there, so that the generator has done what it did then.
    """
    return next(((was, now) for was, now in pairs if was != now), None)


def _timeless(step: Planned) -> Planned:
    return replace(step, seconds=Seconds(0.0), model_seconds=Seconds(0.0))
