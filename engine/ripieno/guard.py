"""The guard: a small process that outlives the others, so that no note and no terminal hangs.

Realtime tells it which MIDI outputs it opened and, at the end, `Goodbye`. When realtime's pipe
ends without that, the guard opens the outputs again under their old names, connects them as they
were, and releases exactly the notes that the shared ledger says are sounding. When the main
process's pipe ends without `Goodbye`, the guard gives the terminal back.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from ripieno.channel import Closed, Receiver
from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.inherit import Inherited
from ripieno.ledger import Ledger
from ripieno.midi.jack import Patchbay
from ripieno.midi.rtmidi_ports import Api
from ripieno.outputs.messages import SUSTAIN
from ripieno.outputs.port import PortOutput
from ripieno.streams import leave_terminal
from ripieno.terminal import Terminal, give_back

LOOK_EVERY = Seconds(0.5)
"""How often the connections are noted down, beside at once when JACK tells of a new one."""
NAME_FREE_WITHIN = Seconds(2.0)
"""How long JACK may take to notice that a client has died and to free its name."""
CONNECTED_WITHIN = Seconds(0.5)
"""How long a busy JACK may take until a connection carries what is sent."""
LEAST_WAIT = Seconds(0.02)
TERMINAL_MESSAGE = "Ripieno's screen has stopped unexpectedly. The terminal is yours again."


@dataclass(frozen=True, slots=True)
class Opened:
    """Realtime opened a MIDI output: `client` and `port` are the names that others see."""

    api: Api
    client: str
    port: str
    virtual: bool


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The sender ends in order and leaves nothing behind."""


Word = Opened | Goodbye
"""What a process tells the guard. A channel.Sender carries it and never blocks."""


def opened(output: PortOutput) -> Opened:
    """What to tell the guard about `output`."""
    return Opened(output.api, output.client, output.port, output.virtual)


def run(
    realtime: Connection,
    main: Connection,
    hold: Connection,
    ledger: Inherited,
    terminal: Terminal | None,
    log: str = "",
) -> None:
    """Be the guard until both others have ended; the target of a spawned process.

    `realtime` and `main` are reading ends whose only writers are those processes. `hold` is kept
    open to show them that the guard lives. Without a `terminal` only realtime is waited for; with
    one, main must say Goodbye, or close its end, before it joins the guard. `log` is a file for
    what C libraries print.
    """
    _ignore_signals()
    if log:
        leave_terminal(log)
    watch = _Watch(Receiver(realtime), Receiver(main), Ledger.shared(ledger.descriptor), terminal)
    watch.keep()
    hold.close()


def _ignore_signals() -> None:
    """What ends the others must not end the guard, and a terminal must not stop it."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGTTOU,
        signal.SIGTTIN,
        signal.SIGTSTP,
    ):
        signal.signal(number, signal.SIG_IGN)


@dataclass(slots=True)
class _Watched:
    """One of our outputs, and what it was connected to when last seen."""

    opened: Opened
    connections: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.opened.client}:{self.opened.port}"


class Bell:
    """Rung in any thread; readable once it has rung."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)

    def fileno(self) -> int:
        return self._read

    def ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            os.write(self._write, b"!")

    def rang(self) -> bool:
        """Whether it has rung since the last time that this was asked."""
        with suppress(BlockingIOError):
            return bool(os.read(self._read, 4096))
        return False


@dataclass(slots=True)
class _Watch:
    realtime: Receiver[Word] | None
    main: Receiver[Word] | None
    ledger: Ledger
    terminal: Terminal | None
    outputs: list[_Watched] = field(default_factory=list)
    patchbay: Patchbay | None = None
    bell: Bell = field(default_factory=Bell)

    def keep(self) -> None:
        """Watch until there is nobody left to watch."""
        while self.realtime or (self.main and self.terminal):
            watched = [end.fileno() for end in (self.realtime, self.main, self.bell) if end]
            ready = wait(watched, LOOK_EVERY if self.realtime and self.outputs else None)
            if self.realtime and self.realtime.fileno() in ready:
                self._hear_realtime()
            if self.main and self.main.fileno() in ready:
                self._hear_main()
            if not ready or self.bell.rang():
                self._note_connections()
        if self.patchbay and self.patchbay.alive:
            self.patchbay.close()
        elif self.patchbay:
            self.patchbay.abandon()

    def _hear_realtime(self) -> None:
        assert self.realtime
        left = False
        try:
            for word in self.realtime.receive():
                if isinstance(word, Opened):
                    self._watch(word)
                else:
                    left = True
        except Closed:
            if not left:
                self._release()
            left = True
        if left:
            self.realtime.close()
            self.realtime = None

    def _hear_main(self) -> None:
        assert self.main
        left = False
        try:
            left = any(isinstance(word, Goodbye) for word in self.main.receive())
        except Closed:
            if self.terminal:
                give_back(self.terminal, TERMINAL_MESSAGE)
            left = True
        if left:
            self.main.close()
            self.main = None

    def _watch(self, output: Opened) -> None:
        self.outputs.append(_Watched(output))
        if self.patchbay is None and output.api is Api.JACK:
            try:
                self.patchbay = Patchbay(f"{output.client}-guard")
                self.patchbay.on_connect(self.bell.ring)
            except PortError:
                return  # without it the notes are released all the same, if the port finds its way
        self._note_connections()

    def _note_connections(self) -> None:
        """Write down who hears our own ports. Only JACK tells; ALSA's are not kept."""
        for output in self.outputs:
            if not self.patchbay or not output.opened.virtual:
                continue
            found = self.patchbay.connections(output.name)
            # a dying client loses its connections before its port: what is seen then is no wish
            silent = self.realtime and not wait([self.realtime.fileno()], 0)
            if found is not None and silent:
                output.connections = found

    def _release(self) -> None:
        """Release on every output what the ledger says is sounding, and the pedals."""
        sounding, pedals = self.ledger.sounding(), self.ledger.pedals()
        for output in self.outputs if sounding or pedals else ():
            try:
                self._release_on(output, sounding, pedals)
            except PortError as error:
                os.write(2, f"guard: {error}\n".encode())
        for channel, pitch in sounding:
            self.ledger.release(channel, pitch)
        for channel in pedals:
            self.ledger.pedal(channel, False)

    def _release_on(
        self, output: _Watched, sounding: list[tuple[int, int]], pedals: list[int]
    ) -> None:
        self._await_free_name(output)
        name = output.opened.port
        port = PortOutput(output.opened.client, name, virtual=output.opened.virtual)
        self._connect(f"{port.client}:{port.port}", output.connections)
        for channel, pitch in sounding:
            port.note_off(channel, pitch)
        for channel in pedals:
            port.control(channel, SUSTAIN, 0)
        time.sleep(LEAST_WAIT)
        port.close()  # which lets them leave

    def _connect(self, port: str, listeners: tuple[str, ...]) -> None:
        """Connect `port` as it was, and wait until it is: what is sent in this cycle is lost."""
        if not self.patchbay:
            return
        there = {listener for listener in listeners if self.patchbay.connect(port, listener)}
        latest = time.monotonic() + CONNECTED_WITHIN
        while not there <= set(self.patchbay.connections(port) or ()):
            if time.monotonic() > latest:
                return
            time.sleep(0.002)

    def _await_free_name(self, output: _Watched) -> None:
        latest = time.monotonic() + NAME_FREE_WITHIN
        while self.patchbay and self.patchbay.connections(output.name) is not None:
            if time.monotonic() > latest:
                return
            time.sleep(0.01)
