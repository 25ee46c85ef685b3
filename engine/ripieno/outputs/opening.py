"""Opens the outputs of a performance. What cannot be opened is told, and the music goes on."""

from __future__ import annotations

from pathlib import Path

from ripieno.errors import PortError, SettingError, SoundError
from ripieno.outputs import Output
from ripieno.outputs.null import NullOutput
from ripieno.routing import OutputKind, OutputSpec, Routing


def open_outputs(routing: Routing, soundfont: Path) -> tuple[list[Output], list[str]]:
    """All outputs of `routing` that open, and a sentence for each that does not.

    `soundfont` is the file to play: the routing's own, or the built-in one. Without any output
    that opens there is one that is silent, so that a performance can always go on.
    """
    outputs: list[Output] = []
    missing: list[str] = []
    for spec in routing.outputs:
        try:
            outputs.append(_open(spec, routing.client, soundfont))
        except (PortError, SoundError, SettingError) as error:
            missing.append(f"No {_kind(spec)}: {error}")
    return outputs or [NullOutput()], missing


def _open(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    # imported here, so that a performance without a synthesiser or a port loads neither library
    if spec.kind is OutputKind.SYNTH:
        return _open_synth(spec, client, soundfont)
    if spec.kind is OutputKind.NONE:
        return NullOutput()
    from ripieno.outputs.port import open_output

    return open_output(spec, client)


def _open_synth(spec: OutputSpec, client: str, soundfont: Path) -> Output:
    from ripieno.outputs import fluidsynth

    if fluidsynth.installed():
        return fluidsynth.FluidSynthOutput(soundfont, spec.name, client)
    from ripieno.outputs.spawned import SpawnedOutput

    return SpawnedOutput(soundfont, spec.name)


def _kind(spec: OutputSpec) -> str:
    names = {
        OutputKind.SYNTH: "sound",
        OutputKind.PORT: "MIDI output",
        OutputKind.VIRTUAL: "MIDI output of our own",
        OutputKind.NONE: "silence",
    }
    return names[spec.kind]
