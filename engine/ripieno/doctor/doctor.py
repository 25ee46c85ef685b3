"""What works on this machine, and what would mend the rest: one finding for each part.

Each check looks at the real thing: it loads the model, asks it through the same pipes as a
performance does, asks for real-time priority, and gives it back.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ripieno import resources
from ripieno.clock import Seconds
from ripieno.doctor.doctor_ensemble import ends, playing_together
from ripieno.doctor.doctor_model import playing
from ripieno.doctor.finding import Finding, Health
from ripieno.errors import RipienoError
from ripieno.preset.preset import Preset
from ripieno.processor import lacks_avx, refuse_what_cannot_compute

PYTHONS = ((3, 11), (3, 12))
SCREEN_SIZE = (80, 24)
WATCHED = Seconds(1.0)
"""How long a JACK server is watched for missed periods."""
LONG_PERIOD = 0.012
"""Seconds: a longer JACK period is felt under the fingers."""
BUSY = 70.0
"""Per cent of a JACK period; with more than this, periods will be missed."""
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_LIMITS_FILE = "/etc/security/limits.d/audio.conf"


def examine(
    model: str,
    precision: str,
    bpm: float,
    log: Path,
    preset: Preset | None = None,
    soundfont: Path | None = None,
) -> Iterator[Finding]:
    """All findings, as they are made. `model` is a bundle's name or folder. With a `preset` its
    ends are tried too, with `soundfont`; where several play in it, all of their models are."""
    yield python()
    processor = processors()
    yield processor
    if processor.health is not Health.BROKEN:  # both would end this program
        yield runtime()
        if preset is not None and preset.ensemble:
            yield from playing_together(preset, log)
        else:
            yield from playing(model, precision, bpm, log)
    if preset is not None and soundfont is not None:
        yield ends(preset, soundfont)
    yield midi()
    yield from jack()
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
    """Whether it can compute, how many cores there are, and how busy they are."""
    try:
        refuse_what_cannot_compute()
    except RipienoError as error:
        return Finding("Processor", Health.BROKEN, error.what, error.nearest)
    count = os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{count} cores, load {load:.1f}"
    if lacks_avx():
        advice = "Models take several times as long: choose a small one."
        return Finding("Processor", Health.FAIR, f"{found}, no AVX", advice)
    if load > count:
        return Finding("Processor", Health.FAIR, found, "Other programs keep it busy: end some.")
    if count == 1:
        return Finding("Processor", Health.FAIR, found, "Two cores keep time better than one.")
    if _governor() == "powersave" and not _scales_by_itself():
        advice = "sudo cpupower frequency-set -g performance, while you play."
        return Finding("Processor", Health.FAIR, f"{found}, saving power", advice)
    return Finding("Processor", Health.GOOD, found)


def _governor() -> str:
    """How Linux sets the processor's speed, '' where that is not told."""
    try:
        return GOVERNOR.read_text().strip()
    except OSError:
        return ""


def _scales_by_itself() -> bool:
    """Intel's driver calls its quick one 'powersave' too."""
    try:
        return "pstate" in GOVERNOR.with_name("scaling_driver").read_text()
    except OSError:
        return False


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


def midi() -> Finding:
    """MIDI ports."""
    from ripieno.midi.rtmidi_ports import available_apis, list_ports

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
    found = f"{found} (`ripieno ports` names them)"
    if not ports.inputs and not ports.outputs:
        advice = f"Plug in a keyboard, or connect to our own ports. {' '.join(missing)}".strip()
        return Finding("MIDI", Health.GOOD, found, advice)
    return Finding("MIDI", Health.GOOD, found)


def jack() -> Iterator[Finding]:
    """The JACK server, where one runs: nothing is wrong with having none."""
    from ripieno.midi.jack_server import server_state

    state = server_state(WATCHED)
    if state is None:
        return
    period = state.period / state.rate
    found = (
        f"{state.rate} Hz, {state.period} frames to the period ({1000 * period:.1f} ms), "
        f"load {state.load:.0f} %, {state.xruns} periods missed in {WATCHED:g} s"
    )
    if not state.realtime:
        advice = "Start it with real-time priority: jackd -R, or QjackCtl's setting Realtime."
    elif state.xruns or state.load > BUSY:
        advice = "Give it a longer period (-p), or end programs that keep it busy."
    elif period > LONG_PERIOD:
        advice = "A shorter period (-p 256, or 128) answers your fingers sooner."
    else:
        advice = ""
    yield Finding("JACK", Health.FAIR if advice else Health.GOOD, found, advice)


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
