"""A real LV2 instrument plays one voice; when it dies, it dies alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.commands import Quit
from ripieno.outputs.lane import Lane
from ripieno.preset.preset import load_preset
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode

from tests.engine.jackd import JackServer, until
from tests.fakes import FakeOutput
from tests.live.processes import children
from tests.live.show import quick, show, stage_of

EPIANO = "http://drobilla.net/plugins/mda/EPiano"
NAME = "ripieno-EPiano"
SOURCE = Path(__file__).parent / "hanging.c"

needs_lv2 = pytest.mark.skipif(
    not shutil.which("jalv") or not Path("/usr/lib/lv2/mda.lv2").is_dir(),
    reason="jalv or the mda-lv2 instruments are not installed",
)


def preset(folder: Path, instrument: str) -> Routing:
    """The routing of a preset in which the bass has an instrument of its own."""
    path = folder / "bass.toml"
    path.write_text(f'[routing]\noutputs = ["virtual"]\n[voices.bass]\ninstrument = "{instrument}"')
    return replace(load_preset(str(path)).routing, inputs=())


def test_one_voice_alone(tmp_path: Path) -> None:
    path = tmp_path / "bass.toml"
    path.write_text(f'[voices.bass]\ninstrument = "lv2:{EPIANO}"')
    synth, own = load_preset(str(path)).routing.outputs
    assert own == OutputSpec(OutputKind.LV2, EPIANO, channels=(3,))
    assert synth.kind is OutputKind.SYNTH
    assert synth.channels == (*range(3), *range(4, 16))


def test_a_lane_is_deaf_to_other_channels() -> None:
    output = FakeOutput()
    lane = Lane(output, channels=(3,))
    for channel in range(16):
        lane.put(0.0, (0x90 | channel, 60, 80))  # type: ignore[arg-type]
    lane.pump(1.0)  # type: ignore[arg-type]
    assert set(output.sounding) == {(3, 60)}


@needs_lv2
@pytest.mark.real_part
def test_a_real_instrument_sounds_and_dies_alone(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    routing = preset(tmp_path, f"lv2:{EPIANO}")
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing)
    with show(stage) as running:
        running.beats_on(6)
        assert peak(mortal_jackd) > 0.01
        first = jalv(running.realtime)
        os.kill(first, signal.SIGKILL)
        running.until(
            lambda t: any("EPiano has ended" in n.text for n in t.notices), "that it is told"
        )
        until(lambda: f"{NAME}:event_in" in mortal_jackd.ports(), "the instrument again")
        running.until(lambda t: any("is back" in n.text for n in t.notices), "that it is back")
        assert jalv(running.realtime) != first
        running.beats_on(8)
        assert peak(mortal_jackd) > 0.01
        last = jalv(running.realtime)
        running.send(Quit())
        running.until_over()
    until(lambda: not Path(f"/proc/{last}").exists(), "that the instrument has gone with us")


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


@needs_lv2
@pytest.mark.real_part
@pytest.mark.skipif(not shutil.which("gcc"), reason="gcc builds the instrument that hangs")
def test_one_that_never_returns_holds_nobody_up(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "lv2" / "hanging.lv2"
    built.mkdir(parents=True)
    (built / "manifest.ttl").write_text(MANIFEST)
    words = ["gcc", "-shared", "-fPIC", "-o", str(built / "hanging.so"), str(SOURCE)]
    subprocess.run(words, check=True)
    monkeypatch.setenv("LV2_PATH", str(built.parent))
    outputs = (OutputSpec(OutputKind.NONE), OutputSpec(OutputKind.LV2, "urn:ripieno:hanging"))
    routing = Routing(outputs=outputs, inputs=())
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing)
    with show(stage) as running:
        instrument = jalv(running.realtime)
        running.beats_on(8)  # two seconds: now it hangs
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 64, "four bars more")
        stat = Path(f"/proc/{instrument}/stat").read_text().rpartition(")")[2].split()
        assert int(stat[11]) / os.sysconf("SC_CLK_TCK") > 0.5, "it does not even compute"
        running.send(Quit())
        running.until_over()
    until(lambda: not Path(f"/proc/{instrument}").exists(), "that it has gone with us")


@needs_lv2
@pytest.mark.real_part
def test_what_is_no_plug_in(tmp_path: Path, tiny: Path, mortal_jackd: JackServer) -> None:
    routing = preset(tmp_path, "lv2:http://example.org/nothing")
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing, bars=1)
    with show(stage) as running:
        running.until_over()
    assert any("No LV2 instrument: jalv cannot play" in text for text in running.notices)


def jalv(realtime: int) -> int:
    """The process number of the instrument."""
    (found,) = (
        pid for pid in children(realtime) if Path(f"/proc/{pid}/comm").read_text().strip() == "jalv"
    )
    return found


def peak(server: JackServer) -> float:
    """The loudest sample of the instrument within a second."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.host.listen", "1.0", f"{NAME}:left_out"],
        env={**os.environ, **server.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
