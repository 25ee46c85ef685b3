"""A recorder on JACK for more than jack_midi_dump takes: that one drops what exceeds its buffer.

`python -m tests.proof.recorder CLIENT` opens the port CLIENT:input and, when it is told to end by
the end of its input, writes what came: one line for each message, its frame and its bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jack

from tests.engine.jackd import SETTLED, Dump, Heard, JackServer
from tests.live.player import ROOT


@contextmanager
def recording(server: JackServer, client: str) -> Iterator[Dump]:
    """Records all MIDI that comes to the port CLIENT:input while the block runs."""
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.recorder", client],
            cwd=ROOT,
            env={**os.environ, **server.environment},
            stdin=subprocess.PIPE,
            stdout=told,
            text=True,
        )
        server.wait_for(f"{client}:input")
        dump = Dump(f"{client}:input")
        try:
            yield dump
            time.sleep(SETTLED)
        finally:
            process.communicate(timeout=60)
            told.seek(0)
            for line in told:
                frame, data = line.split()
                dump.heard.append(Heard(int(frame), tuple(bytes.fromhex(data))))


def main(name: str) -> None:
    client: Any = jack.Client(name)
    port = client.midi_inports.register("input")
    heard: list[tuple[int, bytes]] = []

    def process(frames: int) -> None:
        begin = client.last_frame_time
        for offset, data in port.incoming_midi_events():
            heard.append((begin + offset, bytes(data)))

    client.set_process_callback(process)
    client.activate()
    sys.stdin.read()
    client.deactivate()
    client.close()
    for frame, data in heard:
        print(frame, data.hex())


if __name__ == "__main__":
    main(sys.argv[1])
