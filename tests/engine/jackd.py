"""A real JACK server with a dummy device, under a name of its own, and a recorder for its MIDI."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

PERIOD, RATE = 256, 48000
SETTLED = 0.1
"""Seconds in which jack_midi_dump writes down what it has heard, on a busy machine too."""
_ON, _OFF = 0x90, 0x80
_LINE = re.compile(r"^\s*(\d+):((?: [0-9a-f]{2})+)(?: |$)")


@dataclass(frozen=True)
class Heard:
    """A message that jack_midi_dump wrote down, at a frame of the server's clock."""

    frame: int
    data: tuple[int, ...]


@dataclass
class Dump:
    """A running jack_midi_dump; after the block that made it, `heard` holds what came."""

    port: str
    heard: list[Heard] = field(default_factory=list)
    file: int | None = None

    def so_far(self) -> list[Heard]:
        """What it has written down while it runs."""
        with open(f"/proc/self/fd/{self.file}") as told:
            return list(_messages(told))

    @property
    def messages(self) -> list[tuple[int, ...]]:
        return [heard.data for heard in self.once]

    @property
    def once(self) -> list[Heard]:
        """All but what is told again after the server has lost a cycle: ends that were heard."""
        ended: set[tuple[int, ...]] = set()
        found: list[Heard] = []
        for heard in self.heard:
            kind, cell = heard.data[0] & 0xF0, (heard.data[0] & 0x0F, *heard.data[1:2])
            if kind == _OFF and cell in ended:
                continue
            found.append(heard)
            if kind == _OFF:
                ended.add(cell)
            elif kind == _ON:
                ended.discard(cell)
        return found


class JackServer:
    """A jackd of our own. Its environment names it, so that no other server is ever touched.

    A `patient` one waits for its clients, so that a busy machine hardly loses a cycle of theirs.
    """

    def __init__(self, name: str, log: Path, *, patient: bool = True) -> None:
        self.name, self.log = name, log
        self._patience = ("-S",) if patient else ()
        self.environment = {"JACK_DEFAULT_SERVER": name, "JACK_NO_AUDIO_RESERVATION": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        realtime = ("-R", "-P", "70") if os.geteuid() == 0 else ("-r",)
        device = ("-d", "dummy", "-r", str(RATE), "-p", str(PERIOD), "-C", "2", "-P", "2")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["jackd", "-n", self.name, "-p", "64", *realtime, *self._patience, *device],
                env=self._env(),
                stdout=log,
                stderr=log,
            )
        try:
            self.wait_for("system:playback_1")
        except pytest.fail.Exception as late:
            pytest.fail(f"{late}; jackd says:\n{self.log.read_text(errors='replace')}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process
        self._process.send_signal(number)
        self._process.wait(30)  # a second server of this name may only start after that

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def ports(self) -> list[str]:
        return self._run("jack_lsp")

    def wait_for(self, port: str) -> None:
        until(lambda: port in self.ports(), f"{port} on JACK")

    def connect(self, source: str, destination: str) -> None:
        """Connect two ports, as soon as they can be: a port is there before its client is.

        Comes back when what is sent arrives, which is a cycle after the server has agreed.
        """

        def connected() -> bool:
            self._run("jack_connect", source, destination)
            return f"   {destination}" in self._run("jack_lsp", "-c", source)

        until(connected, f"the connection of {source} to {destination}")

    def _run(self, *words: str) -> list[str]:
        """What one of JACK's own programs says, line by line."""
        done = subprocess.run(words, env=self._env(), capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    @contextmanager
    def dump(self, name: str) -> Iterator[Dump]:
        """Records all MIDI that comes to the port NAME:input while the block runs."""
        with tempfile.TemporaryFile("w+") as told:  # a pipe that nobody reads would fill up
            process = subprocess.Popen(
                ["jack_midi_dump", "-a", name],
                env=self._env(),
                stdout=told,
                stderr=subprocess.DEVNULL,
            )
            self.wait_for(f"{name}:input")
            dump = Dump(f"{name}:input", file=told.fileno())
            try:
                yield dump
                _settle(told)
            finally:
                process.terminate()
                process.wait(30)
                told.seek(0)
                dump.heard = list(_messages(told))


def _settle(told: IO[str]) -> None:
    """Wait until what was sent has come, a period later, and is written down: nothing is added."""
    size = -1
    while size != (size := os.fstat(told.fileno()).st_size):
        time.sleep(SETTLED)


def _messages(told: IO[str]) -> Iterator[Heard]:
    """What jack_midi_dump wrote down."""
    for line in told:
        if match := _LINE.match(line):
            yield Heard(int(match[1]), tuple(bytes.fromhex(match[2])))


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait until `true()`; fail with `what` was awaited when it never comes."""
    latest = time.monotonic() + seconds
    while not true():
        if time.monotonic() > latest:
            pytest.fail(f"{what} did not come within {seconds:g} s")
        time.sleep(0.02)


def pytest_sessionstart() -> None:
    """What killed servers of former runs have left takes no place from this one."""
    forget_dead_servers()


@pytest.fixture(scope="session")
def jack_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    """One server for the whole run; tests ask for `jackd`, which also names it to the libraries."""
    if sys.platform != "linux" or not shutil.which("jackd"):
        pytest.skip("jackd is not installed")
    server = JackServer(f"ripieno-{os.getpid()}", tmp_path_factory.mktemp("jack") / "jackd.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def jackd(jack_session: JackServer, monkeypatch: pytest.MonkeyPatch) -> JackServer:
    """A running JACK server, which every JACK client of this test joins."""
    for name, value in jack_session.environment.items():
        monkeypatch.setenv(name, value)
    return jack_session


def forget_dead_servers() -> None:
    """Free the places that killed servers of ours still take in JACK's registry.

    It has room for eight names, and a server that was killed keeps its place until one of the
    same name starts. Ours are named after processes, so the places would run out one by one.
    """
    registry = Path("/dev/shm/jack-shm-registry")
    if not registry.exists():
        return
    with registry.open("r+b") as file:
        data = file.read(_HEADER + _PLACES * _PLACE)
        if struct.unpack_from("<i", data, _LENGTH_AT)[0] != len(data):
            return  # another version of JACK: let it be
        for place in range(_HEADER, len(data), _PLACE):
            (pid,) = struct.unpack_from("<i", data, place)
            if pid and b"ripieno" in data[place : place + _PLACE] and not _lives(pid):
                file.seek(place)
                file.write(bytes(_PLACE))


_HEADER, _PLACE, _PLACES, _LENGTH_AT = 24, 264, 8, 16
"""Bytes of the registry's head and of a server's place in it, and where their sum is told."""


def _lives(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def outlive_a_server(what: Callable[[JackServer], None], log: Path) -> None:
    """Run `what`, a function of a module, with a server that it may stop and start.

    It runs in a process of its own: JACK's library keeps the traces of a dead server.
    """
    if not shutil.which("jackd"):
        pytest.skip("jackd is not installed")
    name = f"ripieno-mortal-{os.getpid()}"
    process = multiprocessing.get_context("spawn").Process(target=_outlive, args=(what, name, log))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        pytest.fail(f"{what.__name__} hangs")
    assert process.exitcode == 0, f"{what.__name__} has failed; see its traceback above"


def _outlive(what: Callable[[JackServer], None], name: str, log: Path) -> None:
    server = JackServer(name, log)
    os.environ.update(server.environment)
    server.start()
    try:
        what(server)
    finally:
        server.stop()


@pytest.fixture
def no_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    """No JACK server answers in this test, whatever runs on the machine."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"ripieno-none-{os.getpid()}")
