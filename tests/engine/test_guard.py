"""The guard with real processes, a real JACK server and a real terminal: what a death leaves."""

from __future__ import annotations

import multiprocessing
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import IO

import pytest
from ripieno import guard
from ripieno.channel import Receiver, Sender
from ripieno.inherit import Inherited
from ripieno.ledger import Ledger, shared_file
from ripieno.midi.jack import Patchbay
from ripieno.midi.rtmidi_ports import Api
from ripieno.outputs.port import PortOutput
from ripieno.terminal import Terminal, saved_terminal

from tests.engine.jackd import PERIOD, RATE, JackServer, until

pytestmark = pytest.mark.real_part
SPAWN = multiprocessing.get_context("spawn")
NOTES = ((0, 72), (1, 65), (4, 60))


def realtime(lifeline: Connection, ledger: Inherited, test: Connection) -> None:
    """Stands in for the realtime process: does what the test says, one word at a time."""
    words: Sender[guard.Word] = Sender(lifeline)
    sounding = Ledger.shared(ledger.descriptor)
    out = PortOutput("victim", "out", virtual=True)
    words.send(guard.opened(out))
    test.send("open")
    while True:
        match test.recv():
            case "strike":
                for channel, pitch in (*NOTES, (2, 50)):
                    sounding.strike(channel, pitch)
                    out.note_on(channel, pitch, 90)
                out.note_off(2, 50)
                sounding.release(2, 50)
                sounding.pedal(4, True)
                out.control(4, 64, 127)
            case "leave":
                words.send(guard.Goodbye())
                out.close()
                return
        test.send("done")


@dataclass
class Stage:
    """A guard and what it guards."""

    guarding: SpawnProcess
    realtime: SpawnProcess
    main: Sender[guard.Word]
    held: Connection
    test: Connection
    ledger: IO[bytes]

    def tell(self, word: str) -> None:
        self.test.send(word)
        assert self.test.recv() == "done"

    def kill_realtime(self) -> None:
        assert self.realtime.pid
        os.kill(self.realtime.pid, signal.SIGKILL)
        self.realtime.join()


@pytest.fixture
def stage(jackd: JackServer) -> Iterator[Stage]:
    lifeline, lifeline_end = SPAWN.Pipe(duplex=False)
    main, main_end = SPAWN.Pipe(duplex=False)
    held, hold = SPAWN.Pipe(duplex=False)
    test, victim = SPAWN.Pipe()
    ledger = shared_file()
    number = ledger.fileno()
    guarding = SPAWN.Process(target=guard.run, args=(lifeline, main, hold, Inherited(number), None))
    guarding.start()
    playing = SPAWN.Process(target=realtime, args=(lifeline_end, Inherited(number), victim))
    playing.start()
    for end in (lifeline, lifeline_end, main, hold, victim):
        end.close()
    assert test.recv() == "open"
    yield Stage(guarding, playing, Sender(main_end), held, test, ledger)
    for process in (playing, guarding):
        if process.is_alive():
            process.kill()
        process.join()
    ledger.close()


def test_exactly_the_missing_releases_are_sent(stage: Stage, jackd: JackServer) -> None:
    with jackd.dump("listener") as dump, jackd.dump("stranger") as stranger:
        jackd.connect("victim:out", dump.port)
        time.sleep(4 * guard.LOOK_EVERY)  # until the guard has seen the connection
        stage.tell("strike")
        time.sleep(40 * PERIOD / RATE)  # what has not left when its process dies is lost
        stage.kill_realtime()
        stage.guarding.join(60)
    assert stage.guarding.exitcode == 0
    struck = [(0x90 | channel, pitch, 90) for channel, pitch in (*NOTES, (2, 50))]
    assert dump.messages[:6] == [*struck, (0x82, 50, 64), (0xB4, 64, 127)]
    released = [(0x80 | channel, pitch, 64) for channel, pitch in NOTES]
    assert sorted(dump.messages[6:]) == [*released, (0xB4, 64, 0)]
    assert stranger.messages == []
    left = Ledger.shared(stage.ledger.fileno())
    assert (left.sounding(), left.pedals()) == ([], [])


def noted(output: guard._Watched, before: tuple[str, ...]) -> bool:
    return output.connections != before


class Patches:
    """A patchbay that tells how often it was asked."""

    def __init__(self) -> None:
        self.looks, self.alive = 0, True

    def connections(self, port: str) -> tuple[str, ...]:
        self.looks += 1
        return (f"listener {self.looks}",)

    def close(self) -> None:
        self.alive = False


def test_a_new_connection_is_noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the next look: whoever is connected may hear the very next note hang."""
    monkeypatch.setattr(guard, "LOOK_EVERY", 1e6)
    lifeline, lifeline_end = SPAWN.Pipe(duplex=False)
    main, _main_end = SPAWN.Pipe(duplex=False)
    patches = Patches()
    watch = guard._Watch(Receiver(lifeline), Receiver(main), Ledger(), None)
    output = guard._Watched(guard.Opened(Api.JACK, "victim", "out", True))
    watch.outputs.append(output)
    watch.patchbay = patches  # type: ignore[assignment]
    words: Sender[guard.Word] = Sender(lifeline_end)
    keeping = threading.Thread(target=watch.keep)
    keeping.start()
    for _ in range(3):
        before = output.connections
        watch.bell.ring()
        until(partial(noted, output, before), "that it is noted")
    words.send(guard.Goodbye())
    keeping.join(60)
    assert not keeping.is_alive()
    assert (patches.looks, patches.alive) == (3, False)


def test_jack_tells_of_a_connection(stage: Stage, jackd: JackServer) -> None:
    with jackd.dump("listener") as dump:
        bay = Patchbay("watcher")
        rung = threading.Event()
        bay.on_connect(rung.set)
        jackd.connect("victim:out", dump.port)
        assert rung.wait(60), "JACK tells of it"
        bay.close()


def test_a_goodbye_leaves_nothing_to_do(stage: Stage, jackd: JackServer) -> None:
    with jackd.dump("listener") as dump:
        jackd.connect("victim:out", dump.port)
        time.sleep(4 * guard.LOOK_EVERY)
        stage.tell("strike")
        stage.test.send("leave")
        stage.realtime.join(60)
        stage.guarding.join(60)
    assert stage.guarding.exitcode == 0
    assert len(dump.messages) == 6


def test_a_death_in_silence_opens_nothing(stage: Stage, jackd: JackServer) -> None:
    stage.kill_realtime()
    stage.guarding.join(60)
    assert stage.guarding.exitcode == 0
    until(lambda: "victim:out" not in jackd.ports(), "the end of the victim's port")


def test_signals_do_not_end_the_guard_and_its_own_death_is_seen(stage: Stage) -> None:
    guarding = stage.guarding.pid
    assert guarding
    until(lambda: ignores(guarding, signal.SIGTSTP), "that it has started")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTTOU):
        os.kill(guarding, number)
    assert not stage.held.poll(0.3)
    assert stage.guarding.is_alive()
    stage.guarding.kill()
    assert stage.held.poll(10)  # the end of file
    with pytest.raises(EOFError):
        stage.held.recv()


def ignores(pid: int, number: signal.Signals) -> bool:
    """Whether the process `pid` ignores that signal, as the system tells it."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


MAIN = """
import multiprocessing, sys, tty
from ripieno import guard
from ripieno.channel import Receiver, Sender
from ripieno.inherit import Inherited
from ripieno.ledger import shared_file
from ripieno.terminal import saved_terminal

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    lifeline, lifeline_end = spawn.Pipe(duplex=False)
    main, main_end = spawn.Pipe(duplex=False)
    held, hold = spawn.Pipe(duplex=False)
    ledger = shared_file()
    arguments = (lifeline, main, hold, Inherited(ledger.fileno()), saved_terminal())
    process = spawn.Process(target=guard.run, args=arguments)
    process.start()
    for end in (lifeline, main, hold):
        end.close()
    tty.setraw(0)
    sys.stdout.write("\\x1b[?1049h\\x1b[?25l\\x1b[?1003hSCREEN")
    sys.stdout.flush()
    if sys.stdin.read(1) == "q":
        Sender(main_end).send(guard.Goodbye())
        Sender(lifeline_end).send(guard.Goodbye())
        process.join()
        sys.stdout.write("JOINED")
"""


@dataclass
class Screen:
    """A main process on a pseudo-terminal."""

    pid: int
    terminal: int
    before: list[object]
    shown: bytes = b""

    def show(self, what: bytes) -> None:
        """Read what the terminal is told until it was told `what`."""
        while what not in self.shown:
            ready, _, _ = select.select([self.terminal], [], [], 20)
            assert ready, f"{what!r} was not shown, but {self.shown!r}"
            self.shown += os.read(self.terminal, 4096)


@pytest.fixture
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    script = tmp_path_factory.mktemp("screen") / "main.py"
    script.write_text(MAIN)
    master, slave = pty.openpty()
    before: list[object] = list(termios.tcgetattr(slave))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    yield Screen(process.pid, master, before)
    process.kill()
    process.wait()
    os.close(slave)
    os.close(master)


def test_a_dead_screen_gives_its_terminal_back(screen: Screen) -> None:
    screen.show(b"SCREEN")
    assert termios.tcgetattr(screen.terminal) != screen.before
    os.kill(screen.pid, signal.SIGKILL)
    screen.show(b"yours again")
    after = screen.shown.partition(b"SCREEN")[2]
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1003l", b"\x1b[?2004l"):
        assert sequence in after
    assert termios.tcgetattr(screen.terminal) == screen.before


def test_a_screen_that_leaves_in_order_is_left_alone(screen: Screen) -> None:
    screen.show(b"SCREEN")
    os.write(screen.terminal, b"q")
    screen.show(b"JOINED")
    assert b"\x1b[?1049l" not in screen.shown


def test_a_terminal_is_saved_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    with open(slave, closefd=False) as keys:
        monkeypatch.setattr(sys, "stdin", keys)
        saved = saved_terminal()
        assert isinstance(saved, Terminal)
        assert saved.device == os.ttyname(slave)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert saved_terminal() is None
    os.close(slave)
    os.close(master)
