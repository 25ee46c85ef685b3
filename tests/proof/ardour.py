"""Ardour without its screen: a real DAW that records our port and sends its own clock.

`ardour.lua` runs inside it. What it recorded is read from its session's MIDI file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mido
import pytest

from tests.engine.jackd import RATE, Heard, JackServer, until

PROGRAMS = ("ardour7-lua", "ardour8-lua", "ardour6-lua")
SCRIPT = Path(__file__).with_name("ardour.lua")
CLIENT = "ardour-proof"
BPM = 120.0
"""A new session's tempo, in 4/4."""
FRAMES_PER_BEAT = RATE * 60 / BPM
CLOCK = f"{CLIENT}:MIDI Clock out"
STARTING = 60.0
"""Seconds that it may take to start, to roll, or to save."""
ATTEMPTS = 5
CALM = 1.0
"""Seconds in which its threads are through with JACK."""
# by itself it would connect ports from a thread that races the script's for JACK
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config>
 <Option name="output-auto-connect" value="0"/> <Option name="input-auto-connect" value="0"/>
 <Option name="auto-connect-standard-busses" value="0"/> <Option name="use-monitor-bus" value="0"/>
 <Option name="send-midi-clock" value="1"/>
</Config></Ardour>
"""


@dataclass
class Ardour:
    """A running Ardour with one MIDI track. `port` is the track's input."""

    folder: Path
    port: str

    def roll(self) -> None:
        """Record from the session's start, and send Start and ticks."""
        self._tell("go")
        self._await("rolling")

    def stop(self) -> list[Heard]:
        """Stop, save, and tell what was recorded: frames from the session's start."""
        self._tell("stop")
        self._await("regions")
        regions = (self.folder / "regions").read_text().splitlines()
        (position,) = {region.split()[0] for region in regions}  # the whole file's, and the track's
        files = (self.folder / "session").glob("interchange/*/midifiles/*.mid")
        whole = [file for file in files if file.stat().st_size > 100]
        assert len(whole) == 1, f"it wrote {whole}"
        return list(_messages(whole[0], int(position)))

    def _tell(self, word: str) -> None:
        (self.folder / word).touch()

    def _await(self, word: str) -> None:
        until((self.folder / word).exists, f"Ardour's {word!r}", STARTING)


def _messages(file: Path, position: int) -> Iterator[Heard]:
    """What is in a MIDI file of a recorded region that lies at `position`, in frames."""
    midi = mido.MidiFile(file)
    ticks = 0
    for message in mido.merge_tracks(midi.tracks):
        ticks += message.time
        if not message.is_meta:
            frame = position + ticks / midi.ticks_per_beat * FRAMES_PER_BEAT
            yield Heard(round(frame), tuple(message.bytes()))


@contextmanager
def ardour(
    server: JackServer, folder: Path, hears: str, tells: str | None = None
) -> Iterator[Ardour]:
    """Start it with a session in `folder`: its track hears one port, its clock is told to another.

    Skips the test where Ardour is not installed. Its threads may race each other for JACK while it
    starts, and it is thrown out then, so it is started anew until it stays.
    """
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("Ardour is not installed")
    for attempt in range(ATTEMPTS):
        place = folder / f"ardour-{attempt}"
        process = _started(program, server, place)
        try:
            if not _wired(server, place, hears, tells):
                continue
            yield Ardour(place, f"{CLIENT}:{(place / 'ready').read_text()}")
            process.wait(STARTING)
            return
        finally:
            process.terminate()  # which does nothing when it has ended in order
            process.wait(20)
    pytest.fail(f"Ardour was thrown out of JACK {ATTEMPTS} times")


def _started(program: str, server: JackServer, place: Path) -> subprocess.Popen[bytes]:
    for version in ("ardour6", "ardour7", "ardour8"):
        config = place / "home" / ".config" / version / "config"
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG)
    home = {"HOME": str(place / "home"), "XDG_CONFIG_HOME": str(place / "home" / ".config")}
    with (place / "ardour.log").open("wb") as log:
        return subprocess.Popen(
            [program, str(SCRIPT), str(place)],
            env={**os.environ, **server.environment, **home},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _wired(server: JackServer, place: Path, hears: str, tells: str | None) -> bool:
    """Wait for its session and put the wires in; False when JACK has thrown it out."""
    until((place / "ready").exists, "Ardour's session", STARTING)
    time.sleep(CALM)
    wires = [(hears, f"{CLIENT}:{(place / 'ready').read_text()}")]
    wires += [(CLOCK, tells)] if tells else []
    ports = server.ports()
    if any(CLIENT in port and port not in ports for wire in wires for port in wire):
        return False
    try:
        for source, destination in wires:
            server.connect(source, destination)
    except subprocess.CalledProcessError:
        return False
    time.sleep(CALM)
    return wires[0][1] in server.ports()
