"""A MIDI port on JACK that outlives its server and keeps its connections. See `Connection`."""

from __future__ import annotations

import time

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.midi.jack_midi import LEAD, JackMidi
from ripieno.midi.rtmidi_ports import Api, Direction, own_name
from ripieno.midi.stream import Heard, Left
from ripieno.outputs.ends import Ends
from ripieno.outputs.messages import Message

STILL = 0.3
"""Seconds between two looks that find no cycle since the last one …"""
LOOKS = 2
"""… and after so many the server stands still; one may come right after a sleep of the machine."""
DRAIN = 0.25
"""Seconds at most for what was sent to leave, when a port is closed."""
SETTLE = 0.02
"""Seconds, at least, for the last of it to be heard."""


class JackConnection:
    """Our own port on JACK, connected to `target` if there is one. Opening raises PortError.

    Those it is connected to are remembered: whoever goes and comes back is connected again, with
    a new server too.
    """

    api = Api.JACK

    def __init__(
        self,
        direction: Direction,
        client: str,
        name: str,
        target: str,
        heard: Heard | None = None,
        left: Left | None = None,
    ) -> None:
        self.direction, self.virtual, self.target = direction, not target, target
        self.lost = False
        self._client, self._name, self._heard = client, name or own_name(direction), heard
        self._left = left
        self._ends = Ends()
        self._survivor = False  # of a server that has died
        self._connected: frozenset[str] = frozenset()
        self._absent: frozenset[str] = frozenset()  # connected once, and to be again
        self._doubtful: frozenset[str] = frozenset()  # no longer connected; the port is there
        self._newcomer = False
        self._cycles = self._looks = 0
        self._looked = time.monotonic()
        self._midi = self._open()
        if target and not self._midi.connect(target):  # it went away just now
            self._midi.close()
            raise PortError(f"cannot open the MIDI port {target!r}")
        self._connected = self._midi.connections()

    def _open(self) -> JackMidi:
        midi = JackMidi(
            self.direction, self._client, self._name, self._ends, self._heard, self._left
        )
        self.client, self.port = midi.client, midi.port
        self.period = midi.period
        return midi

    @property
    def cycles(self) -> int:
        """How often the server has called so far; it begins anew with a new server."""
        return self._midi.cycles

    @property
    def title(self) -> str:
        return self.target or f"{self._client}:{self._name}"

    @property
    def lead(self) -> Seconds:
        """Two periods: what was sent so early leaves on its very frame."""
        return Seconds(LEAD * self.period)

    def send(self, message: Message, at: Seconds | None = None) -> None:
        if not self.lost:
            self._midi.send(message, at)

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        if not self.lost:
            self._midi.revoke(channel, pitch, at)

    def frame(self, at: Seconds) -> int:
        """The server's frame at `at`."""
        return self._midi.frame(at)

    # ---- going and coming back

    def check(self) -> str:
        if not self.lost and not self._running():
            return self._lose("JACK has stopped; start it again, and it comes back.")
        if self.lost and not self._running() and not self._reopen():
            return ""
        self._follow()
        gone = bool(self.target) and self.target in self._absent
        if gone and not self.lost:
            return self._lose("Plug it in again, and it comes back.")
        if self.lost and not gone:
            self.lost = False
            return f"The MIDI port {self.title!r} is back."
        return ""

    def _lose(self, remedy: str) -> str:
        self.lost = True
        if self._left:
            self._left()
        return f"The MIDI port {self.title!r} is gone. {remedy}"

    def _running(self) -> bool:
        """Whether the server lives: it says so when it goes, but a killed one falls silent."""
        now = time.monotonic()
        if self._midi.cycles != self._cycles:
            self._cycles, self._looks, self._looked = self._midi.cycles, 0, now
        elif now - self._looked >= STILL:
            self._looks, self._looked = self._looks + 1, now
        return self._midi.alive and self._looks < LOOKS

    def _reopen(self) -> bool:
        """On a new server, everything as it was; while the old one may still wake up, wait."""
        if self._midi.alive:
            return False
        try:
            midi = self._open()
        except PortError:
            return False
        self._ends.left()
        self._midi.abandon()
        self._survivor = True
        self._midi, self._looks = midi, 0
        self._absent |= self._connected
        self._connected = frozenset()
        return True

    def _follow(self) -> None:
        """Note who is connected, and connect those again who have come back."""
        connected = self._midi.connections()
        came = self._midi.came()
        left = (self._connected - connected) | (self._doubtful - connected)
        # one that has come meanwhile is no longer the port that we knew: its program has restarted
        there = frozenset(port for port in left - came if self._midi.exists(port))
        # a port that goes loses its connections first: only one that stays was disconnected
        self._doubtful = there - self._doubtful
        self._absent = (self._absent | (left - there)) - connected
        back = frozenset(p for p in self._absent if self._midi.exists(p) and self._midi.connect(p))
        self._absent -= back
        self._newcomer |= bool(back | (connected - self._connected))
        self._connected = connected | back

    def newcomer(self) -> bool:
        came, self._newcomer = self._newcomer, False
        return came

    def close(self) -> None:
        """Let what was sent leave, and close; after JACK had stopped, exiting closes."""
        if self._running() and self.direction is Direction.OUTPUT:
            latest = time.monotonic() + DRAIN
            while not self._midi.idle and time.monotonic() < latest:
                time.sleep(self.period / 2)
            time.sleep(max(SETTLE, 2 * self.period))
        if self._survivor or not self._midi.alive:
            self._midi.abandon()
        else:
            self._midi.close()
