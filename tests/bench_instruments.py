"""How far from its frame a note of each kind of instrument sounds, on JACK, all in the same run.

Every instrument has an attack of its own: how many frames after the message it is loud enough to
be told from silence. That is measured apart, without anything of ours in between, and taken off.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median_low

from ripieno import resources
from ripieno.clock import Seconds
from ripieno.midi import jack
from ripieno.midi.frame_clock import FrameClock
from ripieno.midi.jack_cycles import JackCycles
from ripieno.outputs import Output
from ripieno.outputs.fluidsynth import FluidSynthOutput, FluidSynthRenderer
from ripieno.outputs.fluidsynth import installed as fluidsynth_installed
from ripieno.outputs.lane import Lane
from ripieno.outputs.lv2 import Lv2Output
from ripieno.outputs.messages import note_off, note_on
from ripieno.outputs.vst3 import Vst3Output
from ripieno.outputs.vst3_plugin import Vst3Plugin

from tests.bench_frames import urgent
from tests.bench_hearing import CHANNEL, EVERY, NOTE, PITCH, VELOCITY, Recording, recording
from tests.bench_table import Findings, Row, Sample, at_most
from tests.engine.jackd import RATE, JackServer, until
from tests.proof import kars

COUNT, QUICK = 240, 40
LOUD = 0.01
"""Louder than this (full scale is 1) a note has begun."""
EPIANO = "http://drobilla.net/plugins/mda/EPiano"
LOOK = 4800
"""Frames after which a note that was asked for is not looked for any more."""


@dataclass(frozen=True)
class Instrument:
    """One to be measured: how it is opened, where it sounds, and its attack in frames."""

    name: str
    open: Callable[[], Output]
    port: str
    attack: Callable[[], int]
    near: float
    """The aim: p99 of the frames between where a note is asked for and where it sounds."""


def placement(server: JackServer, quick: bool) -> Findings:
    """Frames between where each note was asked for and where it sounds, its attack taken off."""
    count = QUICK if quick else COUNT
    chosen, words = _instruments(server)
    with tempfile.TemporaryDirectory() as place:
        asked, heard, told = _played(server, Path(place), chosen, count)
    if len(asked) < count:
        words.append(f"JACK lost frames near {count - len(asked)} notes, which are not judged.")
    words += told
    rows, targets = [], []
    for instrument in chosen:
        attack = instrument.attack()
        found = [
            onset - frame - attack
            for frame in asked
            if (onset := heard.onset(instrument.port, frame - 256, frame + LOOK, LOUD)) is not None
        ]
        errors = Sample("frames late", tuple(float(error) for error in found))
        note = f"frames of 48 kHz; its attack of {attack} taken off"
        title = f"{instrument.name}: {len(found)} of {len(asked)} notes"
        rows.append(Row(title, errors, None, note))
        aim = f"{instrument.name}: p99 ≤ {instrument.near:g} frames from where it was asked for"
        late = Sample("", tuple(abs(error) for error in errors.values))
        targets.append(at_most(aim, late.p99, instrument.near, "frames"))
    return Findings(tuple(rows), tuple(targets), tuple(words))


def _instruments(server: JackServer) -> tuple[list[Instrument], list[str]]:
    """Those that can be played here, and a sentence for each that cannot."""
    chosen, words = [], []
    font = resources.soundfont_path()
    if why := kars.missing():
        words.append(f"No VST3 instrument was measured: {why}.")
    else:
        chosen.append(
            Instrument(
                "VST3 (Kars)",
                lambda: Vst3Output(str(kars.BUILT), (("Release", 0.01),), "bench"),
                "bench-Kars:left",
                _attack_of_kars,
                2,
            )
        )
    if shutil.which("jalv") and Path("/usr/lib/lv2/mda.lv2").is_dir():
        chosen.append(
            Instrument(
                "LV2 (mda EPiano)",
                lambda: Lv2Output(EPIANO, "bench"),
                "bench-EPiano:left_out",
                lambda: _attack_of_epiano(server),
                2,
            )
        )
    else:
        words.append("No LV2 instrument was measured: jalv or mda-lv2 is not installed.")
    if fluidsynth_installed():
        chosen.append(
            Instrument(
                "built-in sound (FluidSynth)",
                lambda: FluidSynthOutput(font, "jack", "bench"),
                "bench-synth:left",
                lambda: _attack_of_fluidsynth(font),
                3 * 256,
            )
        )
    return chosen, words


def _played(
    server: JackServer, place: Path, chosen: list[Instrument], count: int
) -> tuple[list[int], Recording, list[str]]:
    """The frames on which notes were asked for, of all instruments at once, what was heard, and
    what is to be told of it."""
    with ExitStack() as stack:
        lanes = []
        for instrument in chosen:
            output = instrument.open()
            stack.callback(output.close)
            output.program(CHANNEL, 0)
            lanes.append(Lane(output))
            until(partial(_there, output), instrument.name, 120)
        clock = stack.enter_context(_clock())
        heard = stack.enter_context(recording(server, place, *(each.port for each in chosen)))
        with urgent():
            asked = [frame for frame in _ask(lanes, count, clock) if frame is not None]
        words = [_late(lane.output) for lane in lanes if isinstance(lane.output, Vst3Output)]
    return asked, heard, words


def _late(output: Vst3Output) -> str:
    output.check()
    time.sleep(0.2)
    output.check()
    return f"{output.late} blocks of the sound of {output.name} came late, in all of the run."


def _there(output: Output) -> bool:
    output.check()
    return bool(getattr(output, "ready", True))


@contextmanager
def _clock() -> Iterator[FrameClock]:
    """The server's frames, by a client that does nothing else."""
    client = jack.open_client("bench-clock")
    cycles = JackCycles(client)

    def count(frames: int) -> None:
        cycles.begin()

    client.set_process_callback(count)
    client.activate()
    yield cycles.clock
    client.deactivate()
    client.close()


def _ask(lanes: list[Lane], count: int, clock: FrameClock) -> Iterator[int | None]:
    """Ask all of them for notes at odd moments, as the realtime process does: the server's frames
    at those moments, None where it has lost some meanwhile."""
    chance = random.Random(11)
    time.sleep(1.0)
    for _ in range(count):
        on = Seconds(time.perf_counter() + 0.1 + chance.uniform(0.0, 0.05))
        lost = clock.lost
        for lane in lanes:
            lane.put(on, note_on(CHANNEL, PITCH, VELOCITY))
            lane.put(Seconds(on + NOTE), note_off(CHANNEL, PITCH))
        _pump(lanes)
        time.sleep(max(0.0, on + EVERY - time.perf_counter()))
        yield clock.frame(on) - lost if clock.lost == lost else None


def _pump(lanes: list[Lane]) -> None:
    """Hand over what waits when it is due: asleep until a little before, then awake."""
    while wakes := [wake for lane in lanes if (wake := lane.wake()) is not None]:
        time.sleep(max(0.0, min(wakes) - 0.001 - time.perf_counter()))
        while time.perf_counter() < min(wakes):
            pass
        for lane in lanes:
            lane.pump(Seconds(time.perf_counter()))


# ---- attacks


def _first(samples: array[float]) -> int:
    return next(at for at, sample in enumerate(samples) if abs(sample) > LOUD)


def _attack_of_fluidsynth(font: Path) -> int:
    synth = FluidSynthRenderer(font, RATE)
    synth.program(CHANNEL, 0)
    synth.render(6400)
    synth.note_on(CHANNEL, PITCH, VELOCITY)
    attack = _first(array("f", synth.render(LOOK))[::2])
    synth.close()
    return attack


def _attack_of_kars() -> int:
    """Offline, in a process of its own: pedalboard is imported in no other."""
    spawn = multiprocessing.get_context("spawn")
    heard, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_render_kars, args=(tell,))
    process.start()
    tell.close()
    attack = int(heard.recv())
    process.join()
    return attack


def _render_kars(tell: Connection) -> None:
    plugin = Vst3Plugin(kars.BUILT, (("Release", 0.01),), float(RATE))
    found = []
    for _ in range(21):
        on, off = bytes(note_on(CHANNEL, PITCH, VELOCITY)), bytes(note_off(CHANNEL, PITCH))
        found.append(_first(array("f", plugin.render(LOOK, [(0, on)])[0])))
        plugin.render(LOOK, [(0, off)])
    tell.send(median_low(found))
    os._exit(0)


def _attack_of_epiano(server: JackServer) -> int:
    """Played by the recorder itself, on frames that it knows: jalv has no way to play offline."""
    output = Lv2Output(EPIANO, "attack")
    port, keys = "attack-EPiano:left_out", "attack-EPiano:event_in"
    try:
        with (
            tempfile.TemporaryDirectory() as place,
            recording(server, Path(place), port, play=(keys, 12)) as heard,
        ):
            time.sleep(0.1)
    finally:
        output.close()
    onsets = [(heard.onset(port, frame, frame + LOOK, LOUD), frame) for frame in heard.played]
    return median_low(onset - frame for onset, frame in onsets if onset is not None)
