"""The realtime process: what comes in, what is due, what goes out, one loop, one thread.

No numpy, no onnxruntime, no Textual in here, and nothing that can block: pipes are read when they
are readable and written when they take it, MIDI callbacks only stamp and append.
"""

from __future__ import annotations

import select
import signal
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter, sleep
from typing import Protocol

from ripieno.audience import Audience, open_station
from ripieno.bell import Bell
from ripieno.channel import Closed, Receiver, Sender
from ripieno.clock import Seconds
from ripieno.commands import Command
from ripieno.errors import RipienoError
from ripieno.events import ClockMessage, NoteOn, Stamped
from ripieno.guard import Goodbye, Word, opened
from ripieno.inference.hosts import Hosts
from ripieno.inherit import Inherited
from ripieno.instruments import Instruments
from ripieno.ledger import Ledger
from ripieno.orders import Orders
from ripieno.outputs import Output
from ripieno.outputs.port import PortOutput
from ripieno.performance import Performance
from ripieno.priority import REALTIME, hurry
from ripieno.rack import Rack
from ripieno.sound import Sound
from ripieno.stage import Script, Stage
from ripieno.streams import leave_terminal
from ripieno.takes.history import History
from ripieno.takes.take import Journal
from ripieno.takes.tap import TakeOutput
from ripieno.telemetry import INTERVAL, Observer
from ripieno.timekeeper import Timekeeper

SPIN = 0.001
"""Seconds before a due step in which we wait awake: sleeping wakes late, spinning does not."""
CALM = 0.003
"""Telemetry is built only when nothing is due for this long."""
PORT_CHECK = Seconds(1.0)
SETTLED = 0.005
"""Seconds within which all that was said at the end has been handed over."""
CLOSING = 5
"""Seconds for closing ports and synthesisers, when all is silent and said; one that hangs then
(JACK's library may, when others leave at the same moment) must not leave us behind for ever."""


def _now() -> Seconds:
    return Seconds(perf_counter())


class Readable(Protocol):
    """Something that select can wait for."""

    def fileno(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Wires:
    """The ends of the pipes that realtime holds. Nobody else has them open, so death is seen."""

    commands: Connection
    telemetry: Connection
    guard: Connection
    """Read: its end of file is the guard's death."""
    alive: Connection
    """Written, for the guard: which outputs are open, and goodbye; an end without it is death."""


def run(stage: Stage, wires: Wires, ledger: Inherited) -> None:
    """The process: play until the client goes, the guard dies, or the performance is over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    leave_terminal(stage.log)
    with ExitStack() as stack:
        realtime = Realtime(stage, wires, Ledger.shared(ledger.descriptor), stack)
        signal.signal(signal.SIGTERM, lambda *_: realtime.leave())
        hurry(REALTIME)
        realtime.loop()
        signal.alarm(CLOSING)


class Realtime:
    """The loop and all that it looks at. Everything that must be closed goes on the stack."""

    def __init__(self, stage: Stage, wires: Wires, ledger: Ledger, stack: ExitStack) -> None:
        self._stage, self._wires = stage, wires
        self._commands: Receiver[Command] = Receiver(wires.commands)
        self._leaving = False
        self._stamped: deque[Stamped] = deque()
        self._bell = Bell()
        stack.callback(self._bell.close)
        now = _now()
        journal = Journal(stage.take, stage.header([s.model.precision for s in stage.seats], now))
        stack.callback(journal.close)
        self._history = History(journal)
        self._hosts = Hosts(stage, self._history)
        stack.callback(self._hosts.close)
        self._open_instruments(stack)
        self.performance = self._begun(ledger, now)
        self._timekeeper = Timekeeper(self.performance)
        stack.callback(self._timekeeper.close)
        self._script = self._open_script()
        self._orders = self._ready_for_orders()
        self._hosts.join(self.performance, self._orders.begin)
        self._osc = open_station(stage, self.performance, stack)
        self._audience = self._gathered()
        self._next_telemetry = self._next_check = now
        for sentence in self._instruments.problems:
            self.performance.say(sentence)

    def _open_instruments(self, stack: ExitStack) -> None:
        """Open them, and tell the guard of the ports."""
        stage = self._stage
        self._instruments = Instruments.open(stage.preset.routing, stage.soundfont, self._heard)
        stack.callback(self._instruments.close)
        self._guard: Sender[Word] = Sender(self._wires.alive)
        for output in self._instruments.outputs:
            if isinstance(output, PortOutput):
                self._guard.send(opened(output))

    def _begun(self, ledger: Ledger, now: Seconds) -> Performance:
        """The performance, which all outputs and the take hear."""
        seats, lanes = self._stage.seats, self._instruments.lanes
        tap: Output = TakeOutput(self._history, _now, lanes)
        first, *others = [seat.routing for seat in seats]
        return Performance(
            [seat.member for seat in seats],
            Sound([tap, *lanes], ledger, first, self._history, others),
            self._hosts.asks,
            self._history,
            seed=self._stage.seed,
            at=now,
        )

    def _ready_for_orders(self) -> Orders:
        stage, show, routing = self._stage, self.performance, self._stage.preset.routing
        return Orders(
            stage,
            show,
            self._timekeeper,
            self._hosts,
            self._script,
            self.leave,
            self._instruments.controllers(routing.client),
            Rack(
                self._instruments,
                show.sound,
                routing,
                stage.soundfont,
                show.say,
                stays=stage.instruments_stay,
            ),
        )

    def _gathered(self) -> Audience:
        show, instruments = self.performance, self._instruments
        observer = Observer(show, self._history, self._timekeeper, str(self._stage.take))
        observer.inputs = (*instruments.input_names, *self._script.names)
        wire = self._wires.telemetry
        return Audience(wire, self._osc, show, observer, self._hosts, instruments, self._orders)

    def _open_script(self) -> Script:
        try:
            return Script.of(self._stage)
        except RipienoError as error:
            self.performance.say(str(error), urgent=True)
            return Script(None, ())

    def leave(self) -> None:
        """End in order, soon."""
        self._leaving = True

    # ---- the loop

    def loop(self) -> None:
        """Until it is time to leave; then everything is released and said goodbye to."""
        show = self.performance
        while not self._leaving:
            self._wait()
            now = _now()
            self._read_instruments(now)
            self._read_commands(now)
            self._hosts.read(_now)
            self._timekeeper.look(now)
            self._orders.look(now)
            self._script.feed(show, _now())
            show.advance(_now())
            # once more: an answer that has just ended frees a guest
            self._script.feed(show, _now())
            self._history.moved_to(show.shift)
            self._look_around(now)
        now = _now()
        self._orders.auditioner.hush(now)
        show.stop(now)
        show.sound.pump(Seconds(now + show.sound.lead + SETTLED))
        self._tell(now, ended=True)
        try:
            self._guard.send(Goodbye())
        except Closed:
            return  # nobody is left to say it to

    def _wait(self) -> None:
        """Sleep until something comes or something is due, the last millisecond awake."""
        due = self._due()
        files: list[Readable] = [self._bell, self._wires.guard, self._commands]
        files += self._hosts.files()
        files += [self._osc] if self._osc else []
        timeout = min(due - SPIN, self._next_telemetry) - perf_counter()
        ready, _, _ = select.select(files, [], [], max(0.0, timeout))
        if self._bell in ready:
            self._bell.hush()
        if self._wires.guard in ready:
            self.leave()
        while not ready and not self._stamped and 0 < due - perf_counter() <= SPIN:
            sleep(0)

    def _due(self) -> Seconds:
        """When the next note or step is due; far away if nothing is."""
        show = self.performance
        wakes = (
            show.wake(),
            self._script.wake(show),
            self._timekeeper.wake(),
            self._hosts.wake(),
            *self._orders.wake(),
        )
        return min((w for w in wakes if w is not None), default=Seconds(perf_counter() + 1.0))

    # ---- what comes in

    def _heard(self, stamped: Stamped) -> None:
        """In RtMidi's thread: keep it and ring the bell, no more."""
        self._stamped.append(stamped)
        self._bell.ring()

    def _read_instruments(self, now: Seconds) -> None:
        while self._stamped:
            stamped = self._stamped.popleft()
            if isinstance(stamped.message, ClockMessage):
                self._timekeeper.hear(stamped.at, stamped.message, now)
                continue
            if self._orders.board.hear(stamped, self.performance.settings):
                continue
            if isinstance(stamped.message, NoteOn):
                self._script.interrupted(self.performance, stamped.at)
            self.performance.hear(stamped)

    def _read_commands(self, now: Seconds) -> None:
        if self._osc:
            for asked in self._osc.receive(self.performance.settings):
                self._orders.act(asked, now)
        try:
            for command in self._commands.receive():
                self._orders.obey(command, now)
        except Closed:
            self.leave()

    # ---- what goes out

    def _look_around(self, now: Seconds) -> None:
        """Things that can wait for a calm moment: telemetry, ports, the end."""
        show = self.performance
        bars, bar = self._stage.bars, show.settings.meter.bar
        if bars is not None and show.playing and show.beat(now) >= bars * bar:
            self.leave()
        busy = show.waiting(now) or self._due() - perf_counter() < CALM
        if now < self._next_telemetry or busy:
            return
        self._next_telemetry = Seconds(now + INTERVAL)
        self._tell(now)
        if now >= self._next_check:
            self._next_check = Seconds(now + PORT_CHECK)
            self._hosts.reap()
            for sentence in self._instruments.check():
                show.say(sentence, urgent=True)
            for output in self._instruments.newcomers:
                show.sound.greet(output)

    def _tell(self, now: Seconds, *, ended: bool = False) -> None:
        try:
            self._audience.tell(now, ended=ended)
        except Closed:
            self.leave()
