"""A real LV2 instrument plays one voice; when it dies or hangs, it does so alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.preset.preset import load_preset
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode

from tests.engine.jackd import JackServer, until
from tests.live.processes import children
from tests.live.show import Show, quick, show, stage_of
from tests.proof.hearing import peak

EPIANO = "http://drobilla.net/plugins/mda/EPiano"
HEARD = "ripieno-EPiano:left_out"
SOURCE = Path(__file__).parent / "hanging.c"
MANIFEST = """\
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix midi: <http://lv2plug.in/ns/ext/midi#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
<urn:ripieno:hanging> a lv2:Plugin, lv2:InstrumentPlugin ;
  lv2:binary <hanging.so> ; doap:name "Hanging" ;
  lv2:port [ a lv2:InputPort, atom:AtomPort ; lv2:index 0 ; lv2:symbol "midi" ; lv2:name "midi" ;
    atom:bufferType atom:Sequence ; atom:supports midi:MidiEvent ] ,
  [ a lv2:OutputPort, lv2:AudioPort ; lv2:index 1 ; lv2:symbol "out" ; lv2:name "out" ] .
"""

pytestmark = [
    pytest.mark.real_part,
    pytest.mark.skipif(
        not shutil.which("jalv") or not Path("/usr/lib/lv2/mda.lv2").is_dir(),
        reason="jalv or the mda-lv2 instruments are not installed",
    ),
]


def preset(folder: Path, instrument: str) -> Routing:
    """The routing of a preset in which the bass has an instrument of its own."""
    path = folder / "bass.toml"
    path.write_text(f'[routing]\noutputs = ["virtual"]\n[voices.bass]\ninstrument = "{instrument}"')
    return replace(load_preset(str(path)).routing, inputs=())


def jalv(realtime: int) -> int:
    """The process number of the instrument."""
    (found,) = (
        pid for pid in children(realtime) if Path(f"/proc/{pid}/comm").read_text().strip() == "jalv"
    )
    return found


def told(running: Show, words: str, what: str) -> None:
    running.until(lambda t: any(words in n.text for n in t.notices), what)


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGKILL, "EPiano has ended"), (signal.SIGSTOP, "EPiano hangs")]
)
def test_one_that_dies_or_stands_still_is_told_and_plays_again(
    number: signal.Signals, words: str, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=preset(tmp_path, f"lv2:{EPIANO}"))
    with show(stage) as running:
        running.beats_on(6)
        assert peak(mortal_jackd, HEARD) > 0.01
        first = jalv(running.realtime)
        steps = running.seen[-1].steps
        os.kill(first, number)
        told(running, words, "that it is told")
        told(running, "is back", "that it is back")
        assert running.seen[-1].steps > steps, "the music stood still"
        last = jalv(running.realtime)
        assert last != first
        running.beats_on(8)
        until(lambda: peak(mortal_jackd, HEARD) > 0.01, "the sound of the new one")
        running.send(Quit())
        running.until_over()
    until(lambda: not Path(f"/proc/{last}").exists(), "that the instrument has gone with us")


@pytest.mark.skipif(not shutil.which("gcc"), reason="gcc builds the instrument that hangs")
def test_one_that_never_returns_is_replaced_in_the_end(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "lv2" / "hanging.lv2"
    built.mkdir(parents=True)
    (built / "manifest.ttl").write_text(MANIFEST)
    words = ["gcc", "-shared", "-fPIC", "-o", str(built / "hanging.so"), str(SOURCE)]
    subprocess.run(words, check=True)
    monkeypatch.setenv("LV2_PATH", str(built.parent))
    outputs = (OutputSpec(OutputKind.NONE), OutputSpec(OutputKind.LV2, "urn:ripieno:hanging"))
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=Routing(outputs=outputs, inputs=()))
    with show(stage) as running:
        told(running, "hanging hangs", "that it is found out")
        told(running, "The built-in sound takes its place", "that it is given up")
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 32, "two bars more")
        until(lambda: peak(mortal_jackd, "ripieno-synth:left") > 0.01, "the built-in sound")
        assert not [p for p in children(running.realtime) if "jalv" in comm(p)]
        running.send(Quit())
        running.until_over()


def comm(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text()


def test_what_is_no_plug_in(tmp_path: Path, tiny: Path, mortal_jackd: JackServer) -> None:
    routing = preset(tmp_path, "lv2:http://example.org/nothing")
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing, bars=1)
    with show(stage) as running:
        running.until_over()
    (place,) = (n for n, text in enumerate(running.notices) if "jalv cannot play" in text)
    assert running.notices[place].startswith("No LV2 instrument")
    assert running.notices[place + 1] == "The built-in sound plays instead."
