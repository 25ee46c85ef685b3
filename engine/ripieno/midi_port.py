"""An open MIDI port: it sends and hears, notices that it has gone, and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ripieno import jack
from ripieno.errors import PortError
from ripieno.midi import Api, Direction, choose_api, endpoint, find_port, list_ports, unnumbered

SETTLE = 0.01
"""Seconds for a message that is just being heard: RtMidi closes with Python's lock held, and the
thread that hears may be waiting for that lock while JACK waits for the thread."""


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
        self._survivor = False  # of a JACK server that has died
        self._patchbay: jack.Patchbay | None = None
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
        patchbay = _patchbay(self.api)
        before = patchbay.ports() if patchbay else frozenset()
        self._endpoint = endpoint(self.direction, self.api, self._client)
        try:
            self._connect()
        except PortError:
            self._endpoint.delete()
            if patchbay:
                patchbay.close()
            raise
        self._patchbay = patchbay
        self.client = self._client
        if patchbay:  # JACK numbers a client whose name is taken
            new = patchbay.ports() - before
            clients = [port.partition(":")[0] for port in new if port.startswith(self._client)]
            self.client = clients[0] if clients else self._client

    def _connect(self) -> None:
        try:
            if self._heard is not None:
                self._endpoint.set_callback(self._heard)  # closing a port cancels it
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
        if self.lost:
            return
        try:
            self._endpoint.send_message(message)
        except OSError:
            return  # the port is going away; the next check finds out and tells it

    def check(self) -> str:
        """Look whether the port is still there: a few microseconds, to be called once a second.

        Returns a sentence when it has gone, or has come back and is open again, else ''. Only
        after JACK itself has stopped does looking take some milliseconds.
        """
        if not self.lost and not self._present():
            self.lost = True
            self._let_go()
            return f"The MIDI port {self.title!r} is gone. {self._remedy()}"
        if self.lost and self._back():
            self.lost = False
            return f"The MIDI port {self.title!r} is back."
        return ""

    @property
    def _orphaned(self) -> bool:
        """Whether the server behind the port has stopped."""
        return self._patchbay is not None and not self._patchbay.alive

    def _present(self) -> bool:
        if self._orphaned:
            return False
        return self.virtual or self.target in self._endpoint.get_ports()

    def _let_go(self) -> None:
        """Keep RtMidi's object, to look out for the port, unless its server is dead."""
        if self._orphaned:
            # RtMidi would wait a second for the dead server, with Python's lock held
            jack.abandon(self._endpoint)
            self._survivor = True
            if self._patchbay:
                self._patchbay.close()
        else:
            self._endpoint.close_port()

    def _back(self) -> bool:
        try:
            if self._orphaned:
                self._open()
                return True
            name = unnumbered(self.target)  # ALSA gives other numbers the next time
            found = [port for port in self._endpoint.get_ports() if unnumbered(port) == name]
            if found:
                self.target = found[0]
                self._connect()
            return bool(found)
        except PortError:
            return False

    def _remedy(self) -> str:
        if self._orphaned:
            return "JACK has stopped; start it again, and it comes back."
        return "Plug it in again, and it comes back."

    def close(self) -> None:
        """Let what was sent leave, and close; after JACK had stopped, exiting closes."""
        if not self.lost and self._heard is not None:
            self._endpoint.cancel_callback()
            time.sleep(SETTLE)
        if self._survivor or self._orphaned:
            time.sleep(SETTLE if not self._patchbay or self.lost else 3 * self._patchbay.period)
            jack.abandon(self._endpoint)
            if self._patchbay:
                self._patchbay.abandon()
            return
        if not self.lost:
            self._endpoint.close_port()
        self._endpoint.delete()
        if self._patchbay:
            self._patchbay.close()


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
