"""A running performance, seen from the process that owns the terminal.

`start` makes the other processes: the guard, that outlives all, and realtime, that starts
inference itself. The screen and the headless player are both clients of what it returns.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque

from ripieno import guard, realtime
from ripieno.channel import Closed, Receiver, Sender
from ripieno.cli.save_last import save_last
from ripieno.commands import Command, Quit, SaveLast, Tell
from ripieno.errors import RipienoError
from ripieno.events import Telemetry
from ripieno.inherit import Inherited
from ripieno.ledger import shared_file
from ripieno.stage import Stage
from ripieno.terminal import saved_terminal

PATIENCE = 3.0
"""Seconds that realtime gets to end in order."""


class Client:
    """Sends commands, receives telemetry; closing it ends the performance."""

    def __init__(self, stage: Stage) -> None:
        """Start the processes. Returns at once; what goes wrong is told by telemetry."""
        spawn = multiprocessing.get_context("spawn")
        commands_out, commands_in = spawn.Pipe(duplex=False)
        telemetry_out, telemetry_in = spawn.Pipe(duplex=False)
        alive_out, alive_in = spawn.Pipe(duplex=False)  # realtime to the guard
        guard_out, guard_in = spawn.Pipe(duplex=False)  # the guard to realtime
        owner_out, owner_in = spawn.Pipe(duplex=False)  # we to the guard
        self._take = stage.take
        self._words: deque[Command] = deque()  # from threads of ours, to be sent from this one
        self._ledger = shared_file()
        self._owner: Sender[guard.Word] = Sender(owner_in)
        self._telemetry: Receiver[Telemetry] = Receiver(telemetry_out)
        self._commands: Sender[Command] = Sender(commands_in)
        ledger = Inherited(self._ledger.fileno())
        log = str(stage.log)
        self._guard = spawn.Process(
            target=guard.run,
            args=(alive_out, owner_out, guard_in, ledger, saved_terminal(), log),
            name="ripieno-guard",
        )
        wires = realtime.Wires(commands_out, telemetry_in, guard_out, alive_in)
        self._realtime = spawn.Process(
            target=realtime.run, args=(stage, wires, ledger), name="ripieno-realtime"
        )
        self._realtime.start()
        self._guard.start()
        theirs = (commands_out, telemetry_in, alive_out, alive_in, guard_out, guard_in, owner_out)
        for end in theirs:
            end.close()

    def send(self, command: Command) -> None:
        """Send a command; into the void once the performance is over."""
        if isinstance(command, SaveLast):
            threading.Thread(target=self._save_last, args=(command.bars,)).start()
            return
        try:
            self._commands.send(command)
        except Closed:
            return

    def _save_last(self, bars: int) -> None:
        """In a thread, which tells what came of it: a long take takes a while to read."""
        try:
            path = save_last(self._take, bars)
        except RipienoError as error:
            self._words.append(Tell(str(error), urgent=True))
        else:
            self._words.append(Tell(f"The last {bars} bars are saved: {path.name}"))

    def fileno(self) -> int:
        """Readable when telemetry has come."""
        return self._telemetry.fileno()

    def latest(self) -> Telemetry | None:
        """The newest telemetry since the last call, None if nothing is new.

        Raises Closed when realtime is gone and all that it said has been read.
        """
        while self._words:
            self.send(self._words.popleft())
        newest = None
        try:
            for newest in self._telemetry.receive():
                pass
        except Closed:
            if newest is None:
                raise
        return newest

    @property
    def processes(self) -> dict[str, int]:
        """Process numbers by name, for those who watch or test."""
        pairs = (("guard", self._guard.pid), ("realtime", self._realtime.pid))
        return {name: pid for name, pid in pairs if pid is not None}

    def close(self) -> None:
        """End the performance in order, or else by force; the guard cleans up after that."""
        self.send(Quit())
        self._realtime.join(PATIENCE)
        if self._realtime.is_alive():
            self._realtime.kill()
            self._realtime.join()
        self._bid_farewell()
        self._guard.join(PATIENCE)
        if self._guard.is_alive():
            self._guard.kill()
            self._guard.join()
        self._owner.close()
        self._ledger.close()

    def _bid_farewell(self) -> None:
        """The terminal is in order, says the one who owns it."""
        try:
            self._owner.send(guard.Goodbye())
        except Closed:
            return
