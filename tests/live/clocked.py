"""Performances that follow a real MIDI clock, or give one, as other programs hear them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ripieno.commands import Play, Stop
from ripieno.events import Telemetry
from ripieno.settings import ClockSource, Mode, Sync

from tests.engine.jackd import JackServer
from tests.live.clock_recording import Recording
from tests.live.clock_station import (
    ClockDump,
    Station,
    clock_dump,
    midi_clock,
    station,
)
from tests.live.show import IN, OUT, Show, quick, show, stage_of

RESYNC = 0.3
"""Seconds for which jack_midi_clock waits after a jump."""


@dataclass
class Following:
    """A performance on jack_midi_clock. `recorded` is there after the block that made it."""

    running: Show
    transport: Station
    bpm: float
    recorded: Recording = field(default_factory=lambda: Recording([]))

    def roll(self) -> None:
        self.transport.roll(self.bpm)

    def halt(self) -> Telemetry:
        self.transport.halt()
        return self.running.until(lambda t: not t.playing, "the stop")

    def jump(self, beat: float) -> None:
        self.transport.locate(beat, self.bpm)

    def reaches(self, beat: float) -> Telemetry:
        return _reaches(self.running, beat, self.bpm)


@contextmanager
def following(
    folder: Path, bundle: Path, jack: JackServer, bpm: float, *options: str
) -> Iterator[Following]:
    """A solo that follows jack_midi_clock at `bpm`; what it plays and the clock are recorded."""
    sync = Sync(source=ClockSource.MIDI)
    running = Show(stage_of(folder, bundle, quick(Mode.SOLO, 100.0, sync=sync)))
    try:
        running.until(lambda t: "(" in t.model, "the model")
        with (
            jack.dump("recorder") as dump,
            station("transport") as ours,
            midi_clock(jack, bpm, "-d", str(RESYNC), *options) as clock,
        ):
            for source, end in ((clock, IN), (clock, dump.port), (OUT, dump.port)):
                jack.connect(source, end)
            made = Following(running, ours, bpm)
            yield made
            ours.halt()
            running.until(lambda t: not t.playing and t.sounding == 0, "silence")
        made.recorded = Recording(dump.heard)
    finally:
        running.client.close()


@dataclass
class Giving:
    """What was heard of a performance that gives MIDI clock."""

    recorded: Recording
    read: ClockDump


def give_clock(folder: Path, bundle: Path, jack: JackServer, bpm: float, beats: float) -> Giving:
    """A solo of so many beats that sends MIDI clock, stopped at the end."""
    sync = Sync(send=True)
    stage = stage_of(folder, bundle, quick(Mode.SOLO, bpm, sync=sync), guest=None)
    with jack.dump("recorder") as dump, clock_dump(jack) as read, show(stage) as running:
        jack.connect(OUT, dump.port)
        jack.connect(OUT, read.port)
        running.send(Stop())
        running.until(lambda t: not t.playing, "the stop")
        running.send(Play())
        running.until(lambda t: t.playing, "the start")
        _reaches(running, running.seen[-1].beat + beats, bpm)
        running.send(Stop())
        running.until(lambda t: not t.playing, "the stop")
    return Giving(Recording(dump.heard), read)


def _reaches(running: Show, beat: float, bpm: float) -> Telemetry:
    patience = 20.0 + max(0.0, beat) * 60 / bpm
    return running.until(lambda t: t.playing and t.beat >= beat, f"beat {beat:g}", patience)
