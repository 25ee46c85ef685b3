"""Opens the outputs of a performance. What cannot be opened is told, and the music goes on."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ripieno import plugins
from ripieno.clock import Seconds
from ripieno.errors import PluginError, PortError, SettingError, SoundError
from ripieno.outputs import Output, Replaceable
from ripieno.outputs.foreign import ForeignOutput, Opener
from ripieno.outputs.lane import Lane, velocity_table
from ripieno.outputs.null import NullOutput
from ripieno.outputs.soundfont import has_percussion
from ripieno.outputs.stand_in import StandIn
from ripieno.routing import OutputKind, OutputSpec, Routing

INSTRUMENTS = (OutputKind.LV2, OutputKind.VST3)
"""Outputs for which the built-in sound stands in."""


def open_lanes(routing: Routing, soundfont: Path) -> tuple[list[Lane], list[str]]:
    """All outputs of `routing` that open, and a sentence for each that does not.

    `soundfont` is the file to play: the routing's own, or the built-in one. Without any output
    that opens there is one that is silent, so that a performance can always go on.
    """
    opened, missing = _open_all(routing, soundfont)
    lanes = [lane for _, lane in opened] or [Lane(NullOutput())]
    return lanes, missing


def open_with_stand_in(
    routing: Routing, soundfont: Path
) -> tuple[list[Lane], StandIn | None, list[str]]:
    """The same, and the built-in sound beside instruments that may be away, or do not open.

    It is the routing's own synthesiser, or one that is opened for this alone, as last of the lanes.
    """
    opened, missing = _open_all(routing, soundfont)
    lanes = [lane for _, lane in opened] or [Lane(NullOutput())]
    kept = [spec for spec, _ in opened]
    lost = [spec for spec in routing.outputs if spec.kind in INSTRUMENTS and spec not in kept]
    if not lost and not any(isinstance(lane.output, Replaceable) for lane in lanes):
        return lanes, None, missing
    synth = next((lane for spec, lane in opened if spec.kind is OutputKind.SYNTH), None)
    if synth is None:
        try:
            synth = Lane(_open(OutputSpec(OutputKind.SYNTH), routing.client, soundfont))
        except SoundError:
            return lanes, None, missing  # without it they are silent when they are away
        synth.begins = frozenset()
        lanes.append(synth)
    if lost:
        missing.append("The built-in sound plays instead.")
    alone = frozenset(channel for spec in lost for channel in spec.channels or range(16))
    return lanes, StandIn(synth, lanes, alone), missing


def _open_all(routing: Routing, soundfont: Path) -> tuple[list[tuple[OutputSpec, Lane]], list[str]]:
    opened: list[tuple[OutputSpec, Lane]] = []
    missing: list[str] = []
    for spec in routing.outputs:
        try:
            output = _open(spec, routing.client, soundfont)
        except (PluginError, PortError, SoundError, SettingError) as error:
            missing.append(f"No {_kind(spec)}: {error}")
            continue
        if spec.kind is OutputKind.SYNTH and not has_percussion(soundfont):
            missing.append(
                f"No metronome on {output.name}: the soundfont has no percussion. "
                "`click_channel` in the preset takes it to a channel that sounds."
            )
        latency = Seconds(spec.latency_ms / 1000)
        lane = Lane(output, latency, velocity_table(spec.velocity), spec.channels)
        opened.append((spec, lane))
    return opened, missing


def open_outputs(routing: Routing, soundfont: Path) -> tuple[list[Output], list[str]]:
    """The same, without what lies on the way to them."""
    lanes, missing = open_lanes(routing, soundfont)
    return [lane.output for lane in lanes], missing


def _open(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    if spec.kind is OutputKind.PLUGIN:
        return ForeignOutput(spec, client, soundfont)
    opener = cast(Opener, plugins.load(plugins.OUTPUTS, spec.kind.value))
    return opener(spec, client, soundfont)


# What the entry points of `ripieno.outputs` are. Libraries are imported inside, so that a
# performance without a synthesiser or a port loads neither.


def open_none(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    """Silence."""
    return NullOutput()


def open_port(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    """A MIDI port of this machine, or one of our own. Raises PortError."""
    from ripieno.outputs.port import open_output

    return open_output(spec, client)


def open_lv2(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    """An LV2 instrument over JACK. Raises SoundError or PortError."""
    from ripieno.outputs.lv2 import Lv2Output

    return Lv2Output(spec.name, client)


def open_vst3(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    """A VST3 instrument in a process of its own. Raises SoundError."""
    from ripieno.outputs.vst3 import Vst3Output

    return Vst3Output(spec.name, spec.parameters, client)


def open_synth(spec: OutputSpec, client: str, soundfont: Path) -> Output:
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
        OutputKind.LV2: "LV2 instrument",
        OutputKind.VST3: "VST3 instrument",
        OutputKind.PLUGIN: "output of a plug-in",
        OutputKind.SYNTH: "sound",
        OutputKind.PORT: "MIDI output",
        OutputKind.VIRTUAL: "MIDI output of our own",
        OutputKind.NONE: "silence",
    }
    return names[spec.kind]
