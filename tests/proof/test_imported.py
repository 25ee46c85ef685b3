"""A decoder that optimum has exported is imported by the command, and answers a phrase live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ripieno.events import Phase
from ripieno.settings import Mode
from ripieno.takes.take import NoteStarted, Source

from tests.engine.jackd import JackServer
from tests.host.imports import exported, tokenizer
from tests.live import score_reader
from tests.live.player import phrase, player
from tests.live.show import IN, OUT, TUNE, Show, quick, show, stage_of
from tests.proof.reader import notes_only

pytestmark = pytest.mark.real_part

BPM = 160.0
ROUNDS = 10
"""Its weights are random, so a short answer may be a rest: it is asked until it has played."""


def started(running: Show, source: Source) -> list[NoteStarted]:
    """The notes of `source`, by the journal."""
    facts = running.take().facts
    return [fact for fact in facts if isinstance(fact, NoteStarted) and fact.source is source]


def test_it_answers_what_was_played(tmp_path: Path, mortal_jackd: JackServer) -> None:
    source = exported("mistral-merged", tokenizer("REMI", merges=True), tmp_path)
    home = tmp_path / "data"
    command = [sys.executable, "-m", "ripieno", "models", "import", str(source), "--name", "guest"]
    environment = os.environ | {"XDG_DATA_HOME": str(home)}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=240)
    assert done.returncode == 0, done.stderr.decode()
    bundle = home / "ripieno" / "zoo" / "guest"
    stage = stage_of(tmp_path, bundle, quick(Mode.ANSWER, BPM))
    with show(stage) as running, player() as hands, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)
        mortal_jackd.connect(hands.port, IN)
        for asked in range(1, ROUNDS + 1):
            hands.play(*phrase(TUNE, 60.0 / BPM))
            running.in_phase(Phase.ANSWERING)
            running.in_phase(Phase.IDLE)
            if started(running, Source.MODEL):
                break
        assert len(started(running, Source.PLAYER)) == asked * len(TUNE)
        assert started(running, Source.MODEL)
        assert not [text for text in running.notices if "stopped" in text or "failed" in text]
    assert "Traceback" not in stage.log.read_text(errors="replace")
    heard = notes_only(dump.heard)
    assert score_reader.hanging(heard) == []
    assert score_reader.unpaired(heard) == []
