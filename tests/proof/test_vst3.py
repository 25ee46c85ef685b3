"""A real VST3 instrument plays one voice; when it is late, dies or hangs, the music goes on."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from ripieno.clock import Seconds
from ripieno.commands import Quit
from ripieno.instruments import Instruments
from ripieno.outputs import vst3
from ripieno.outputs.ahead import Ahead
from ripieno.outputs.messages import note_on
from ripieno.outputs.speakers import DeviceSpeakers
from ripieno.outputs.vst3_plugin import Vst3Plugin
from ripieno.preset.preset import load_preset
from ripieno.resources import soundfont_path
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode

from tests.engine.jackd import JackServer, until
from tests.live.processes import children
from tests.live.show import Show, quick, show, stage_of
from tests.proof.hearing import peak
from tests.proof.kars import kars
from tests.proof.test_lv2 import EPIANO

pytestmark = pytest.mark.real_part

HEARD, SYNTH = "ripieno-Kars:left", "ripieno-synth:left"
LIBRARY = "pedalboard_native"


@pytest.fixture(scope="module")
def plugin() -> Path:
    return kars()


@pytest.fixture
def routing(plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Routing:
    """Of a preset in which the bass has that instrument, found by its name."""
    monkeypatch.setenv("VST3_PATH", str(plugin.parent))
    return routing_of(tmp_path, "Release = 0.2")


def routing_of(folder: Path, parameters: str) -> Routing:
    path = folder / "bass.toml"
    path.write_text(
        '[routing]\noutputs = ["none"]\n[voices.bass]\ninstrument = "vst3:Kars"\n'
        f"parameters = {{ {parameters} }}"
    )
    return replace(load_preset(str(path)).routing, inputs=())


def instrument(realtime: int, besides: int = 0) -> int:
    """The process number of the instrument, another one than `besides`: it has pedalboard."""

    def found() -> list[int]:
        return [pid for pid in children(realtime) if pid != besides and has_loaded(pid)]

    until(lambda: bool(found()), "the instrument's process", 60)
    (process,) = found()
    return process


def has_loaded(process: int) -> bool:
    try:
        return LIBRARY in Path(f"/proc/{process}/maps").read_text()
    except OSError:  # it has just ended
        return False


def told(running: Show, words: str, what: str) -> None:
    running.until(lambda t: any(words in n.text for n in t.notices), what)


def loud(server: JackServer, port: str) -> Callable[[], bool]:
    return lambda: peak(server, port) > 0.01


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGSEGV, "Kars has ended its process"), (signal.SIGSTOP, "Kars makes no more sound")],
)
def test_one_that_crashes_or_hangs_is_replaced_and_comes_back(
    number: signal.Signals, words: str, routing: Routing, tmp_path: Path, tiny: Path,
    mortal_jackd: JackServer,
) -> None:  # fmt: skip
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing)
    with show(stage) as running:
        first = instrument(running.realtime)
        assert not has_loaded(running.realtime), "pedalboard is in the realtime process"
        until(loud(mortal_jackd, HEARD), "its sound", 60)
        steps = running.seen[-1].steps
        os.kill(first, number)
        told(running, words, "that it is told")
        told(running, "Kars is back", "that it is back")
        assert running.seen[-1].steps > steps, "the music stood still"
        last = instrument(running.realtime, besides=first)
        until(loud(mortal_jackd, HEARD), "the sound of the new one", 60)
        running.send(Quit())
        running.until_over()
    until(lambda: not Path(f"/proc/{last}").exists(), "that the instrument has gone with us")


@pytest.mark.skipif(not shutil.which("jalv"), reason="jalv is not installed")
def test_both_kinds_come_back_with_the_server(
    routing: Routing, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    piano = OutputSpec(OutputKind.LV2, EPIANO, channels=(0,))
    both = replace(routing, outputs=(*routing.outputs, piano))
    ports = (HEARD, "ripieno-EPiano:left_out")
    with show(stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=both)) as running:
        for port in ports:
            until(loud(mortal_jackd, port), f"the sound of {port}", 60)
        mortal_jackd.stop()
        running.until(
            lambda t: any("VST3 Kars: " in n.text and "JACK" in n.text for n in t.notices),
            "that it is told",
        )
        steps = running.seen[-1].steps
        running.until(lambda t: t.steps >= steps + 16, "a bar without JACK")
        mortal_jackd.start()
        for port in ports:
            until(loud(mortal_jackd, port), f"the sound of {port} again", 90)
        running.send(Quit())
        running.until_over()


def test_one_that_does_not_do_is_told_and_replaced(
    routing: Routing, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    stage = stage_of(tmp_path, tiny, quick(Mode.SOLO), routing=routing_of(tmp_path, "Relase = 0.2"))
    with show(stage) as running:
        told(running, "no parameter 'Relase'", "that it is told")
        (sentence,) = [each for each in running.notices if "Relase" in each]
        assert "Did you mean 'Release'?" in sentence
        assert "The built-in sound takes its place" in sentence
        until(loud(mortal_jackd, SYNTH), "the built-in sound", 60)
        running.send(Quit())
        running.until_over()


@pytest.fixture
def instruments(
    plugin: Path, jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instruments]:
    """The built-in sound, and one voice's instrument, that nobody waits for."""
    monkeypatch.setattr(vst3, "AT_ONCE", 0.0)
    outputs = (
        OutputSpec(OutputKind.SYNTH, "jack", channels=(0,)),
        OutputSpec(OutputKind.VST3, str(plugin), channels=(3,)),
    )
    routing = Routing(outputs=outputs, inputs=(), client="loading")
    opened = Instruments.open(routing, soundfont_path(), lambda stamped: None)
    assert opened.problems == []
    yield opened
    opened.close()


def test_the_built_in_sound_plays_until_it_is_loaded(
    instruments: Instruments, jackd: JackServer
) -> None:
    def strike(pitch: int) -> None:
        for lane in instruments.lanes:
            lane.put(Seconds(time.perf_counter()), note_on(3, pitch, 100))
            lane.pump(Seconds(time.perf_counter()))

    synth, bass = instruments.lanes
    assert synth.begins == {0, 3} and not bass.begins
    strike(40)
    until(loud(jackd, "loading-synth:left"), "the built-in sound")

    def there() -> bool:
        instruments.check()
        return bass.begins == {3}

    until(there, "the instrument", 60)
    assert synth.begins == {0}

    def heard() -> bool:
        strike(52)
        return peak(jackd, "loading-Kars:left") > 0.01

    until(heard, "the instrument's sound", 60)


def test_it_sounds_through_an_audio_device_too(plugin: Path, jackd: JackServer) -> None:
    """PortAudio, as where no JACK server runs; its device is JACK's here, for want of another."""
    spawn = multiprocessing.get_context("spawn")
    heard, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_through_a_device, args=(tell, plugin))
    process.start()
    tell.close()
    try:
        assert heard.poll(60), "it does not sound"
        assert heard.recv() > 0.01
    finally:
        process.kill()
        process.join()


def _through_a_device(tell: Connection, plugin: Path) -> None:
    """In a process of its own, as PortAudio likes it: the loudest that the device took of it."""
    speakers = DeviceSpeakers()
    ahead = Ahead(Vst3Plugin(plugin, (), float(speakers.rate)), speakers.rate, speakers.depth)
    loudest = 0.0

    def fill(start: int, frames: int) -> list[bytes] | None:
        nonlocal loudest
        block = ahead.take(start, frames)
        if block:
            loudest = max(loudest, *map(abs, memoryview(block.sides[0]).cast("f")))
        return block.sides if block else None

    speakers.start(fill)
    ahead.tell(None, note_on(0, 60, 100))
    while not loudest:
        ahead.make()
    tell.send(loudest)
