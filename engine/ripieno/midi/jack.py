"""JACK's clients and its patchbay. The only file that imports JACK-Client.

JACK is optional. Without the library, or without a server, everything here says so and nothing
starts a server or prints to the terminal.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from ripieno.clock import Seconds
from ripieno.errors import PortError

os.environ.setdefault("JACK_NO_START_SERVER", "1")  # FluidSynth's driver would start one otherwise
try:
    import jack as _jack
except (ImportError, OSError):  # OSError: the Python package is there, libjack is not
    _jack = None
    Error: type[Exception] = RuntimeError
else:
    Error = _jack.JackError
    _jack.set_error_function(lambda message: None)
    _jack.set_info_function(lambda message: None)

NO_SERVER = "no JACK server is running"
START_SERVER = "Start one, for example with QjackCtl or 'jackd -d alsa'."


class Patchbay:
    """A portless JACK client that sees and makes connections.

    It takes no part in the audio cycle. Raises PortError when there is no server to join.
    """

    def __init__(self, name: str) -> None:
        self._client: Any = open_client(name)
        self._period = Seconds(self._client.blocksize / self._client.samplerate)
        self.alive = True
        """False from the moment the server has gone."""
        self._client.set_shutdown_callback(self._on_shutdown)

    def _on_shutdown(self, status: object, reason: str) -> None:
        self.alive = False

    @property
    def period(self) -> Seconds:
        """How long one cycle of the server lasted when it was joined."""
        return self._period

    def ports(self) -> frozenset[str]:
        """The full names of all MIDI ports, such as 'ripieno:out'."""
        if not self.alive:
            return frozenset()
        return frozenset(names(lambda: self._client.get_ports(is_midi=True)))

    def hearable(self) -> list[str]:
        """The full names of all MIDI ports that send, in the server's order."""
        return list(names(lambda: self._client.get_ports(is_midi=True, is_output=True)))

    def playable(self) -> list[str]:
        """The full names of all MIDI ports that receive, in the server's order."""
        return list(names(lambda: self._client.get_ports(is_midi=True, is_input=True)))

    def sounds(self, client: str) -> list[str]:
        """The full names of all ports from which the program `client` sends sound, in order."""
        if not self.alive:
            return []
        pattern = f"^{re.escape(client)}:"
        found = names(lambda: self._client.get_ports(pattern, is_audio=True, is_output=True))
        return list(found)

    def connections(self, port: str) -> tuple[str, ...] | None:
        """What the port called `port` is connected to; None when there is no such port."""
        if not self.alive:
            return None
        try:
            found = self._client.get_port_by_name(port)
            return names(lambda: self._client.get_all_connections(found))
        except _jack.JackError:
            return None

    def connect(self, source: str, destination: str) -> bool:
        """Connect an output port to an input port; False when one of them does not exist."""
        return connect(self._client, source, destination)

    def on_connect(self, ring: Callable[[], None]) -> None:
        """Call `ring`, in a thread of JACK's, whenever two ports have been connected. Once only."""

        def changed(one: object, other: object, connected: bool) -> None:
            if connected:
                ring()

        self._client.set_port_connect_callback(changed, only_available=False)
        self._client.activate()  # without a process callback it still has no part in the cycle

    def abandon(self) -> None:
        """Instead of `close`, in a process that has outlived a server; see `abandon` below."""
        abandon(self._client)

    def close(self) -> None:
        """Leave the server. A second call does nothing."""
        self._client.close()


def open_client(name: str) -> Any:
    """A new client of JACK-Client's own class, not yet active. Raises PortError."""
    if _jack is None:
        raise PortError(
            "the JACK library is not installed", nearest="On Debian it is libjack-jackd2-0."
        )
    try:
        return _jack.Client(name, no_start_server=True)
    except _jack.JackError:
        raise PortError(NO_SERVER, nearest=START_SERVER) from None


TRIES = 20
"""How often names are asked for while ports go."""


def names(ask: Callable[[], Iterable[Any]]) -> tuple[str, ...]:
    """The full names of the ports that `ask` lists.

    The library has a list of names first and then looks each one up, and raises where a port has
    gone in between: then it is asked again. Raises Error where that does not help.
    """
    for _ in range(TRIES - 1):
        try:
            return tuple(port.name for port in ask())
        except Error:
            continue
    return tuple(port.name for port in ask())


def connect(client: Any, source: str, destination: str) -> bool:
    """Connect two ports by their full names; False when one of them does not exist."""
    try:
        client.connect(source, destination)
    except _jack.JackErrorCode as error:
        return bool(error.code == _ALREADY_CONNECTED)
    except _jack.JackError:
        return False
    return True


_ALREADY_CONNECTED = 17  # EEXIST, as JACK returns it


def abandon(client: object) -> None:
    """Never touch a JACK client (or what wraps one) again, not even to free it: exiting does.

    For clients of a server that has died, and for those made after it, in the same process: to
    close them can hang or crash inside JACK.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(client))


def probe_name() -> str:
    """A name for a client that only looks. Two servers of one machine know their clients by the
    same sockets, so two processes that look at once must not have one name."""
    return f"ripieno-probe-{os.getpid()}"


def server_running() -> bool:
    """Whether a JACK server answers. Starts none and prints nothing."""
    try:
        Patchbay(probe_name()).close()
    except PortError:
        return False
    return True
