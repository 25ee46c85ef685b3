"""A wire between two networks that takes its time and loses things: `python -m tests.proof.relay`.

It takes what is sent to a multicast group on each of two interfaces to the other one, each packet
`--delay` ms later, give or take `--jitter` ms, and never the share `--loss` of them. At SIGTERM it
says as JSON how many it took and lost, each way.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from itertools import count

LARGEST = 2048


@dataclass
class End:
    """One of the two interfaces, by its name and its address."""

    name: str
    address: str
    group: tuple[str, int]
    took: int = 0
    lost: int = 0
    hears: socket.socket = field(init=False)
    tells: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.hears, self.tells = self._socket(), self._socket()
        group, port = self.group
        here = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton(self.address))
        self.hears.bind((group, port))
        self.hears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, here)
        own = socket.inet_aton(self.address)
        self.tells.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        self.tells.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)

    def _socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.name.encode())
        return made


def relay(one: End, other: End, delay: float, jitter: float, loss: float) -> None:
    """Until SIGTERM. Seconds; packets of one way never overtake each other."""
    chance, order = random.Random(1), count()
    waiting: list[tuple[float, int, End, bytes]] = []
    last = {one.name: 0.0, other.name: 0.0}
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([one.hears, other.hears], [], [], pause)
        now = time.monotonic()
        for source, target in ((one, other), (other, one)):
            if source.hears not in ready:
                continue
            packet = source.hears.recv(LARGEST)
            source.took += 1
            if chance.random() < loss:
                source.lost += 1
                continue
            at = max(last[source.name], now + delay + chance.uniform(-jitter, jitter))
            last[source.name] = at
            heapq.heappush(waiting, (at, next(order), target, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(waiting)
            target.tells.sendto(packet, target.group)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ends", nargs=2, type=lambda text: text.split("="), help="NAME=ADDRESS")
    parser.add_argument("--group", required=True, help="ADDRESS:PORT")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--loss", type=float, default=0.0)
    options = parser.parse_args()
    group, _, port = options.group.partition(":")
    one, other = (End(name, here, (group, int(port))) for name, here in options.ends)

    def leave(*_: object) -> None:
        told = {end.name: {"took": end.took, "lost": end.lost} for end in (one, other)}
        print(json.dumps(told), flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    relay(one, other, options.delay / 1000, options.jitter / 1000, options.loss)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
