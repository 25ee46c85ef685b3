"""How fast the installed model answers, asked through the same pipes as in a performance."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ripieno.clock import Beats, Seconds
from ripieno.errors import RipienoError
from ripieno.events import InferenceFailed, InferenceMessage, InferenceReady, Request, Served
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.inference.link import InferenceLink, ModelSpec
from ripieno.measure import quantile
from ripieno.settings import Settings

LENGTHS = (1, 2, 4, 8, 16, 32)
"""Lengths of a plan, in sixteenths, that are measured."""
ROUNDS = {1: 96, 2: 48, 4: 32, 8: 24, 16: 20, 32: 20}
"""How often each is asked for: with 20, the 95th percentile is the second slowest."""
PATIENCE = 60.0
"""Seconds until a model that says nothing is given up."""


def round_trips(
    folder: Path, precision: str, log: Path, lengths: Sequence[int] = LENGTHS
) -> dict[int, list[float]]:
    """Seconds from asking the inference process for a plan to having all of it, by its length.

    lengths: in sixteenths. Raises RipienoError when the process cannot play the model.
    """
    link = InferenceLink(ModelSpec(folder, precision), log)
    place = number = 0
    trips: dict[int, list[float]] = {}
    try:
        _await(link, lambda message: isinstance(message, InferenceReady))
        for length in lengths:
            for _ in range(ROUNDS[length]):
                number += 1
                trips.setdefault(length, []).append(_trip(link, place, length, number))
                place += length
        return trips
    finally:
        link.close()


def p95(trips: dict[int, list[float]]) -> dict[int, Seconds]:
    """The 95th percentile of the round trip, by the length of a plan."""
    return {length: Seconds(quantile(seconds, 0.95)) for length, seconds in trips.items()}


def _trip(link: InferenceLink, place: int, length: int, number: int) -> float:
    """Seconds that a plan of the `length` sixteenths from `place` takes."""
    begin = Beats(place / STEPS_PER_BEAT)
    end = Beats((place + length) / STEPS_PER_BEAT)
    asked = time.perf_counter()
    link.ask(Request(1, begin, begin, end, (), (), (), Settings(), number=number))
    _await(link, lambda message: isinstance(message, Served) and message.request == number)
    return time.perf_counter() - asked


def _await(link: InferenceLink, wanted: Callable[[InferenceMessage], bool]) -> None:
    """Wait for a message. Raises RipienoError when the process fails or says nothing."""
    deadline = time.monotonic() + PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([link.fileno()], [], [], left)
        messages = list(link.receive())
        for message in messages:
            if isinstance(message, InferenceFailed):
                raise RipienoError(message.sentence.rstrip("."))
        if any(wanted(message) for message in messages):
            return
        if ready and not messages:
            raise RipienoError("the model's process has ended by itself")
    raise RipienoError(f"the model has said nothing for {PATIENCE:g} s")
