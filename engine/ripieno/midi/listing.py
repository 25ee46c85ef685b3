"""Everything that a performance could be played with on this machine, for `ripieno ports`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ripieno import resources
from ripieno.midi.rtmidi_ports import Port, list_ports
from ripieno.outputs import fluidsynth, spawned, tinysoundfont, vst3_folders, vst3_plugin

NO_DEVICE = (
    "Audio: this machine has no audio device that can be played to. "
    "Connect a sound card, or start PipeWire, PulseAudio or JACK."
)


@dataclass(frozen=True, slots=True)
class Described:
    """What there is, and a sentence with a remedy for each thing that is missing.

    `audio` names the audio drivers that answer, the one that would be taken first, and `devices`
    the single devices that may be asked for by name instead, as in `synth:NAME`.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    audio: tuple[str, ...]
    soundfonts: tuple[Path, ...]
    devices: tuple[str, ...]
    instruments: tuple[Path, ...]
    """VST3 plug-ins where those of a system lie; which of them are effects, is not known."""
    missing: tuple[str, ...]


def describe_ports() -> Described:
    """Look at all of it. Opens no port for longer than a moment, and starts no server."""
    midi = list_ports()
    missing = list(midi.missing)
    audio: tuple[str, ...] = ()
    if fluidsynth.installed():
        audio = tuple(fluidsynth.available_drivers())
        missing += [] if audio else [NO_DEVICE]
    else:
        missing.append(f"Audio: FluidSynth is not installed. {fluidsynth.INSTALL}")
        if tinysoundfont.installed():
            audio = ("tinysoundfont through PortAudio",)
        else:
            missing.append(f"Audio: {tinysoundfont.missing()}")
    fonts = tuple(resources.soundfonts().values())
    if not fonts:
        missing.append("Soundfonts: none is there. 'make sound' builds the one that ships.")
    devices = spawned.audio_devices() if tinysoundfont.installed() else ()
    plugins = tuple(vst3_folders.installed())
    if plugins and not vst3_plugin.installed():
        missing.append(f"VST3 instruments: {vst3_plugin.missing()}")
    return Described(midi.inputs, midi.outputs, audio, fonts, devices, plugins, tuple(missing))
