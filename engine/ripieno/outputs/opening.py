"""Opens the outputs of a performance. What cannot be opened is told, and the music goes on."""

from __future__ import annotations

from pathlib import Path

from ripieno.clock import Seconds
from ripieno.errors import PortError, SettingError, SoundError
from ripieno.outputs import Output
from ripieno.outputs.lane import Lane, velocity_table
from ripieno.outputs.null import NullOutput
from ripieno.routing import OutputKind, OutputSpec, Routing


def open_lanes(routing: Routing, soundfont: Path) -> tuple[list[Lane], list[str]]:
    """All outputs of `routing` that open, and a sentence for each that does not.

    `soundfont` is the file to play: the routing's own, or the built-in one. Without any output
    that opens there is one that is silent, so that a performance can always go on.
    """
    lanes: list[Lane] = []
    missing: list[str] = []
    for spec in routing.outputs:
        try:
            output = _open(spec, routing.client, soundfont)
        except (PortError, SoundError, SettingError) as error:
            missing.append(f"No {_kind(spec)}: {error}")
            continue
        latency = Seconds(spec.latency_ms / 1000)
        lanes.append(Lane(output, latency, velocity_table(spec.velocity)))
    return lanes or [Lane(NullOutput())], missing


def open_outputs(routing: Routing, soundfont: Path) -> tuple[list[Output], list[str]]:
    """The same, without what lies on the way to them."""
    lanes, missing = open_lanes(routing, soundfont)
    return [lane.output for lane in lanes], missing


def _open(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    # imported here, so that a performance without a synthesiser or a port loads neither library
    if spec.kind is OutputKind.SYNTH:
        return _open_synth(spec, client, soundfont)
    if spec.kind is OutputKind.NONE:
        return NullOutput()
    from ripieno.outputs.port import open_output

    return open_output(spec, client)


def _open_synth(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    """FluidSynth on its own drivers; a single device, by its name, takes PortAudio."""
    from ripieno.outputs import fluidsynth, tinysoundfont

    driver = spec.name in ("", *fluidsynth.DRIVERS) or not tinysoundfont.installed()
    if driver and fluidsynth.installed():
        return fluidsynth.FluidSynthOutput(soundfont, spec.name, client)
    from ripieno.outputs.spawned import SpawnedOutput, audio_devices, find_device

    known = fluidsynth.DRIVERS if fluidsynth.installed() else ()
    device = find_device(spec.name, audio_devices(), known) if spec.name else ""
    return SpawnedOutput(soundfont, device)


def _kind(spec: OutputSpec) -> str:
    names = {
        OutputKind.SYNTH: "sound",
        OutputKind.PORT: "MIDI output",
        OutputKind.VIRTUAL: "MIDI output of our own",
        OutputKind.NONE: "silence",
    }
    return names[spec.kind]
