"""The OSC socket: packets in and out, never waiting. Loopback only, unless told otherwise."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from ripieno.commands import Recall
from ripieno.errors import PortError, SettingError
from ripieno.events import Telemetry
from ripieno.osc.address import Address, OscSpec
from ripieno.osc.names import ERROR, Asked, asked, told
from ripieno.osc.wire import Argument, Message, pack, unpack
from ripieno.settings import Settings

LARGEST = 65_535
MOST = 64
"""Packets that are read in one go: a flood must not hold up the music."""


class OscStation:
    """Hears packets at `spec.hear` and tells `spec.tell` what has changed."""

    def __init__(self, spec: OscSpec, scenes: Sequence[Recall] = ()) -> None:
        """Open it. Raises PortError."""
        self._spec, self._scenes = spec, tuple(scenes)
        self._told: dict[str, tuple[Argument, ...]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind(spec.hear)
        except OSError as error:
            self._socket.close()
            raise PortError(
                f"OSC cannot be heard at {spec.hear[0]}:{spec.hear[1]} ({error.strerror})",
                nearest="Is another one running? Choose another port.",
            ) from None

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self, settings: Settings) -> Iterator[Asked]:
        """What has been asked for; who asks for what cannot be is told so."""
        for _ in range(MOST):
            try:
                packet, sender = self._socket.recvfrom(LARGEST)
            except (BlockingIOError, InterruptedError, ConnectionRefusedError):
                return
            for message in unpack(packet):
                try:
                    yield from asked(message, settings, self._scenes)
                except SettingError as error:
                    self._send(Message(ERROR, (str(error),)), sender)

    def tell(self, telemetry: Telemetry) -> None:
        """Tell what differs from what was told last."""
        if not self._spec.tell:
            return
        for message in told(telemetry):
            if self._told.get(message.address) != message.arguments:
                self._told[message.address] = message.arguments
                for listener in self._spec.tell:
                    self._send(message, listener)

    def _send(self, message: Message, to: Address) -> None:
        try:
            self._socket.sendto(pack(message), to)
        except OSError:
            return  # nobody listens there, or the way is full: the next change is told again

    def close(self) -> None:
        self._socket.close()
