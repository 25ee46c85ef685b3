"""How loud a port on JACK is, heard from a process of its own: `python -m tests.proof.hearing`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from array import array

import jack

from tests.engine.jackd import JackServer


def peak(server: JackServer, port: str, seconds: float = 1.0) -> float:
    """The loudest sample of `port` within so long; 0 where there is no such port."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.proof.hearing", str(seconds), port],
        env={**os.environ, **server.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(seconds: float, port: str) -> None:
    client = jack.Client("ripieno-listener", no_start_server=True)
    ear = client.inports.register("ear")
    loudest = 0.0

    @client.set_process_callback  # type: ignore[untyped-decorator]
    def listen(frames: int) -> None:
        nonlocal loudest
        samples = array("f", bytes(ear.get_buffer()))
        loudest = max(loudest, *map(abs, samples))

    with client:
        try:
            client.connect(port, ear)
        except jack.JackError:
            print(0.0)
            return
        time.sleep(seconds)
    print(loudest)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
