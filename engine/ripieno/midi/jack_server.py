"""How a JACK server runs, for those who look after it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ripieno.clock import Seconds
from ripieno.errors import PortError
from ripieno.midi.jack import open_client


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a JACK server runs: frames a second, frames to the period, load 0…100 %."""

    rate: int
    period: int
    realtime: bool
    load: float
    xruns: int
    """Periods that were missed while somebody looked."""


def server_state(seconds: Seconds) -> ServerState | None:
    """Look at the server for so long; None where none runs."""
    try:
        client = open_client("ripieno-doctor")
    except PortError:
        return None
    missed: list[float] = []
    client.set_xrun_callback(missed.append)
    client.activate()
    time.sleep(seconds)
    load = float(client.cpu_load())
    client.deactivate()
    state = ServerState(client.samplerate, client.blocksize, client.realtime, load, len(missed))
    client.close()
    return state
