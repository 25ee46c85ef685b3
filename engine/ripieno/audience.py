"""Those who look on: the client, whoever is told over OSC, the lights of a controller."""

from __future__ import annotations

import select
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from ripieno.channel import Sender
from ripieno.clock import Seconds
from ripieno.errors import RipienoError
from ripieno.events import Telemetry
from ripieno.inference.hosts import Hosts
from ripieno.instruments import Instruments
from ripieno.orders import Orders
from ripieno.performance import Performance
from ripieno.stage import Stage
from ripieno.telemetry import Observer

if TYPE_CHECKING:
    from ripieno.osc.station import OscStation

LAST_WORDS = 0.5
"""Seconds that a client gets to read the last telemetry."""


class Audience:
    """All of them. Whoever does not read in time is told less, and holds up nobody."""

    def __init__(
        self,
        client: Connection,
        station: OscStation | None,
        performance: Performance,
        observer: Observer,
        hosts: Hosts,
        instruments: Instruments,
        orders: Orders,
    ) -> None:
        self._client: Sender[Telemetry] = Sender(client)
        self._station, self._performance, self._observer = station, performance, observer
        self._hosts, self._instruments, self._orders = hosts, instruments, orders

    def tell(self, now: Seconds, *, ended: bool = False) -> None:
        """Tell them how it is at `now`; when it has `ended`, wait until the client has read that.
        Raises Closed when the client has gone."""
        observer, orders = self._observer, self._orders
        observer.models = self._hosts.titles
        observer.outputs = self._instruments.output_names
        observer.scene, observer.coming = orders.scenes.current, orders.coming
        if ended or not self._client.full or self._station:
            telemetry = observer.telemetry(now, ended=ended)
            if self._station:
                self._station.tell(telemetry)
            if ended or not self._client.full:
                self._client.send(telemetry)
        orders.board.show(self._performance.settings, orders.lit())
        while ended and self._client.full:  # the last words must arrive
            _, writable, _ = select.select([], [self._client], [], LAST_WORDS)
            if not writable:
                return


def open_station(stage: Stage, performance: Performance, stack: ExitStack) -> OscStation | None:
    """The OSC that `stage` asks for, closed with `stack`; None where it asks for none, or it
    cannot be had, which the player is told."""
    if stage.osc is None:
        return None
    from ripieno.osc.station import OscStation  # only where it is asked for: python-osc

    try:
        station = OscStation(stage.osc, stage.set_list)
    except RipienoError as error:
        performance.say(str(error), urgent=True)
        return None
    stack.callback(station.close)
    performance.say(f"OSC is heard at {stage.osc.hear[0]}:{stage.osc.hear[1]}")
    return station
