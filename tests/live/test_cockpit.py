"""Knobs, lamps and OSC at a running performance: real ports, a real socket. The knobs are a program
of its own, the lamps are read by jack_midi_dump; tests/proof has OSC with liblo's programs.
"""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.commands import FOOTSWITCHES, Action, Learn, LearnAll, Recall
from ripieno.midi.controls_file import path as controls_path
from ripieno.osc.address import LOOPBACK, OscSpec
from ripieno.settings import Mode
from ripieno.takes.facts import Mark, Marked
from ripieno.takes.rerun import first_difference

from tests.engine.jackd import JackServer, until
from tests.engine.test_osc import packet, unpacked
from tests.live.box import box
from tests.live.command import RIPIENO, environment
from tests.live.show import Show, quick, show, stage_of
from tests.live.terminal import terminal

pytestmark = pytest.mark.real_part

ENTER, ESCAPE, LEAVE, F3, F5 = "\r", "\x1b", "\x11", "\x1bOR", "\x1b[15~"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def temperature(running: Show, value: float) -> None:
    running.until(
        lambda t: abs(t.settings.sampling.temperature - value) < 0.06, f"temperature {value}"
    )


def test_a_knob_learns_turns_and_its_lamp_follows(
    home: Path, tiny: Path, jackd: JackServer
) -> None:
    file = controls_path()
    file.parent.mkdir(parents=True)
    with jackd.dump("lamps") as lamps, box() as controller:
        file.write_text('["port \\"ripieno-in:in\\""]\nlamps = "lamps:input"\n')
        with show(stage_of(home, tiny, quick(Mode.SOLO))) as running:
            controller.connect()
            running.send(Learn("temperature"))
            running.until(lambda _: any("Touch" in n for n in running.notices), "learning")
            controller.turn(21, 64)
            running.until(lambda _: any("turns temperature" in n for n in running.notices), "it")
            for value, wanted in ((127, 2.0), (0, 0.1)):
                controller.turn(21, value)
                temperature(running, wanted)
            lit = len(lamps.so_far())
            running.client.send(_recall(running))
            lamp = (0xB0, 21, 60)
            until(lambda: lamp in [m.data for m in lamps.so_far()[lit:]], "the lamp at 1.0", 60)
    assert 'temperature = ["cc 21 on channel 1"]' in file.read_text()


def _recall(running: Show) -> Recall:
    settings = running.seen[-1].settings
    sampling = replace(settings.sampling, temperature=1.0)
    return Recall("one", replace(settings, sampling=sampling))


def test_one_command_maps_eight_footswitches_and_they_act(
    home: Path, tiny: Path, jackd: JackServer
) -> None:
    stage = stage_of(home, tiny, quick(Mode.SOLO))
    stage = replace(stage, set_list=(Recall("next one", replace(stage.preset.settings, bpm=200)),))
    with box() as controller, show(stage) as running:
        controller.connect()
        running.send(LearnAll())
        running.until(lambda _: any("eight switches" in n for n in running.notices), "the order")
        for number in range(len(FOOTSWITCHES)):
            known = len(running.notices)
            controller.turn(80 + number, 127)
            running.until(lambda _, n=known: len(running.notices) > n, "it is learnt")  # type: ignore[misc]
            controller.turn(80 + number, 0)
        controller.turn(80 + FOOTSWITCHES.index(Action.NEXT), 127)
        running.until(lambda t: t.scene == "next one" and t.settings.bpm == 200, "the next preset")
        controller.turn(80 + FOOTSWITCHES.index(Action.PANIC), 127)
        running.until(lambda t: not t.playing, "panic")
    marks = [f.mark for f in running.take().facts if isinstance(f, Marked)]
    assert Mark.PANIC in marks
    assert first_difference(running.take()) is None, "a recall is played again as it was"


def test_osc_turns_what_it_names_and_tells_what_it_became(
    home: Path, tiny: Path, no_jack: None
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((LOOPBACK, 0))
        client.settimeout(0.2)
        port = _free_port()
        stage = stage_of(home, tiny, quick(Mode.SOLO))
        stage = replace(stage, osc=OscSpec((LOOPBACK, port), (client.getsockname(),)))
        with show(stage) as running:
            client.sendto(packet("/ripieno/temperature", 1.5), (LOOPBACK, port))
            temperature(running, 1.5)
            assert _told(client, "/ripieno/temperature", 1.5)
            client.sendto(packet("/ripieno/temprature", 1.5), (LOOPBACK, port))
            assert _told(client, "/ripieno/error", None)
            client.sendto(packet("/ripieno/like"), (LOOPBACK, port))
            running.until(lambda _: any("liked" in n for n in running.notices), "it is noted")


def test_the_first_minute_ends_in_a_jam_on_a_real_terminal(
    tmp_path: Path, jackd: JackServer
) -> None:
    words = ("play", "--out", "virtual", "--no-wav", "--takes", str(tmp_path / "takes"))
    with terminal([*RIPIENO, *words], environment(tmp_path)) as screen:
        screen.until("The first minute, 1 of 3")
        screen.press("p")
        screen.press(ENTER)
        screen.until("ripieno ports")
        screen.press(ENTER)
        screen.until("Play C to G")
        screen.until("your turn", seconds=60)  # the model is there
        for letter in "zxcvb":
            screen.press(letter)
        screen.until("and jam")
        screen.press(ENTER)
        screen.until("answering", seconds=40)
        screen.press(F3)
        screen.until("scene: with you")
        screen.press(F5)
        screen.until("This take is being made now")
        screen.press(ESCAPE)
        screen.until("Space plays on")
        screen.press(LEAVE)
        assert screen.ends() == 0
        assert screen.settings == screen.before
    assert (tmp_path / "data" / "ripieno" / "welcomed").exists()
    assert b"Traceback" not in screen.written


def _told(client: socket.socket, address: str, value: float | None) -> bool:
    """Whether `address` is told with `value`, or with anything if that is None."""
    latest = time.monotonic() + 20
    while time.monotonic() < latest:
        try:
            told, (said, *_) = unpacked(client.recv(4096))
        except TimeoutError:
            continue
        if told == address and (value is None or said == pytest.approx(value)):
            return True
    return False


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
