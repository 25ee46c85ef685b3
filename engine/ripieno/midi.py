"""MIDI ports: what there is, opening, hearing, and noticing that one has gone.

The only file that imports python-rtmidi; MIDI files are in `midifile.py`.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ripieno import jack
from ripieno.clock import Seconds
from ripieno.errors import PortError, nearest_name
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, Stamped
from ripieno.routing import InputKind, InputSpec

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
    probe = _endpoint(direction, api, "ripieno-probe")
    names = probe.get_ports()
    probe.delete()  # RtMidi keeps its client until it is told
    return [Port(api, name) for name in names]


def available_apis() -> tuple[tuple[Api, ...], tuple[str, ...]]:
    """The systems that answer, the preferred one first, and a sentence for each that does not."""
    if rtmidi is None:
        return (), (
            "MIDI ports: python-rtmidi is not installed for Python "
            f"{sys.version_info.major}.{sys.version_info.minor}. Use Python 3.11 or 3.12.",
        )
    if sys.platform == "darwin":
        return (Api.COREMIDI,), ()
    apis: list[Api] = []
    missing: list[str] = []
    if os.access(SEQUENCER, os.R_OK | os.W_OK):
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


def _endpoint(direction: Direction, api: Api, client: str) -> Any:
    """A new RtMidi object. Raises PortError instead of RtMidi's own errors."""
    number = {
        Api.ALSA: rtmidi.API_LINUX_ALSA,
        Api.COREMIDI: rtmidi.API_MACOSX_CORE,
        Api.JACK: rtmidi.API_UNIX_JACK,
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
        lambda port: _unnumbered(port).casefold() == wanted,
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


def _unnumbered(name: str) -> str:
    return re.sub(r"\s+\d+:\d+$", "", name)


class Connection:
    """An open MIDI port, by name or of our own, that knows when it has gone and comes back.

    `client` and `port` are the names that other programs see. Opening raises PortError.
    """

    def __init__(
        self,
        direction: Direction,
        client: str,
        name: str,
        *,
        virtual: bool,
        heard: Callable[[tuple[list[int], float], object], None] | None = None,
    ) -> None:
        self.direction, self.virtual = direction, virtual
        self._client, self._wanted, self._heard = client, name, heard
        self.lost = False
        self._open()

    def _open(self) -> None:
        if self.virtual:
            self.api, self.target = choose_api(), ""
        else:
            ports = list_ports()
            inputs = self.direction is Direction.INPUT
            found = find_port(self._wanted, ports.inputs if inputs else ports.outputs)
            self.api, self.target = found.api, found.name
        self.port = (self._wanted if self.virtual else "") or _own_name(self.direction)
        self._patchbay = _patchbay(self.api)
        before = self._patchbay.ports() if self._patchbay else frozenset()
        self._endpoint = _endpoint(self.direction, self.api, self._client)
        self._connect()
        self.client = self._client
        if self._patchbay:  # JACK numbers a client whose name is taken
            own = [
                port for port in self._patchbay.ports() - before if port.startswith(self._client)
            ]
            self.client = own[0].partition(":")[0] if own else self._client

    def _connect(self) -> None:
        try:
            if self._heard is not None:
                self._endpoint.set_callback(self._heard)
            if self.virtual:
                self._endpoint.open_virtual_port(self.port)
            else:
                self._endpoint.open_port(self._endpoint.get_ports().index(self.target), self.port)
        except (OSError, ValueError) as error:  # ValueError: it went away just now
            raise PortError(f"cannot open the MIDI port {self.title!r} ({error})") from None

    @property
    def title(self) -> str:
        """The name to tell the player."""
        return f"{self._client}:{self.port}" if self.virtual else self.target

    def send(self, message: Sequence[int]) -> None:
        """Send the bytes of one message; into the void while the port is lost."""
        if not self.lost:
            self._endpoint.send_message(message)

    def check(self) -> str:
        """Look whether the port is still there: a few microseconds, to be called once a second.

        Returns a sentence when it has gone, or has come back and is open again, else ''.
        Only a returning port takes longer, some tens of milliseconds.
        """
        if not self.lost and not self._present():
            self.lost = True
            self._close_endpoint()
            return f"The MIDI port {self.title!r} is gone. {self._remedy()}"
        if self.lost and self._back():
            self.lost = False
            return f"The MIDI port {self.title!r} is back."
        return ""

    def _present(self) -> bool:
        if self._patchbay and not self._patchbay.alive:
            return False
        return self.virtual or self.target in self._endpoint.get_ports()

    def _back(self) -> bool:
        try:
            self._open()
        except PortError:
            return False
        return True

    def _remedy(self) -> str:
        if self._patchbay and not self._patchbay.alive:
            return "JACK has stopped; start it again, and it comes back."
        return "Plug it in again, and it comes back."

    def _close_endpoint(self) -> None:
        if self._patchbay and not self._patchbay.alive:
            _abandon(self._endpoint)
        else:
            self._endpoint.close_port()
            self._endpoint.delete()
        if self._patchbay:
            self._patchbay.close()

    def close(self) -> None:
        if not self.lost:
            self._close_endpoint()


def _abandon(endpoint: Any) -> None:
    """Never touch `endpoint` again, not even to free it.

    On a dead JACK server RtMidi waits a second for its last messages to leave, and holds Python's
    lock all the while: a scheduler would stand still. JACK frees the client at the next opening.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(endpoint))


def _own_name(direction: Direction) -> str:
    return "in" if direction is Direction.INPUT else "out"


def _patchbay(api: Api) -> jack.Patchbay | None:
    """On JACK, something that hears when the server goes; RtMidi does not."""
    if api is not Api.JACK:
        return None
    try:
        return jack.Patchbay("ripieno-watch")
    except PortError:
        return None


class Input:
    """An instrument that is heard. `name` is for the player."""

    def __init__(
        self, client: str, name: str, *, virtual: bool, on_message: Callable[[Stamped], None]
    ) -> None:
        """Open it. `on_message` is called in RtMidi's own thread and must return at once."""

        def heard(event: tuple[list[int], float], _: object) -> None:
            at = Seconds(time.perf_counter())
            message = parse(event[0])
            if message is not None:
                on_message(Stamped(at, message))

        own = f"{client}-in" if virtual else client
        self._connection = Connection(Direction.INPUT, own, name, virtual=virtual, heard=heard)
        self.name = f'port "{self._connection.title}"'

    @property
    def lost(self) -> bool:
        """Whether the port has gone; what it held down should be released."""
        return self._connection.lost

    def check(self) -> str:
        """See `Connection.check`."""
        return self._connection.check()

    def close(self) -> None:
        self._connection.close()


def open_input(spec: InputSpec, client: str, on_message: Callable[[Stamped], None]) -> Input:
    """Open a port by name, or one of our own. Raises PortError.

    A file is not a port: it is a `midifile.FileInput`, and plays by the beat.
    """
    virtual = spec.kind is InputKind.VIRTUAL
    if spec.kind is InputKind.FILE:
        raise PortError(f"{spec.name!r} is a MIDI file and no port")
    return Input(client, spec.name, virtual=virtual, on_message=on_message)


def parse(data: Sequence[int]) -> MidiMessage | None:
    """The message in these bytes; None for what a performance does not use.

    A note-on with velocity 0 is a note-off, as the MIDI 1.0 specification has it.
    """
    if len(data) != 3:
        return None
    kind, channel = data[0] & 0xF0, data[0] & 0x0F
    if kind == 0x90 and data[2] > 0:
        return NoteOn(channel, data[1], data[2])
    if kind in (0x80, 0x90):
        return NoteOff(channel, data[1])
    if kind == 0xB0:
        return ControlChange(channel, data[1], data[2])
    return None
