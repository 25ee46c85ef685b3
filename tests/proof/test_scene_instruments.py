"""A scene brings a soundfont and an LV2 instrument while the music plays, and takes them back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ripieno.commands import Quit, Recall
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode
from ripieno.takes.facts import NoteEnded, NoteStarted
from ripieno.takes.rerun import first_difference

from tests.engine.jackd import JackServer, until
from tests.live.processes import children
from tests.live.show import quick, show, stage_of
from tests.proof.hearing import peak
from tests.proof.test_lv2 import EPIANO, comm

BASS = 3
FIRST, SECOND = "ripieno-synth:left", "ripieno-2-synth:left"
EPIANO_PORT = "ripieno-2-1-EPiano:left_out"

pytestmark = [
    pytest.mark.real_part,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not shutil.which("jalv") or not Path("/usr/lib/lv2/mda.lv2").is_dir(),
        reason="jalv or the mda-lv2 instruments are not installed",
    ),
]


def heard(server: JackServer, *ports: str) -> None:
    for port in ports:
        until(lambda port=port: peak(server, port) > 0.01, f"sound from {port}", 60.0)  # type: ignore[misc]


def test_a_scene_brings_a_soundfont_and_an_instrument_and_takes_them_back(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    synth = OutputSpec(OutputKind.SYNTH)
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=Routing(outputs=(synth,), inputs=()))
    others = tuple(channel for channel in range(16) if channel != BASS)
    outputs = (
        OutputSpec(OutputKind.SYNTH, channels=others),
        OutputSpec(OutputKind.LV2, EPIANO, channels=(BASS,)),
    )
    settings = stage.preset.settings
    scene = Recall("B", settings, routing=Routing(outputs=outputs, inputs=(), soundfont="gm"))
    with show(stage) as running:
        heard(mortal_jackd, FIRST)
        before = running.seen[-1].outputs
        running.send(scene)
        there = running.until(lambda t: t.scene == "B", "the scene").outputs
        assert len(there) == 2 and there[1] == "LV2 EPiano" and there[0] != before[0], there
        heard(mortal_jackd, SECOND, EPIANO_PORT)
        until(lambda: FIRST not in mortal_jackd.ports(), "that the old one is closed", 60.0)
        steps = running.until(lambda t: True, "what is played").steps
        running.send(Recall(stage.preset.name, settings))
        back = running.until(lambda t: t.outputs == before, "what was there at first")
        assert back.steps > steps, "the music went on"
        gone = lambda: not [p for p in children(running.realtime) if comm(p) == "jalv\n"]  # noqa: E731
        until(gone, "that the instrument has gone", 60.0)
        running.send(Quit())
        running.until_over()
    assert first_difference(running.take()) is None, "the take knows all of it"
    facts = running.take().facts
    begun = [(f.channel, f.pitch) for f in facts if isinstance(f, NoteStarted)]
    ended = [(f.channel, f.pitch) for f in facts if isinstance(f, NoteEnded)]
    assert sorted(begun) == sorted(ended)
    assert not [text for text in running.notices if text.startswith("No ")], running.notices
