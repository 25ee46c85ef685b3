"""One MIDI port on JACK, of a client of its own: every message at its frame, out and in."""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

from ripieno.clock import Seconds
from ripieno.midi import jack
from ripieno.midi.jack_cycles import JackCycles
from ripieno.midi.rtmidi_ports import Direction
from ripieno.midi.stream import Heard, Left
from ripieno.outputs.ends import Ends
from ripieno.outputs.messages import Message, note_off
from ripieno.outputs.pacing import Pacing
from ripieno.outputs.reminders import Reminders

GAP = 0.001
"""Seconds between two messages of one note."""
LEAD = 2
"""Periods: who hands a message over so long before has it on its frame, however the cycle lies."""
_SWITCH = 0.0005
"""Seconds after which Python's threads take turns: JACK's must not wait the usual five ms."""
_MEMORY = 0.1
"""Seconds before an xrun in which what was sent may be lost: JACK throws away a cycle's messages
where somebody was not done in time, and says so only afterwards."""


class JackMidi:
    """A client with one port, taking part in the audio cycle. Raises PortError when it cannot.

    `client` and `port` are its names, as JACK gave them. All but `send` happens in JACK's thread.
    """

    def __init__(
        self,
        direction: Direction,
        client: str,
        port: str,
        ends: Ends,
        heard: Heard | None = None,
        left: Left | None = None,
    ) -> None:
        """`heard` and `left` are for an input. `ends` is what listeners have not heard the end
        of: whoever comes is told that first."""
        self._client: Any = jack.open_client(client)
        self.alive = True
        """False from the moment the server has gone."""
        self._heard, self._left, self._ends = heard, left, ends
        self._others = 0  # how many the port is connected to
        self._cycles = JackCycles(self._client)
        self._clock = self._cycles.clock
        self._registered: deque[str] = deque()
        self._now: deque[Message] = deque()
        self._timed: deque[tuple[int, Message, bool]] = deque()  # whether it revokes its note
        self._pacing = Pacing(GAP * self._client.samplerate)
        self._xruns = self._xruns_seen = 0
        self._once_more: int | None = None  # the frame from which on reminders are said again
        self._reminders = Reminders(round(_MEMORY * self._client.samplerate))
        sys.setswitchinterval(min(_SWITCH, sys.getswitchinterval()))
        inward = direction is Direction.INPUT
        ports = self._client.midi_inports if inward else self._client.midi_outports
        self._port: Any = ports.register(port)
        self._client.set_shutdown_callback(self._on_shutdown)
        self._client.set_xrun_callback(self._on_xrun)
        self._client.set_port_registration_callback(self._on_registration)
        self._client.set_process_callback(self._hear if inward else self._play)
        self._client.activate()
        self.client: str = self._client.name
        self.port: str = self._port.shortname

    @property
    def name(self) -> str:
        """The full name of the port, such as 'ripieno:out'."""
        return f"{self.client}:{self.port}"

    @property
    def cycles(self) -> int:
        """How often JACK has called: a number that stands still belongs to a dead server."""
        return self._cycles.count

    @property
    def period(self) -> Seconds:
        """How long a cycle lasts."""
        if not self.alive:
            return Seconds(0.0)
        return Seconds(self._client.blocksize / self._client.samplerate)

    @property
    def idle(self) -> bool:
        """Whether all that was sent has left, and nothing of it was lost."""
        waits = self._now or self._timed or self._pacing.next is not None
        return not waits and self._once_more is None and self._xruns == self._xruns_seen

    def send(self, message: Message, at: Seconds | None = None) -> None:
        """Let `message` leave at the frame of `at`, or at once, before all that has a moment."""
        if at is None or not self._clock.running:
            self._now.append(message)
        else:
            self._timed.append((self.frame(at), message, False))

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        """Let this note not begin any more; if it has begun, end it at the frame of `at`."""
        if not self._clock.running:
            self._now.append(note_off(channel, pitch))
        else:
            self._timed.append((self.frame(at), note_off(channel, pitch), True))

    def frame(self, at: Seconds) -> int:
        """The server's frame at `at`."""
        return self._clock.frame(max(at, Seconds(0.0)))

    # ---- in JACK's thread: nothing here may wait, or raise

    def _play(self, frames: int) -> None:
        start = self._cycles.begin()
        self._port.clear_buffer()
        came = self._look_for_others()
        if came:
            self._now.extendleft(reversed(self._ends.came()))
        if self._remind(start):
            self._now.extendleft(reversed(self._reminders.lately(start)))
        while self._now:
            if not self._write(0, self._now[0], start):
                return  # the port takes no more in this cycle
            self._now.popleft()
        while self._timed:
            when, message, revokes = self._timed.popleft()
            if revokes:
                self._pacing.cancel(message[0] & 0x0F, message[1], when)
            else:
                self._pacing.put(when, message)
        last = start + frames - 1
        for frame, message in self._pacing.due(last, start):
            if not self._write(int(frame) - start, message, start):
                self._pacing.put_back(last + 1, message)
                return

    def _write(self, offset: int, message: Message, start: int) -> bool:
        try:
            self._port.write_midi_event(offset, bytes(message))
        except jack.Error:
            return False
        self._ends.sent(message)
        self._reminders.sent(message, start + offset)
        return True

    def _remind(self, start: int) -> bool:
        """Whether ends are to be said again: after an xrun, and once more when it is over."""
        if self._xruns != self._xruns_seen:
            self._xruns_seen = self._xruns
            self._once_more = start + self._reminders.memory // 2
            return True
        if self._once_more is None or start < self._once_more:
            return False
        self._once_more = None
        return True

    def _look_for_others(self) -> bool:
        """Notice who goes; whether somebody has come since the last cycle."""
        before, self._others = self._others, self._port.number_of_connections
        if self._others < before:
            self._ends.left()
            if self._left:
                self._left()
        self._ends.looked()
        return self._others > before

    def _hear(self, frames: int) -> None:
        start = self._cycles.begin()
        self._look_for_others()
        assert self._heard
        for offset, data in self._port.incoming_midi_events():
            self._heard(bytes(data), self._clock.moment(start + offset))

    def _on_xrun(self, delayed: float) -> None:
        """In another thread of JACK's."""
        self._xruns += 1

    def _on_shutdown(self, status: object, reason: str) -> None:
        self.alive = False

    def _on_registration(self, port: Any, registered: bool) -> None:
        """In another thread of JACK's."""
        if registered:
            self._registered.append(port.name)

    # ---- connections

    def came(self) -> frozenset[str]:
        """The full names of all ports that have come to the server since the last call."""
        return frozenset(self._registered.popleft() for _ in range(len(self._registered)))

    def connections(self) -> frozenset[str]:
        """The full names of all ports that this one is connected to."""
        return frozenset(jack.names(lambda: self._client.get_all_connections(self._port)))

    def exists(self, port: str) -> bool:
        """Whether there is a port of that full name."""
        try:
            return bool(self._client.get_port_by_name(port))
        except jack.Error:
            return False

    def connect(self, other: str) -> bool:
        """Connect to the port called `other`; False when that cannot be."""
        ends = (other, self.name) if self._heard else (self.name, other)
        return jack.connect(self._client, *ends)

    def close(self) -> None:
        """Leave the server."""
        self._client.deactivate()
        self._client.close()

    def abandon(self) -> None:
        """Instead of `close`, in a process that has outlived a server; see `jack.abandon`."""
        jack.abandon(self._client)
