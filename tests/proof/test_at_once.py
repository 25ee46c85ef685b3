"""Two performances that are started at the same moment, in one folder, both play and are kept."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from ripieno.takes.facts import NoteStarted
from ripieno.takes.take import SUFFIX, read

from tests.live.command import playing

pytestmark = [pytest.mark.real_part, pytest.mark.timeout(300)]


def test_two_that_are_started_at_once_both_play(tmp_path: Path, tiny: Path) -> None:
    words = ["--model", str(tiny), "--out", "none", "--bars", "1", "--bpm", "200", "--mode", "solo"]
    with ExitStack() as stack:
        both = [stack.enter_context(playing(tmp_path, words)) for _ in range(2)]
        codes = [running.ends(120) for running in both]
        assert codes == [0, 0], [running.errors() for running in both]
    takes = sorted((tmp_path / "takes").glob(f"*{SUFFIX}"))
    assert len(takes) == 2
    for path in takes:
        assert any(isinstance(fact, NoteStarted) for fact in read(path).facts)
        assert path.with_suffix(".mid").exists()
    told = [{line for line in running.said if line.endswith(".mid")} for running in both]
    assert told[0].isdisjoint(told[1]) and len(told[0] | told[1]) == 2
