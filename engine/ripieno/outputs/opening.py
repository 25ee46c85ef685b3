"""Opens the outputs of a performance. What cannot be opened is told, and the music goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

INSTEAD = "The built-in sound plays instead."
INSTRUMENTS = (OutputKind.LV2, OutputKind.VST3)
"""Outputs for which the built-in sound stands in."""


FAILURES = (PluginError, PortError, SoundError, SettingError)
"""What opening an output may raise."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An output that is open, and what it was opened for."""

    spec: OutputSpec
    lane: Lane


def open_lanes(routing: Routing, soundfont: Path) -> tuple[list[Lane], list[str]]:
    """All outputs of `routing` that open, and a sentence for each that does not.

    `soundfont` is the file to play: the routing's own, or the built-in one. Without any output
    that opens there is one that is silent, so that a performance can always go on.
    """
    opened, missing = _open_all(routing, soundfont)
    lanes = [slot.lane for slot in opened] or [Lane(NullOutput())]
    return lanes, missing


def open_with_stand_in(
    routing: Routing, soundfont: Path
) -> tuple[list[Slot], StandIn | None, list[str]]:
    """The same, and the built-in sound beside instruments that may be away, or do not open.

    It is the routing's own synthesiser, or one that is opened for this alone, as last of the lanes.
    """
    opened, missing = _open_all(routing, soundfont)
    slots = opened or [Slot(OutputSpec(OutputKind.NONE), Lane(NullOutput()))]
    kept = [slot.spec for slot in opened]
    lost = [spec for spec in routing.outputs if spec.kind in INSTRUMENTS and spec not in kept]
    if not lost and not any(isinstance(slot.lane.output, Replaceable) for slot in slots):
        return slots, None, missing
    synth = next((slot.lane for slot in opened if slot.spec.kind is OutputKind.SYNTH), None)
    if synth is None:
        spec = OutputSpec(OutputKind.SYNTH)
        try:
            synth = open_lane(spec, routing.client, soundfont)
        except SoundError:
            return slots, None, missing  # without it they are silent when they are away
        synth.begins = frozenset()
        slots.append(Slot(spec, synth))
    if lost:
        missing.append(INSTEAD)
    return slots, stand_in(synth, [slot.lane for slot in slots], lost), missing


def stand_in(synth: Lane, lanes: Sequence[Lane], lost: Iterable[OutputSpec]) -> StandIn:
    """`synth` plays for those of `lanes` that may be away, and for what is `lost`."""
    alone = frozenset(channel for spec in lost for channel in spec.channels or range(16))
    return StandIn(synth, lanes, alone)


def _open_all(routing: Routing, soundfont: Path) -> tuple[list[Slot], list[str]]:
    opened: list[Slot] = []
    missing: list[str] = []
    for spec in routing.outputs:
        try:
            lane = open_lane(spec, routing.client, soundfont)
        except FAILURES as error:
            missing.append(not_opened(spec, error))
            continue
        if spec.kind is OutputKind.SYNTH and not has_percussion(soundfont):
            missing.append(
                f"No metronome on {lane.output.name}: the soundfont has no percussion. "
                "`click_channel` in the preset takes it to a channel that sounds."
            )
        opened.append(Slot(spec, lane))
    return opened, missing


def open_lane(spec: OutputSpec, client: str, soundfont: Path) -> Lane:
    """The output that `spec` names, and the way to it. Raises one of FAILURES."""
    output = _open(spec, client, soundfont)
    return Lane(
        output, Seconds(spec.latency_ms / 1000), velocity_table(spec.velocity), spec.channels
    )


def not_opened(spec: OutputSpec, error: Exception) -> str:
    """The sentence for an output that does not open."""
    return f"No {_kind(spec)}: {error}"


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
