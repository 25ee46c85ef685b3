"""MIDI ports: which systems carry them here, what there is, and which one a name means.

The only file that imports python-rtmidi, for all systems but JACK. An open port is a `Connection`
(`midi_port.py`); MIDI files are in `midifile.py`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ripieno.errors import PortError, nearest_name
from ripieno.midi import jack

try:
    import rtmidi
except ImportError:  # no wheel for this Python: ports are missing, everything else plays
    rtmidi = None

SEQUENCER = "/dev/snd/seq"
API_VARIABLE = "RIPIENO_MIDI"
"""Set to 'alsa' or 'jack' where both are there and the first choice is not wanted."""


class Api(StrEnum):
    """The systems that carry MIDI between programs."""

    ALSA = "alsa"
    COREMIDI = "coremidi"
    JACK = "jack"


class Direction(StrEnum):
    """Seen from here: an input is heard, an output is played to."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Port:
    """A MIDI port of this machine."""

    api: Api
    name: str


@dataclass(frozen=True, slots=True)
class MidiPorts:
    """All ports that can be opened, and a sentence for each thing that is missing."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    missing: tuple[str, ...]


def list_ports() -> MidiPorts:
    """What can be heard and played to now. Raises nothing, starts no server."""
    inputs: list[Port] = []
    outputs: list[Port] = []
    apis, missing = available_apis()
    for api in apis:
        try:
            inputs += _ports(Direction.INPUT, api)
            outputs += _ports(Direction.OUTPUT, api)
        except PortError as error:
            missing = (*missing, str(error))
    return MidiPorts(tuple(inputs), tuple(outputs), missing)


def _ports(direction: Direction, api: Api) -> list[Port]:
    if api is Api.JACK:
        patchbay = jack.Patchbay(jack.probe_name())
        names = patchbay.hearable() if direction is Direction.INPUT else patchbay.playable()
        patchbay.close()
        return [Port(api, name) for name in names]
    probe = endpoint(direction, api, "ripieno-probe")
    names = probe.get_ports()
    probe.delete()  # RtMidi keeps its client until it is told
    return [Port(api, name) for name in names]


def available_apis() -> tuple[tuple[Api, ...], tuple[str, ...]]:
    """The systems that answer, the preferred one first, and a sentence for each that does not."""
    apis: list[Api] = []
    missing: list[str] = []
    if rtmidi is None:
        missing.append(
            "MIDI ports: python-rtmidi is not installed for Python "
            f"{sys.version_info.major}.{sys.version_info.minor}. Use Python 3.11 or 3.12."
        )
    elif sys.platform == "darwin":
        return (Api.COREMIDI,), ()
    elif os.access(SEQUENCER, os.R_OK | os.W_OK):
        apis.append(Api.ALSA)
    else:
        missing.append(_why_no_alsa())
    if jack.server_running():
        apis.append(Api.JACK)
    else:
        missing.append(f"JACK MIDI: {jack.NO_SERVER}. {jack.START_SERVER}")
    wanted = os.environ.get(API_VARIABLE, "").lower()
    apis.sort(key=lambda api: api.value != wanted)
    return tuple(apis), tuple(missing)


def _why_no_alsa() -> str:
    if os.path.exists(SEQUENCER):
        return f"ALSA MIDI: no permission for {SEQUENCER}. Add yourself to the group 'audio'."
    return f"ALSA MIDI: {SEQUENCER} is missing. 'sudo modprobe snd-seq' loads it."


def choose_api() -> Api:
    """The system for ports of our own. Raises PortError when none answers."""
    apis, missing = available_apis()
    if not apis:
        raise PortError("no MIDI system answers", nearest=" ".join(missing))
    return apis[0]


def choose_port(direction: Direction, name: str, *, virtual: bool) -> tuple[Api, str]:
    """The system and the full name of the port that `name` means; '' for one of our own.

    Raises PortError.
    """
    if virtual:
        return choose_api(), ""
    ports = list_ports()
    found = find_port(name, ports.inputs if direction is Direction.INPUT else ports.outputs)
    return found.api, found.name


def own_name(direction: Direction) -> str:
    """What a port of our own is called when nobody named it."""
    return "in" if direction is Direction.INPUT else "out"


def endpoint(direction: Direction, api: Api, client: str) -> Any:
    """A new RtMidi object on ALSA or CoreMIDI, not connected to anything; `delete()` it when done.

    Raises PortError instead of RtMidi's own errors.
    """
    number = {
        Api.ALSA: rtmidi.API_LINUX_ALSA,
        Api.COREMIDI: rtmidi.API_MACOSX_CORE,
    }[api]
    kind = rtmidi.MidiIn if direction is Direction.INPUT else rtmidi.MidiOut
    try:
        return kind(rtapi=number, name=client)
    except OSError as error:  # RtMidi's SystemError is one
        reason = str(error).rpartition(": ")[2].strip().rstrip(".?")
        raise PortError(f"{api.value} MIDI does not answer ({reason})") from None


def find_port(name: str, ports: Sequence[Port]) -> Port:
    """The port that `name` means: its whole name, or a part that only one port has.

    The numbers that ALSA puts behind a name may be left out. Raises PortError.
    """
    wanted = name.casefold()
    for same in (
        lambda port: port.casefold() == wanted,
        lambda port: unnumbered(port).casefold() == wanted,
        lambda port: wanted in port.casefold(),
    ):
        found = [port for port in ports if same(port.name)]
        if len({port.name for port in found}) == 1:
            return found[0]
        if found:
            break
    names = [port.name for port in ports]
    known = ", ".join(repr(known) for known in names) or "none is there"
    what = f"{name!r} fits more than one MIDI port" if found else f"there is no MIDI port {name!r}"
    nearest = "" if found else nearest_name(name, names)
    raise PortError(what, allowed=known, nearest=nearest)


def unnumbered(name: str) -> str:
    return re.sub(r"\s+\d+:\d+$", "", name)
