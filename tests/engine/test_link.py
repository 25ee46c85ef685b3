"""Realtime's end of the inference process: whoever dies is missed, whenever it is found out."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ripieno.events import InferenceReady
from ripieno.inference.link import InferenceLink, ModelSpec

from tests.engine.asking import request
from tests.engine.bundles import Recipe, write_bundle
from tests.engine.jackd import until


def test_a_death_that_a_request_meets_first_is_told_by_receive(tmp_path: Path) -> None:
    link = InferenceLink(
        ModelSpec(write_bundle(tmp_path / "tiny", Recipe()), "auto"), tmp_path / "log"
    )
    try:
        until(lambda: any(isinstance(m, InferenceReady) for m in link.receive()), "the model")
        assert link.pid
        os.kill(link.pid, signal.SIGKILL)
        until(lambda: not link._process.is_alive(), "its end")
        for _ in range(3):
            link.ask(request(0, 0, 1))
        assert link.alive, "nobody has been told yet"
        assert not list(link.receive())
        assert not link.alive
        link.ask(request(1, 1, 2))
    finally:
        link.close()
