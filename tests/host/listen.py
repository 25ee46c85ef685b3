"""Listens to a JACK audio port from a process of its own: `python -m tests.host.listen 1.0 PORT`.

Prints the loudest sample that came, as a number.
"""

from __future__ import annotations

import sys
import time
from array import array

import jack


def main(seconds: float, port: str) -> None:
    client = jack.Client("ripieno-listener", no_start_server=True)
    ear = client.inports.register("ear")
    peak = 0.0

    @client.set_process_callback  # type: ignore[untyped-decorator]
    def listen(frames: int) -> None:
        nonlocal peak
        samples = array("f", bytes(ear.get_buffer()))
        peak = max(peak, *map(abs, samples))

    with client:
        client.connect(port, ear)
        time.sleep(seconds)
    print(peak)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
