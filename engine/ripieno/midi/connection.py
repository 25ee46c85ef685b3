"""An open MIDI port: it sends and hears, notices that it has gone, and comes back.

`open_port` gives a `JackConnection` (`jack_port.py`) on JACK, and here an `RtMidiConnection` on all
other systems.
"""

from __future__ import annotations

import time
from typing import Protocol

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.midi.rtmidi_ports import Api, Direction, choose_port, endpoint, own_name, unnumbered
from ripieno.midi.stream import Heard, Left
from ripieno.outputs.ends import Ends
from ripieno.outputs.messages import Message, note_off

SETTLE = 0.01
"""Seconds for a message that is just being heard: RtMidi closes with Python's lock held, and the
thread that hears may be waiting for that lock."""


class Connection(Protocol):
    """An open MIDI port, by name or of our own, that knows when it has gone and comes back."""

    direction: Direction
    virtual: bool
    api: Api
    client: str
    """Our own client's name, as others see it."""
    port: str
    """Our own port's name."""
    target: str
    """The port that is heard or played to; '' when others connect to ours."""
    lost: bool

    @property
    def title(self) -> str:
        """The name to tell the player."""

    @property
    def lead(self) -> Seconds:
        """How long before its moment a message must be sent."""

    def send(self, message: Message, at: Seconds | None = None) -> None:
        """Send the bytes of one message; into the void while the port is lost."""

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        """Let this note not begin any more; if it has begun, end it at `at`."""

    def check(self) -> str:
        """Look whether the port is still there: a few microseconds, to be called once a second.

        Returns a sentence when it has gone, or has come back and is open again, else ''.
        """

    def newcomer(self) -> bool:
        """Whether, since the last call, somebody came who has heard nothing of what was sent.

        What a former listener has not heard the end of, such a one has been told before all else.
        """

    def close(self) -> None:
        """Let what was sent leave, and close."""


def open_port(
    direction: Direction,
    client: str,
    name: str,
    *,
    virtual: bool,
    heard: Heard | None = None,
    left: Left | None = None,
) -> Connection:
    """Open the port that `name` means, or one of our own. Raises PortError.

    An input needs `heard` and `left`, which are called in the MIDI system's own thread.
    """
    api, target = choose_port(direction, name, virtual=virtual)
    if api is Api.JACK:
        from ripieno.midi.jack_port import JackConnection

        return JackConnection(direction, client, name if virtual else "", target, heard, left)
    return RtMidiConnection(direction, client, name if virtual else "", api, target, heard, left)


class RtMidiConnection:
    """A port on ALSA or CoreMIDI; see `Connection`. Opening raises PortError.

    With a `target` that port is played to or heard, else `name` is our own port's.
    """

    lead = Seconds(0.0)

    def __init__(
        self,
        direction: Direction,
        client: str,
        name: str,
        api: Api,
        target: str,
        heard: Heard | None = None,
        left: Left | None = None,
    ) -> None:
        self.direction, self.virtual = direction, not target
        self.api, self.client, self.target = api, client, target
        self.port = name or own_name(direction)
        self.lost = False
        self._heard, self._left = heard, left
        self._ends = Ends()
        self._newcomer = False
        self._endpoint = endpoint(direction, api, client)
        try:
            self._connect()
        except PortError:
            self._endpoint.delete()
            raise

    def _connect(self) -> None:
        try:
            if self._heard is not None:
                self._endpoint.ignore_types(sysex=True, timing=False, active_sense=True)
                self._endpoint.set_callback(self._on_message)  # closing a port cancels it
            if self.virtual:
                self._endpoint.open_virtual_port(self.port)
            else:
                self._endpoint.open_port(self._endpoint.get_ports().index(self.target), self.port)
        except (OSError, ValueError) as error:  # ValueError: it went away just now
            raise PortError(f"cannot open the MIDI port {self.title!r} ({error})") from None

    def _on_message(self, event: tuple[list[int], float], _: object) -> None:
        at = Seconds(time.perf_counter())
        assert self._heard
        self._heard(bytes(event[0]), at)

    @property
    def title(self) -> str:
        return f"{self.client}:{self.port}" if self.virtual else self.target

    def send(self, message: Message, at: Seconds | None = None) -> None:
        """At once: these systems take no moments."""
        if self.lost:
            return
        self._ends.sent(message)
        try:
            self._endpoint.send_message(message)
        except OSError:
            return  # the port is going away; the next check finds out and tells it

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        self.send(note_off(channel, pitch))

    def check(self) -> str:
        if not self.lost and not self._present():
            self.lost = True
            self._endpoint.close_port()
            self._ends.left()
            if self._left:
                self._left()
            return f"The MIDI port {self.title!r} is gone. Plug it in again, and it comes back."
        if self.lost and self._back():
            self.lost, self._newcomer = False, True
            for message in self._ends.came():
                self.send(message)
            return f"The MIDI port {self.title!r} is back."
        if not self.lost:
            self._ends.looked()
        return ""

    def _present(self) -> bool:
        return self.virtual or self.target in self._endpoint.get_ports()

    def _back(self) -> bool:
        name = unnumbered(self.target)  # ALSA gives other numbers the next time
        found = [port for port in self._endpoint.get_ports() if unnumbered(port) == name]
        if not found:
            return False
        self.target = found[0]
        try:
            self._connect()
        except PortError:
            return False
        return True

    def newcomer(self) -> bool:
        came, self._newcomer = self._newcomer, False
        return came

    def close(self) -> None:
        if not self.lost:
            if self._heard is not None:
                self._endpoint.cancel_callback()
                time.sleep(SETTLE)
            self._endpoint.close_port()
        self._endpoint.delete()
