"""How fast the installed model answers, asked through the same pipes as in a performance."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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


def at_once(
    models: Sequence[tuple[Path, str]], log: Path, rounds: int = ROUNDS[1]
) -> list[list[float]]:
    """Seconds from asking for a sixteenth to having it, for each of `models` (a folder and a
    precision), while all of them are asked at the same moment. Raises RipienoError."""
    with ExitStack() as stack:
        links = [InferenceLink(ModelSpec(folder, precision), log) for folder, precision in models]
        for link in links:
            stack.callback(link.close)
        for link in links:
            _await(link, lambda message: isinstance(message, InferenceReady))
        trips: list[list[float]] = [[] for _ in links]
        for place in range(rounds):
            for took, seconds in zip(trips, _trip_of_all(links, place), strict=True):
                took.append(seconds)
        return trips


def _trip_of_all(links: Sequence[InferenceLink], place: int) -> list[float]:
    """What the sixteenth at `place` takes each of them."""
    asked, waiting = time.perf_counter(), dict(enumerate(links))
    for link in links:
        link.ask(_request(place, 1, place + 1))
    took = [0.0] * len(links)
    while waiting:
        ready, _, _ = select.select(list(waiting.values()), [], [], PATIENCE)
        now = time.perf_counter()
        if not ready:
            raise RipienoError(f"a model has said nothing for {PATIENCE:g} s")
        for number, link in list(waiting.items()):
            if link in ready and any(isinstance(m, Served) for m in _heard(link)):
                took[number] = now - asked
                del waiting[number]
    return took


def p95(trips: dict[int, list[float]]) -> dict[int, Seconds]:
    """The 95th percentile of the round trip, by the length of a plan."""
    return {length: Seconds(quantile(seconds, 0.95)) for length, seconds in trips.items()}


def _trip(link: InferenceLink, place: int, length: int, number: int) -> float:
    """Seconds that a plan of the `length` sixteenths from `place` takes."""
    asked = time.perf_counter()
    link.ask(_request(place, length, number))
    _await(link, lambda message: isinstance(message, Served) and message.request == number)
    return time.perf_counter() - asked


def _request(place: int, length: int, number: int) -> Request:
    begin = Beats(place / STEPS_PER_BEAT)
    end = Beats((place + length) / STEPS_PER_BEAT)
    return Request(1, begin, begin, end, (), (), (), Settings(), number=number)


def _await(link: InferenceLink, wanted: Callable[[InferenceMessage], bool]) -> None:
    """Wait for a message. Raises RipienoError when the process fails or says nothing."""
    deadline = time.monotonic() + PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([link.fileno()], [], [], left)
        if ready and any(wanted(message) for message in _heard(link)):
            return
    raise RipienoError(f"the model has said nothing for {PATIENCE:g} s")


def _heard(link: InferenceLink) -> list[InferenceMessage]:
    """What a readable link has to say. Raises RipienoError when its process fails or has ended."""
    messages = list(link.receive())
    for message in messages:
        if isinstance(message, InferenceFailed):
            raise RipienoError(message.sentence.rstrip("."))
    if not link.alive and not messages:
        raise RipienoError("the model's process has ended by itself")
    return messages
