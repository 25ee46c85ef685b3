"""What works on this machine, and what would mend the rest: one finding for each part.

Each check looks at the real thing: it loads the model, asks it through the same pipes as a
performance does, asks for real-time priority, and gives it back.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ripieno import resources
from ripieno.clock import FASTEST, SLOWEST, Beats
from ripieno.errors import RipienoError
from ripieno.events import InferenceFailed, InferenceReady, Planned, Request
from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.settings import Settings

PYTHONS = ((3, 11), (3, 12))
SCREEN_SIZE = (80, 24)
ROUNDS = 96
"""Steps that the model is asked for, one by one."""
PATIENCE = 60.0
"""Seconds until a model that says nothing is given up."""
_LIMITS_FILE = "/etc/security/limits.d/audio.conf"


class Health(StrEnum):
    """How a part is."""

    GOOD = "good"
    FAIR = "fair"
    """Ripieno plays, but not as well as it could."""
    BROKEN = "broken"
    """Ripieno cannot play."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part, and what to do about it ('' when there is nothing to do)."""

    part: str
    health: Health
    found: str
    advice: str = ""


def examine(model: str, precision: str, bpm: float, log: Path) -> Iterator[Finding]:
    """All findings, as they are made. `model` is a bundle's name or folder."""
    yield python()
    yield processors()
    yield runtime()
    yield from playing(model, precision, bpm, log)
    yield midi()
    yield from sound()
    yield from priority()
    yield screen()


def python() -> Finding:
    """The interpreter."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHONS[0]:
        return Finding("Python", Health.BROKEN, found, "Install Python 3.11 or 3.12.")
    if sys.version_info[:2] not in PYTHONS:
        return Finding("Python", Health.FAIR, found, "Ripieno is tested with Python 3.11 and 3.12.")
    return Finding("Python", Health.GOOD, found)


def processors() -> Finding:
    """How many cores there are, and how busy they are."""
    count = os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{count} cores, load {load:.1f}"
    if load > count:
        return Finding("Processor", Health.FAIR, found, "Other programs keep it busy: end some.")
    if count == 1:
        return Finding("Processor", Health.FAIR, found, "Two cores keep time better than one.")
    return Finding("Processor", Health.GOOD, found)


def runtime() -> Finding:
    """ONNX Runtime, which runs the models."""
    try:
        import onnxruntime
    except Exception as error:  # a broken library may raise anything at all
        return Finding(
            "ONNX Runtime",
            Health.BROKEN,
            f"it cannot be loaded ({error})",
            f"Install it anew: {sys.executable} -m pip install --force-reinstall onnxruntime",
        )
    return Finding("ONNX Runtime", Health.GOOD, str(onnxruntime.__version__))


def playing(model: str, precision: str, bpm: float, log: Path) -> Iterator[Finding]:
    """The bundle, and how fast it answers in a process of its own."""
    from ripieno.bundle import check

    try:
        manifest = check(resources.bundle_folder(model))
        graph = manifest.graph(precision)
        yield Finding("Model", Health.GOOD, f"{manifest.name} {graph.precision}, all files whole")
        trips = round_trips(manifest.folder, precision, log)
    except RipienoError as error:
        advice = "`ripieno models` lists the models that are installed."
        yield Finding("Model", Health.BROKEN, str(error), advice)
        return
    yield pace(trips, bpm)


def pace(trips: Sequence[float], bpm: float) -> Finding:
    """Whether a model that needs `trips` seconds for its steps keeps up at `bpm`.

    With a step every s seconds and RTT95 the 95th percentile of the round trips, a plan made every
    I steps never runs dry when ceil(RTT95 / s) ≤ I and it reaches I + ceil(RTT95 / s) steps ahead.
    """
    median, p95 = quantile(trips, 0.5), quantile(trips, 0.95)
    step = 60 / bpm / STEPS_PER_BEAT
    behind = math.ceil(p95 / step)
    ahead = 2 * behind / STEPS_PER_BEAT
    fastest = 60 / STEPS_PER_BEAT / p95
    found = (
        f"a sixteenth is decided in {median * 1000:.1f} ms (95 % within {p95 * 1000:.1f} ms); "
        f"at {bpm:g} bpm it lasts {step * 1000:.0f} ms, so {ahead:g} beats ahead are enough"
    )
    if behind <= 1:
        return Finding(
            "Pace", Health.GOOD, f"{found}; fast enough up to {min(FASTEST, fastest):.0f} bpm"
        )
    slower = f"Play at {fastest:.0f} bpm or below" if fastest >= SLOWEST else "Use a smaller model"
    return Finding("Pace", Health.FAIR, found, f"{slower}, or --set lookahead={ahead:g} or more.")


def round_trips(folder: Path, precision: str, log: Path) -> list[float]:
    """Seconds from asking the inference process for a step to having it, `ROUNDS` times.

    Raises RipienoError when the process cannot play the model.
    """
    from ripieno.inference_link import InferenceLink, ModelSpec

    link = InferenceLink(ModelSpec(folder, precision), log)
    try:
        _await(link.fileno(), link.receive, InferenceReady)
        trips: list[float] = []
        for number in range(ROUNDS):
            begin = Beats(number / STEPS_PER_BEAT)
            end = Beats((number + 1) / STEPS_PER_BEAT)
            asked = time.perf_counter()
            link.ask(Request(1, begin, begin, end, (), (), (), Settings()))
            _await(link.fileno(), link.receive, Planned)
            trips.append(time.perf_counter() - asked)
        return trips
    finally:
        link.close()


def _await(descriptor: int, receive: Callable[[], Iterator[object]], kind: type[object]) -> None:
    """Wait for a message of `kind`. Raises RipienoError when the process fails or says nothing."""
    deadline = time.monotonic() + PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        messages = list(receive())
        for message in messages:
            if isinstance(message, InferenceFailed):
                raise RipienoError(message.sentence.rstrip("."))
            if isinstance(message, kind):
                return
        if ready and not messages:
            raise RipienoError("the model's process has ended by itself")
    raise RipienoError(f"the model has said nothing for {PATIENCE:g} s")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def midi() -> Finding:
    """MIDI ports."""
    from ripieno.midi import available_apis, list_ports

    apis, missing = available_apis()
    if not apis:
        return Finding(
            "MIDI",
            Health.FAIR,
            "no MIDI system answers; the computer keyboard and MIDI files can still play",
            " ".join(missing),
        )
    ports = list_ports()
    names = ", ".join(api.value for api in apis)
    found = f"{names}: {len(ports.inputs)} inputs, {len(ports.outputs)} outputs"
    return Finding("MIDI", Health.GOOD, f"{found} (`ripieno ports` names them)")


def sound() -> Iterator[Finding]:
    """The synthesiser, its audio drivers and the soundfont."""
    from ripieno.outputs import fluidsynth

    if not fluidsynth.installed():
        found = "FluidSynth is missing; tinysoundfont plays in its place, without reverb"
        yield Finding("Synthesiser", Health.FAIR, found, fluidsynth.INSTALL)
    elif drivers := list(fluidsynth.available_drivers()):
        yield Finding("Synthesiser", Health.GOOD, f"FluidSynth, over {', '.join(drivers)}")
    else:
        yield Finding(
            "Synthesiser",
            Health.FAIR,
            "FluidSynth is there, but no audio device; takes are still written",
            "Plug in or switch on a sound card, or start PipeWire, PulseAudio or JACK.",
        )
    try:
        font = resources.soundfont_path()
    except RipienoError as error:
        yield Finding("Soundfont", Health.FAIR, str(error), "`make sound` builds ours anew.")
        return
    yield Finding("Soundfont", Health.GOOD, f"{font.name}, {font.stat().st_size / 1e6:.1f} MB")


def priority() -> Iterator[Finding]:
    """Whether notes may go before everything else on this machine."""
    advice = (
        f"Put '@audio - rtprio 95' and '@audio - memlock unlimited' into {_LIMITS_FILE}, add "
        "yourself to the group audio, and log in again."
    )
    if not hasattr(os, "sched_setscheduler"):
        yield Finding("Priority", Health.FAIR, "real-time scheduling is not offered here")
        return
    if _may_go_first():
        yield Finding("Priority", Health.GOOD, "real-time scheduling is allowed")
    else:
        highest = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        found = (
            f"no real-time scheduling (rtprio {highest}): notes may come some ms late under load"
        )
        yield Finding("Priority", Health.FAIR, found, advice)
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if locked == resource.RLIM_INFINITY or os.geteuid() == 0:
        yield Finding("Memory", Health.GOOD, "may be locked, so that JACK never waits for the disk")
    else:
        found = f"only {locked / 1e6:.0f} MB may be locked; JACK prefers no limit"
        yield Finding("Memory", Health.FAIR, found, advice)


def _may_go_first() -> bool:
    """Ask for SCHED_FIFO, and give it back."""
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return False
    os.sched_setscheduler(0, policy, param)
    return True


def screen() -> Finding:
    """The terminal."""
    if not sys.stdout.isatty():
        return Finding("Terminal", Health.GOOD, "none: `ripieno play` will play without a screen")
    columns, rows = shutil.get_terminal_size()
    found = f"{columns}×{rows}, {os.environ.get('TERM', 'no TERM')}, {sys.stdout.encoding}"
    if columns < SCREEN_SIZE[0] or rows < SCREEN_SIZE[1]:
        return Finding("Terminal", Health.FAIR, found, "Make it at least 80 columns by 24 rows.")
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        return Finding("Terminal", Health.FAIR, found, "Set LANG to a UTF-8 locale, as C.UTF-8.")
    return Finding("Terminal", Health.GOOD, found)
