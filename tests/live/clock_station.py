"""A JACK client of our own that follows a clock, or gives one, frame by frame; and what other
programs heard of it. Time in here is JACK's: a moment is a frame divided by the sample rate."""

from __future__ import annotations

import heapq
import os
import re
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import jack
from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.events import ClockMessage, ClockTick, ClockTransport, SongPosition, Transport
from ripieno.sync.effects import Begin, Halt, SyncEffect
from ripieno.sync.follower import Follower
from ripieno.sync.sender import ClockSender

from tests.engine.jackd import PERIOD, RATE, JackServer

SAID = {0xFA: Transport.START, 0xFB: Transport.CONTINUE, 0xFC: Transport.STOP}
SIXTEENTH = 0.25
AHEAD = 3 * PERIOD / RATE
"""Seconds before their time that messages are handed over."""
MOMENT = 0.005
"""Seconds."""
PITCH = 60


def clock_message(data: bytes) -> ClockMessage | None:
    """What a clock's message says; None for any other."""
    if data[0] == 0xF8:
        return ClockTick()
    if data[0] in SAID:
        return ClockTransport(SAID[data[0]])
    if data[0] == 0xF2:
        return SongPosition(data[1] + 128 * data[2])
    return None


class Station:
    """A client with a MIDI input and output, both exact to the frame."""

    def __init__(self, name: str) -> None:
        self._client: Any = jack.Client(name, no_start_server=True)
        self._input = self._client.midi_inports.register("in")
        self._output = self._client.midi_outports.register("out")
        self._heard: deque[tuple[int, bytes]] = deque()
        self._given: deque[tuple[int, int, bytes]] = deque()
        self._waiting: list[tuple[int, int, bytes]] = []
        self._numbers = count()
        self.late = 0
        """Messages that were handed over after their frame."""
        self.lost: list[int] = []
        """Frames at which JACK itself had lost time, its machine being busy elsewhere: what was due
        in between it hands on all at once."""
        self._next = 0
        self._here = (self._client.frame_time, time.perf_counter())
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        begin = self._client.last_frame_time
        if self._next and begin != self._next:
            self.lost.append(begin)
        self._next = begin + frames
        self._here = (begin, time.perf_counter())
        for offset, data in self._input.incoming_midi_events():
            self._heard.append((begin + offset, bytes(data)))
        while self._given:
            heapq.heappush(self._waiting, self._given.popleft())
        self._output.clear_buffer()
        while self._waiting and self._waiting[0][0] < begin + frames:
            frame, _, data = heapq.heappop(self._waiting)
            self.late += frame < begin
            self._output.write_midi_event(max(0, frame - begin), data)

    def now(self) -> Seconds:
        """The present moment. JACK's own estimate lags for seconds after a cycle was missed."""
        begin, counted = self._here
        return Seconds(begin / RATE + time.perf_counter() - counted)

    def heard(self) -> Iterator[tuple[Seconds, bytes]]:
        while self._heard:
            frame, data = self._heard.popleft()
            yield Seconds(frame / RATE), data

    def send(self, at: Seconds, data: bytes) -> None:
        self._given.append((round(at * RATE), next(self._numbers), data))

    def roll(self, bpm: float) -> None:
        """Take JACK's transport to its beginning, with bars, beats and ticks at `bpm`."""
        self._client.set_timebase_callback(_Timebase(bpm))
        self._client.transport_frame = 0
        time.sleep(0.1)  # jack_midi_clock says no start if it sees both moves at once
        self._client.transport_start()

    def halt(self) -> None:
        self._client.transport_stop()

    def locate(self, beat: float, bpm: float) -> None:
        self._client.transport_frame = round(beat * 60 / bpm * RATE)

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


class _Timebase:
    """Tells JACK's transport where bars and beats are, at a steady tempo in 4/4."""

    def __init__(self, bpm: float) -> None:
        self._bpm = bpm

    def __call__(self, state: int, frames: int, position: Any, new: bool) -> None:
        beats = position.frame * self._bpm / 60 / RATE
        whole = int(beats)
        position.valid = jack.POSITION_BBT if hasattr(jack, "POSITION_BBT") else 0x10
        position.bar, position.beat = 1 + whole // 4, 1 + whole % 4
        position.tick = int((beats - whole) * 1920)
        position.bar_start_tick = (whole // 4) * 4 * 1920
        position.beats_per_bar, position.beat_type = 4.0, 4.0
        position.ticks_per_beat, position.beats_per_minute = 1920.0, self._bpm


@dataclass
class FollowingStation:
    """Follows the clock at its input, and plays a note on every sixteenth of it."""

    station: Station
    follower: Follower = field(default_factory=lambda: Follower(90.0))
    effects: list[SyncEffect] = field(default_factory=list)
    _next: float = 0.0

    def play(self, seconds: float) -> None:
        until = self.station.now() + seconds
        while (now := self.station.now()) < until:
            for at, data in self.station.heard():
                message = clock_message(data)
                if message is not None:
                    self._take(self.follower.hear(at, message, now))
            self._take(self.follower.check(now))
            self._sound(Seconds(now + AHEAD))
            time.sleep(0.001)

    def _take(self, effects: tuple[SyncEffect, ...]) -> None:
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Begin):
                # the tick of the beginning has gone by when it is heard: the next sixteenth is ours
                self._next = effect.tempo.beat + SIXTEENTH

    def _sound(self, until: Seconds) -> None:
        tempo = self.follower.tempo
        while tempo and (at := tempo.of_straight(Beats(self._next))) <= until:
            self.station.send(at, bytes((0x90, PITCH, 64)))
            self.station.send(Seconds(at + 0.02), bytes((0x80, PITCH, 0)))
            self._next += SIXTEENTH

    def begins(self) -> list[float]:
        return [effect.tempo.beat for effect in self.effects if isinstance(effect, Begin)]

    def halts(self) -> int:
        return sum(isinstance(effect, Halt) for effect in self.effects)


@dataclass
class SendingStation:
    """Gives the clock of a tempo map at its output."""

    station: Station
    tempo: TempoMap
    sender: ClockSender

    @classmethod
    def at(cls, station: Station, bpm: float) -> SendingStation:
        now = station.now()
        return cls(station, TempoMap(now, Beats(0.0), bpm), ClockSender(Seconds(now + AHEAD)))

    def play(self, seconds: float) -> None:
        until = self.station.now() + seconds
        while (now := self.station.now()) < until:
            for data, at in self.sender.due(self.tempo, Seconds(now + AHEAD)):
                self.station.send(at, bytes(data))
            time.sleep(0.002)

    def start(self, beat: float) -> None:
        """From `beat`, a little from now on."""
        begin = Seconds(self.station.now() + 2 * AHEAD)
        self.tempo = TempoMap(begin, Beats(beat), self.tempo.bpm)
        self.sender.start(self.tempo, begin)

    def stop(self) -> None:
        self.sender.stop(Seconds(self.station.now() + AHEAD))

    def retime(self, bpm: float) -> None:
        self.tempo = self.tempo.retimed(Seconds(self.station.now() + AHEAD), bpm)


@contextmanager
def station(name: str) -> Iterator[Station]:
    made = Station(name)
    try:
        yield made
    finally:
        made.close()


# ---- other programs


@contextmanager
def midi_clock(server: JackServer, bpm: float, *options: str) -> Iterator[str]:
    """jack_midi_clock, which turns JACK's transport into MIDI clock; gives its output port."""
    command = ["jack_midi_clock", "-b", str(bpm), *options]
    with _running(server, command, subprocess.DEVNULL):
        server.wait_for("jack_midi_clock:mclk_out")
        yield "jack_midi_clock:mclk_out"


@dataclass
class ClockDump:
    """What jack_mclk_dump wrote about the clock that it heard, after the block that made it."""

    port: str
    text: str = ""

    @property
    def tempi(self) -> list[float]:
        """Quarter notes a minute, from one tick to the next."""
        return [float(found) for found in re.findall(r"cur:\s*([\d.]+)\[BPM\]", self.text)]

    @property
    def words(self) -> list[str]:
        """Start, continue, stop and positions, in order."""
        return re.findall(r"^EVENT \(0x\w\w\) (.+?)\s+@", self.text, re.MULTILINE)


@contextmanager
def clock_dump(server: JackServer) -> Iterator[ClockDump]:
    """jack_mclk_dump, an independent reader of MIDI clock."""
    with tempfile.TemporaryFile("w+") as told:
        dump = ClockDump("jack_mclk_dump:mclk_in")
        with _running(server, ["jack_mclk_dump", "-n"], told):
            server.wait_for(dump.port)
            yield dump
            time.sleep(0.3)
        told.seek(0)
        dump.text = told.read()


@contextmanager
def _running(server: JackServer, command: list[str], told: Any) -> Iterator[None]:
    process = subprocess.Popen(
        command, env={**os.environ, **server.environment}, stdout=told, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
