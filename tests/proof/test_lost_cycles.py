"""Another program is too slow for JACK, which loses what was sent meanwhile: no note hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.settings import Mode
from ripieno.takes.facts import Sent

from tests.engine.jackd import JackServer
from tests.live import score_reader
from tests.live.show import OUT, quick, show, stage_of
from tests.proof.reader import notes_only, ons
from tests.proof.source import source

pytestmark = pytest.mark.real_part

STALLS, STALL = 60, 0.03
"""How often the other program takes so many seconds, which are six cycles, for one of them."""


def test_cycles_are_lost_and_every_note_ends(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener waits for that program in each cycle, and so misses what we send."""
    server = JackServer(f"ripieno-lossy-{os.getpid()}", tmp_path / "jackd.log", patient=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO))
    try:
        server.start()
        with show(stage) as running, source() as other, server.dump("listener") as dump:
            server.connect(other.port, dump.port)
            server.connect(OUT, dump.port)
            running.until(lambda t: t.beat > 6 and sum(map(bool, t.levels)) >= 3, "a chord")
            other.play(*(line for _ in range(STALLS) for line in (f"stall {STALL}", "wait 0.11")))
            running.send(Quit())
            running.until_over()
    finally:
        server.stop()
    heard = notes_only(dump.heard)
    sent = [f for f in running.take().facts if isinstance(f, Sent) and f.bytes.startswith("8")]
    assert "listener was not finished" in server.log.read_text(), "no cycle was lost"
    assert len(ons(heard)) > len(sent) / 2, "hardly anything was heard"
    assert score_reader.hanging(heard) == []
    assert [told for told in score_reader.unpaired(heard) if "struck twice" in told] == []
