"""Clocks: how far notes are from a clock that comes in, how even the one is that goes out, and how
exact a frame of JACK's is met."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ripieno.clock import Beats, Seconds, TempoMap

from tests.bench_frames import frames
from tests.bench_live import Stand
from tests.bench_table import Findings, Row, Sample, at_most
from tests.engine.jackd import JackServer
from tests.engine.ticking import TICKS, Cable, errors, start, ticks
from tests.live.clock_recording import Recording
from tests.live.clocked import following, give_clock

BPM = 120.0
PHASE_MS, JITTER_MS, FILTERED_MS = 1.0, 0.1, 1.0
LOCKED = 4
"""Beats after which a follower is in time."""
JITTER = 0.003
"""Seconds, either way."""


def sync(stand: Stand) -> Findings:
    """Both directions, against programs that are not ours, and a bad cable in virtual time."""
    found = [_filtered(stand.quick)]
    if stand.jack:
        found += [_clock_in(stand, stand.jack), _clock_out(stand, stand.jack)]
        found.append(frames(stand.jack, stand.quick))
    rows = [row for part in found for row in part.rows]
    targets = [target for part in found for target in part.targets]
    return Findings(tuple(rows), tuple(targets), tuple(word for p in found for word in p.words))


def _filtered(quick: bool) -> Findings:
    """Where notes fall when the clock's ticks jitter, and where each tick by itself puts them."""
    ours: list[float] = []
    theirs: list[float] = []
    for seed in range(3 if quick else 20):
        true = ticks((64, BPM))
        arrived = Cable(jitter=JITTER).carry(true, seed)
        late = dict(errors(start(), true, arrived))
        ours += [1000 * abs(error) for tick, error in late.items() if tick > LOCKED * TICKS]
        theirs += [1000 * abs(error) for error in _tick_by_tick(true, arrived)]
    sample, other = Sample("phase-locked loop", tuple(ours)), Sample("last tick", tuple(theirs))
    title = f"notes against a clock with ±{1000 * JITTER:g} ms of jitter"
    row = Row(title, sample, other, "a sixteenth ahead; virtual time")
    aim = f"±{1000 * JITTER:g} ms of clock jitter: phase error p50 ≤ {FILTERED_MS:g} ms"
    return Findings((row,), (at_most(aim, sample.median, FILTERED_MS),))


def _tick_by_tick(true: list[float], arrived: list[float], ahead: int = 6) -> Iterator[float]:
    """The same notes, if the last tick and the last interval were all that is known."""
    for number in range(LOCKED * TICKS, len(true) - ahead):
        interval = arrived[number] - arrived[number - 1]
        tempo = TempoMap(Seconds(arrived[number]), Beats(0.0), 60 / interval / TICKS)
        yield tempo.of_straight(Beats(ahead / TICKS)) - true[number + ahead]


def _clock_in(stand: Stand, jack: JackServer) -> Findings:
    """A solo on jack_midi_clock: our note-ons against its ticks, in one recording."""
    beats = 16 if stand.quick else 64
    with (
        tempfile.TemporaryDirectory() as place,
        following(Path(place), stand.model, jack, BPM) as made,
    ):
        made.roll()
        made.reaches(beats)
        made.halt()
    found = [abs(error) for error in made.recorded.phase_errors()]
    sample = Sample("ours, of every note-on", tuple(found))
    row = Row("notes against jack_midi_clock", sample, None, "in frames of one JACK recording")
    aim = f"phase error against clock-in p50 ≤ {PHASE_MS:g} ms"
    words = (f"The worst note was {max(found):.2f} ms from its tick.",)
    return Findings((row,), (at_most(aim, sample.median, PHASE_MS),), words)


def _clock_out(stand: Stand, jack: JackServer) -> Findings:
    """Our ticks during a solo, and those of a plain thread, in the same recorder."""
    beats = 16 if stand.quick else 64
    with tempfile.TemporaryDirectory() as place:
        recorded = give_clock(Path(place), stand.model, jack, BPM, beats).recorded
    found = tuple(recorded.rolling().unevenness())
    with jack.dump("recorder") as dump, _plain_clock() as port:
        jack.connect(port, dump.port)
        time.sleep(beats * 60 / BPM)
    plain = tuple(Recording(dump.heard).unevenness())
    sample, other = Sample("ours, in a solo", found), Sample("a thread that sleeps", plain)
    row = Row("clock-out tick jitter", sample, other, "intervals against the usual one")
    aim = f"clock-out tick jitter p99 ≤ {JITTER_MS:g} ms"
    return Findings((row,), (at_most(aim, sample.p99, JITTER_MS),))


@contextmanager
def _plain_clock() -> Iterator[str]:
    """A clock as a small script would send it: python-rtmidi, `time.sleep`, a thread."""
    import rtmidi

    output = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="plain")
    output.open_virtual_port("clock")
    stopped = threading.Event()

    def run() -> None:
        at = time.perf_counter()
        while not stopped.is_set():
            output.send_message([0xF8])
            at += 60 / BPM / TICKS
            time.sleep(max(0.0, at - time.perf_counter()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield "plain:clock"
    finally:
        stopped.set()
        thread.join()
        output.close_port()
        output.delete()
