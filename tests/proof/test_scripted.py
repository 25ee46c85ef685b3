"""A scripted performance on the real screen in a real terminal, heard by programs that are none of
ours: jack_midi_dump writes down the music and the lamps, liblo's oscsend and oscdump speak OSC.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mido
import pytest

from tests.engine.jackd import Dump, Heard, JackServer, until
from tests.live import score_reader
from tests.live.box import box
from tests.live.command import RIPIENO, environment
from tests.live.show import OUT
from tests.live.tmux import Pane, pane

pytestmark = [pytest.mark.real_part, pytest.mark.timeout(400)]

LARGE, SMALL = (120, 40), (80, 24)
YOURS = 4
"""The channel of the player's own notes."""
CONTROLLER = 21


def needed(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@contextmanager
def told_by_osc(port: int) -> Iterator[Path]:
    """oscdump, listening at `port`: the file that it writes to."""
    file = Path(os.environ.get("TMPDIR", "/tmp")) / f"oscdump-{os.getpid()}"
    with file.open("w") as out:
        process = subprocess.Popen(["oscdump", "-L", str(port)], stdout=out)
    try:
        yield file
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        file.unlink()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on(heard: list[Heard], channel: int) -> list[int]:
    """The pitches struck on a channel."""
    return [m.data[1] for m in heard if score_reader.is_on(m) and m.data[0] & 0x0F == channel]


def machine(heard: list[Heard]) -> int:
    """How many notes the four voices struck."""
    return sum(len(on(heard, channel)) for channel in range(4))


@pytest.fixture
def stage(tmp_path: Path, jackd: JackServer) -> Iterator[tuple[Pane, Dump, Dump, Path, int, Path]]:
    """The screen in its first minute, listeners for music, lamps and OSC."""
    needed("tmux", "oscsend", "oscdump")
    variables = {**environment(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    config = tmp_path / "config" / "ripieno" / "controls.toml"
    config.parent.mkdir(parents=True)
    config.write_text('# by hand\n["port \\"ripieno-in:in\\""]\nlamps = "lamps:input"\n')
    ports = free_port(), free_port()
    words = ("play", "--out", "virtual", "--bpm", "160", "--takes", str(tmp_path / "takes"))
    osc = ("--osc", str(ports[0]), "--osc-to", str(ports[1]), "--no-wav")
    with (
        pane("scripted") as screen,
        jackd.dump("lamps") as lamps,
        jackd.dump("music") as music,
        told_by_osc(ports[1]) as told,
    ):
        screen.start([*RIPIENO, *words, *osc], variables, LARGE)
        screen.shows("The first minute, 1 of 3")
        jackd.wait_for(OUT)
        jackd.connect(OUT, music.port)
        yield screen, music, lamps, told, ports[0], tmp_path


def test_a_scripted_performance(
    stage: tuple[Pane, Dump, Dump, Path, int, Path], jackd: JackServer
) -> None:
    screen, music, lamps, told, osc, folder = stage
    first_minute(screen, music)
    both_layers(screen, music)
    every_shelf(screen)
    a_scene_and_back(screen)
    a_controller_learns(screen, lamps)
    osc_speaks(screen, told, osc)
    looks_and_sizes(screen)
    the_end(screen, music, folder)


def first_minute(screen: Pane, music: Dump) -> None:
    """Sound, port, C to G; then an answer of four voices that another program hears."""
    screen.keys("p")
    until(lambda: len(on(music.so_far(), YOURS)) >= 5, "five notes to hear", 60)
    screen.keys("Enter", "Enter")
    screen.shows("Play C to G")
    screen.shows("your turn")  # the model is there
    before = len(on(music.so_far(), YOURS))
    screen.keys("z", "x", "c", "v", "b")
    screen.shows("and jam")
    screen.keys("Enter")
    screen.shows("answering")
    until(lambda: machine(music.so_far()) > 4, "an answer", 60)
    assert on(music.so_far(), YOURS)[before:][:5] == [60, 62, 64, 65, 67]


def both_layers(screen: Pane, music: Dump) -> None:
    """Letters are notes, then commands; the corner says which, and the values move."""
    screen.shows("PLAY", "temp ‹1.00›")
    screen.keys("q")
    until(lambda: 72 in on(music.so_far(), YOURS), "q is a note", 60)
    screen.keys("Right", "Up")
    screen.shows("temp ‹1.05›", "tempo ‹161›")
    screen.keys("Tab")
    screen.shows("COMMAND", "controls")
    screen.keys("m")
    screen.shows("mode ‹accompany›")
    screen.keys("M", "M")
    screen.shows("mode ‹solo›", "playing")
    screen.keys("3", "(")
    screen.shows("mute", "density ( ) ‹0.95›")
    silent = len(on(music.so_far(), 2))
    going_on = machine(music.so_far())
    until(lambda: machine(music.so_far()) > going_on + 8, "the other voices", 60)
    assert len(on(music.so_far(), 2)) <= silent + 1, "one that was on its way at the most"
    screen.keys("3")
    until(lambda: len(on(music.so_far(), 2)) > silent + 1, "the tenor again", 60)
    screen.click(*screen.find("tempo ↑↓ ‹"))
    screen.shows("tempo ↑↓ ‹160›")
    screen.keys("Z")
    screen.shows("Tempo is as it was", "tempo ↑↓ ‹161›")
    screen.keys("V", "}")
    screen.shows("The alto's lowest note: {", "{F#3}–")
    screen.keys("{")
    screen.shows("{F3}–")


def every_shelf(screen: Pane) -> None:
    """Each shelf opens over the music, says what it holds, and closes."""
    for key, words in (
        ("F2", "Old Hundredth"),
        ("F3", "scene: with you"),
        ("F4", "licence Apache-2.0"),
        ("F5", "This take is being made now"),
        ("F6", "soprano: lowest"),
    ):
        screen.keys(key)
        screen.shows(words, "Esc", "panic", "close")
        screen.keys("q")
        screen.hides("close")
        screen.shows("COMMAND")
    screen.keys("?")
    screen.shows("How it fares", "model step")
    screen.keys("q")
    screen.hides("How it fares")


def a_scene_and_back(screen: Pane) -> None:
    """A scene comes at the bar line with mode and sounds, and is taken back."""
    screen.keys("F3")
    screen.shows("scene: with you")
    screen.keys("/", "f", "i", "r", "s", "t")
    until(lambda: "first" in map(str.strip, screen.rows), "what is looked for", 60)
    screen.keys("Enter")
    until(lambda: "first" not in map(str.strip, screen.rows), "the list again", 60)
    screen.keys("Down")
    screen.shows("name with you")
    screen.keys("Enter")
    screen.shows("comes at the next bar")
    screen.keys("q")
    screen.shows("mode ‹accompany›", "‹strings›")
    screen.keys("Z")
    screen.shows("comes back at the next bar")
    screen.shows("mode ‹solo›", "‹organ›")


def a_controller_learns(screen: Pane, lamps: Dump) -> None:
    """Learn, a control, a knob: it turns, and its lamp follows what is turned elsewhere."""
    with box() as controller:
        controller.connect()
        screen.keys("j")
        screen.shows("Learn: now the key")
        screen.keys("Right")
        screen.shows("Touch the control")
        controller.turn(CONTROLLER, 64)
        screen.shows("turns temperature")
        controller.turn(CONTROLLER, 127)
        screen.shows("temp ←→ ‹2.00›")
        screen.keys("Left")
        screen.shows("temp ←→ ‹1.95›")

        def lit() -> list[int]:
            known = lamps.so_far()
            return [m.data[2] for m in known if m.data[:2] == (0xB0, CONTROLLER)]

        until(lambda: lit()[-1:] == [124], "the lamp at 1.95 of 0.1 to 2", 60)


def osc_speaks(screen: Pane, told: Path, port: int) -> None:
    """Another program turns a control by its name, and is told what became of it."""
    send = ("oscsend", "127.0.0.1", str(port))
    subprocess.run([*send, "/ripieno/temperature", "f", "0.8"], check=True)
    screen.shows("temp ←→ ‹0.80›")
    until(lambda: "/ripieno/temperature f 0.8" in told.read_text(), "what it became", 60)
    subprocess.run([*send, "/ripieno/mute_alto", "f", "1"], check=True)
    screen.shows("╌ mute ╌")
    until(lambda: "/ripieno/mute_alto" in told.read_text(), "the mute", 60)
    subprocess.run([*send, "/ripieno/mute_alto", "f", "0"], check=True)
    screen.hides("╌ mute ╌")


def looks_and_sizes(screen: Pane) -> None:
    """Themes, a smaller window in the middle of it, the compact form, and back."""
    screen.keys("F7")
    screen.shows("Theme: light")
    screen.resize(SMALL)
    screen.hides("density")
    screen.shows("temp ‹0.80›", "COMMAND", "Esc panic")
    assert all(len(row) <= SMALL[0] for row in screen.rows)
    screen.keys("F8")
    screen.hides("temp ‹")
    screen.keys("F8")
    screen.resize(LARGE)
    screen.shows("density ( ) ‹", "planned")


def the_end(screen: Pane, music: Dump, folder: Path) -> None:
    """Panic silences; it plays on; leaving gives the terminal back and keeps the take."""
    screen.keys("Escape")
    screen.shows("Space plays on")
    until(lambda: any(map(score_reader.silences, music.so_far())), "silence on every channel", 60)
    assert score_reader.hanging(music.so_far()) == []
    stopped = machine(music.so_far())
    screen.keys("Space")
    until(lambda: machine(music.so_far()) > stopped, "it plays on", 60)
    screen.keys("q")
    screen.shows("ended with 0", ".mid")
    assert score_reader.hanging(music.so_far()) == []
    (kept,) = (folder / "takes").glob("*.mid")
    assert {m.program for m in mido.MidiFile(kept) if m.type == "program_change"} >= {19, 48}
    mapping = (folder / "config" / "ripieno" / "controls.toml").read_text()
    assert "# by hand" in mapping
    assert f'temperature = ["cc {CONTROLLER} on channel 1"]' in mapping
