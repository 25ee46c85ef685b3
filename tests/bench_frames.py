"""How many frames a note on JACK is off: ours, that look ahead, and those of a plain script."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from statistics import median_low

from ripieno.clock import Seconds
from ripieno.midi.jack_port import JackConnection
from ripieno.midi.rtmidi_ports import Direction
from ripieno.outputs.messages import Message, note_off, note_on
from ripieno.priority import REALTIME

from tests.bench_table import Findings, Row, Sample, at_most
from tests.engine.jackd import RATE, Heard, JackServer

EVENTS, QUICK_EVENTS = 500, 100
SETTLE = 0.5
"""Seconds in which two clocks get to know each other."""


def frames(jack: JackServer, quick: bool) -> Findings:
    """Frames between where each of so many messages was to be and where it was recorded."""
    count = QUICK_EVENTS if quick else EVENTS
    with urgent():
        ours, lost = _ours(jack, count)
        plain = _plain(jack, count)
    sample, other = Sample("ours", ours), Sample("python-rtmidi and a thread that sleeps", plain)
    row = Row(f"frames of error, {count} messages on JACK", sample, other, "frames of 48 kHz")
    aim = f"frames of error of {count} messages on JACK: none"
    words = f"JACK lost {lost} cycles meanwhile: what came after each is counted from it."
    return Findings((row,), (at_most(aim, max(ours), 0, "frames"),), (words,) if lost else ())


def _events(count: int) -> Iterator[tuple[Message, float]]:
    """Each message, and how long after the one before it."""
    chance = random.Random(7)
    for number in range(count // 2):
        for message in (note_on(0, number % 128, 90), note_off(0, number % 128)):
            yield message, chance.uniform(0.0015, 0.009)


def _ours(jack: JackServer, count: int) -> tuple[tuple[float, ...], int]:
    """Ours, and how often JACK has moved its own frames while they were recorded."""
    port = JackConnection(Direction.OUTPUT, "exact", "", "")
    planned: list[int] = []

    def send(message: Message, at: Seconds) -> None:
        while time.perf_counter() < at - 2 * port.lead:
            time.sleep(0.002)
        planned.append(port.frame(at))
        port.send(message, at)

    with jack.dump("bench-frames") as dump:
        jack.connect("exact:out", dump.port)
        before = jack.log.read_text().count("XRun")
        _send_all(count, send)
        lost = jack.log.read_text().count("XRun") - before
    port.close()
    return _errors(planned, dump.once, resets=lost > 0), lost


def _plain(jack: JackServer, count: int) -> tuple[float, ...]:
    """The same, as a small script would send them."""
    import rtmidi

    output = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="plain")
    output.open_virtual_port("out")
    planned: list[int] = []

    def send(message: Message, at: Seconds) -> None:
        time.sleep(max(0.0, at - time.perf_counter()))
        planned.append(round(at * RATE))
        output.send_message(message)

    with jack.dump("bench-frames") as dump:
        jack.connect("plain:out", dump.port)
        _send_all(count, send)
    output.close_port()
    output.delete()
    return _errors(planned, dump.once, resets=False)


def _send_all(count: int, send: Callable[[Message, Seconds], None]) -> None:
    time.sleep(SETTLE)
    at = Seconds(time.perf_counter() + 0.1)
    for message, after in _events(count):
        at = Seconds(at + after)
        send(message, at)
    time.sleep(0.1)


def _errors(planned: list[int], heard: list[Heard], *, resets: bool) -> tuple[float, ...]:
    """By how many frames each is off what all have in common; the recorder counts from another 0.

    Where the server `resets` its count, what most of the last messages had in common is meant.
    """
    offsets = [message.frame - frame for frame, message in zip(planned, heard, strict=True)]
    found: list[float] = []
    for place, offset in enumerate(offsets):
        near = offsets[max(0, place - 20) : place + 20] if resets else offsets
        found.append(float(abs(offset - median_low(near))))
    return tuple(found)


@contextmanager
def urgent() -> Iterator[None]:
    """As urgent as the realtime process; where the system refuses, as it is."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(REALTIME))
    yield
    os.sched_setscheduler(0, *before)
