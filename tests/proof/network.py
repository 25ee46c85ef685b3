"""Two networks that only a relay joins, in namespaces of this kernel, and qmidinet in each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.engine.jackd import JackServer, until

GROUP = "225.0.0.37:21928"
"""qmidinet's own address and port, where nobody sets another."""
WAIT = 30.0
_HOME = Path(__file__).resolve().parents[2]


@dataclass
class Wire:
    """The relay between the two. After the block that made it, `told` says what it did."""

    told: dict[str, dict[str, int]] = field(default_factory=dict)


class Networks:
    """Three namespaces: one for each machine, one for the relay between them."""

    def __init__(self) -> None:
        """Skips the test where the kernel allows none, or `ip` or `unshare` is missing."""
        if missing := [name for name in ("ip", "unshare", "nsenter") if not shutil.which(name)]:
            pytest.skip(f"{missing[0]} is not installed")
        root = os.geteuid() == 0
        self._holders: list[subprocess.Popen[bytes]] = []
        self.middle = self._hold(["unshare", *([] if root else ["-Ur"]), "--net"], [])
        self._user = [] if root else [f"--user=/proc/{self.middle}/ns/user"]
        self.machines = [self._hold(["unshare", "--net"], self.inside(self.middle)) for _ in "ab"]
        for name, number, pid in zip("ab", (1, 2), self.machines, strict=True):
            inner = ["peer", "name", "eth", "netns", str(pid)]
            self._ip(self.middle, "link", "add", f"to-{name}", "type", "veth", *inner)
            self._up(self.middle, f"to-{name}", f"10.77.{number}.1/24")
            self._up(pid, "eth", f"10.77.{number}.2/24")
            self._ip(pid, "route", "add", "224.0.0.0/4", "dev", "eth")

    def _hold(self, words: list[str], inside: list[str]) -> int:
        """A process that keeps a namespace: its number."""
        holder = subprocess.Popen([*inside, *words, "sleep", "600"], stderr=subprocess.PIPE)
        self._holders.append(holder)

        def apart() -> bool:
            if holder.poll() is not None:
                assert holder.stderr
                why = holder.stderr.read().decode(errors="replace").strip()
                self.close()
                pytest.skip(f"this kernel gives us no network namespace: {why}")
            return _network(holder.pid) not in [_network(os.getpid())] + [
                _network(other.pid) for other in self._holders if other is not holder
            ]

        until(apart, "a network namespace", WAIT)
        return holder.pid

    def inside(self, pid: int) -> list[str]:
        """The words before a command that shall run in the namespace of `pid`."""
        user = getattr(self, "_user", [f"--user=/proc/{pid}/ns/user"] * (os.geteuid() != 0))
        keep = ["--preserve-credentials"] if user else []
        return ["nsenter", *user, *keep, f"--net=/proc/{pid}/ns/net"]

    def _up(self, pid: int, device: str, address: str) -> None:
        self._ip(pid, "addr", "add", address, "dev", device)
        self._ip(pid, "link", "set", device, "up")
        self._ip(pid, "link", "set", "lo", "up")

    def _ip(self, pid: int, *words: str) -> None:
        done = subprocess.run(
            [*self.inside(pid), "ip", *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            self.close()
            pytest.skip(f"this kernel does not let us make networks: {done.stderr.strip()}")

    @contextmanager
    def wire(self, delay: float = 0.0, jitter: float = 0.0, loss: float = 0.0) -> Iterator[Wire]:
        """What one sends reaches the other `delay` ms later, or not at all."""
        words = ["--delay", str(delay), "--jitter", str(jitter), "--loss", str(loss)]
        ends = [f"to-{name}=10.77.{number}.1" for name, number in (("a", 1), ("b", 2))]
        program = [sys.executable, "-m", "tests.proof.relay", *ends, "--group", GROUP, *words]
        relay = subprocess.Popen(
            [*self.inside(self.middle), *program], cwd=_HOME, stdout=subprocess.PIPE, text=True
        )
        made = Wire()
        assert relay.stdout
        try:
            assert relay.stdout.readline().strip() == "ready"
            yield made
        finally:
            relay.terminate()
            told = relay.stdout.read()
            relay.wait(WAIT)
        made.told = json.loads(told)

    @contextmanager
    def qmidinet(self, machine: int, jack: JackServer, log: Path) -> Iterator[tuple[str, str]]:
        """qmidinet on that machine, on JACK: the names of its ports, out of it and into it."""
        if not shutil.which("qmidinet"):
            pytest.skip("qmidinet is not installed")
        before = set(jack.ports())
        options = ["--no-gui", "-n", "1", "-i", "eth", "-a", "0", "-j", "1"]
        variables = {**os.environ, **jack.environment, "QT_QPA_PLATFORM": "offscreen"}
        with log.open("ab") as file:
            program = subprocess.Popen(
                [*self.inside(self.machines[machine]), "qmidinet", *options],
                env={**variables, "HOME": str(log.parent)},
                stdout=file,
                stderr=file,
            )
        try:
            until(lambda: len(set(jack.ports()) - before) >= 2, "qmidinet on JACK", WAIT)
            ports = sorted(set(jack.ports()) - before)
            yield next(p for p in ports if "out" in p), next(p for p in ports if "in" in p)
        finally:
            program.terminate()
            program.wait(WAIT)

    def close(self) -> None:
        """The namespaces go with those who keep them."""
        for holder in self._holders:
            holder.kill()
            holder.wait(WAIT)


def _network(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""
