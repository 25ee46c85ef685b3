"""A mode and a rule of a plug-in that never return, inside C, while the music is heard on JACK."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.events import Telemetry
from ripieno.settings import Mode, Rules
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import read

from tests.engine.jackd import JackServer
from tests.host.conftest import patient, strangers
from tests.live import score_reader
from tests.live.processes import family, gone
from tests.live.show import OUT, quick, show, stage_of
from tests.proof.reader import notes_only

__all__ = ["patient", "strangers"]
pytestmark = pytest.mark.real_part
MODE = "The mode 'deaf' of strangers took longer than 20 ms: solo takes over"
RULE = "The constraint 'deaf' of strangers does not return: it is switched off"


def test_both_are_named_and_the_music_goes_on(
    strangers: Path, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    settings = replace(quick(Mode.SOLO, rules=Rules(more_hard=("deaf",))), own_mode="deaf")
    stage = stage_of(tmp_path, tiny, settings)
    stage = replace(stage, model=replace(stage.model, rules=("deaf",)))
    with show(stage) as running, mortal_jackd.dump("listener") as dump:
        mortal_jackd.connect(OUT, dump.port)

        def told(telemetry: Telemetry) -> bool:
            return {MODE, RULE} <= set(running.notices)

        running.until(told, "that both are named")
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 64, "four bars of the model")
        members = family(running.realtime)
        running.send(Quit())
        running.until_over()
    gone(members, "the end of the whole family")
    assert score_reader.hanging(notes_only(dump.heard)) == []
    assert running.notices.count(RULE) == 1
    assert "Traceback" not in stage.log.read_text(errors="replace")
    assert sum("is being started again" in text for text in running.notices) == 1


@pytest.mark.usefixtures("patient")
def test_a_take_with_a_strangers_mode_is_computed_again(
    strangers: Path, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    """The performance alone, with the mode in its process once more: the same bytes."""
    settings = replace(quick(Mode.ANSWER), own_mode="their_answer")
    stage = stage_of(tmp_path, tiny, settings, guest=None)
    with show(stage) as running:
        running.until(lambda t: t.steps > 24, "some answers")
        running.send(Quit())
        running.until_over()
    assert first_difference(read(stage.take)) is None
