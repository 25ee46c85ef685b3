"""MIDI ports against a real JACK server: hearing, playing, vanishing and coming back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.errors import PortError
from ripieno.events import (
    ClockTick,
    ClockTransport,
    ControlChange,
    NoteOff,
    NoteOn,
    PitchBend,
    ProgramChange,
    SongPosition,
    Stamped,
    Transport,
)
from ripieno.midi import rtmidi_ports as midi
from ripieno.midi.input import open_input, parse
from ripieno.midi.rtmidi_ports import Api, Port
from ripieno.outputs.port import PortOutput, open_output
from ripieno.routing import InputKind, InputSpec, OutputKind, OutputSpec

from tests.engine.jackd import JackServer, outlive_a_server, until

PLAYER = """
import sys, time, rtmidi
out = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="player")
out.open_virtual_port("out")
print("open", flush=True)
sys.stdin.readline()
for pitch in range(60, 72):
    out.send_message([0x92, pitch, 1 + pitch])
    out.send_message([0x92, pitch, 0] if pitch % 2 else [0x82, pitch, 64])
out.send_message([0xB2, 64, 127])
out.send_message([0xE2, 0, 64])
sys.stdin.readline()
"""


def problem_of(out: PortOutput) -> str:
    out.check()
    return out.problem


def test_bytes_become_messages() -> None:
    assert parse([0x9F, 60, 1]) == NoteOn(15, 60, 1)
    assert parse([0x90, 60, 0]) == NoteOff(0, 60)
    assert parse([0x83, 127, 64]) == NoteOff(3, 127)
    assert parse([0xB0, 64, 127]) == ControlChange(0, 64, 127)
    assert parse([0xE1, 0, 0]) == PitchBend(1, -8192)
    assert parse([0xE1, 127, 127]) == PitchBend(1, 8191)
    assert parse([0xE0, 0, 64]) == PitchBend(0, 0)
    assert parse([0xC3, 5]) == ProgramChange(3, 5)
    assert parse([0xF8]) == ClockTick()
    assert parse([0xFA]) == ClockTransport(Transport.START)
    assert parse([0xFB]) == ClockTransport(Transport.CONTINUE)
    assert parse([0xFC]) == ClockTransport(Transport.STOP)
    assert parse([0xF2, 1, 2]) == SongPosition(257)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([], id="nothing"),
        pytest.param([60, 100], id="running-status"),
        pytest.param([0x90, 60], id="cut"),
        pytest.param([0xC0, 200], id="no-program"),
        pytest.param([0xF0, 1, 2, 3, 0xF7], id="sysex"),
        pytest.param([0xF0, 1, 2], id="sysex-cut"),
        pytest.param([0x90, 200, 100], id="no-pitch"),
        pytest.param([0xFE], id="active-sensing"),
    ],
)
def test_what_no_performance_uses_is_nothing(data: list[int]) -> None:
    assert parse(data) is None


@given(st.binary(max_size=8))
def test_no_bytes_are_an_error(data: bytes) -> None:
    message = parse(data)
    match message:
        case NoteOn(channel, pitch, velocity):
            assert 0 <= channel <= 15 and 0 <= pitch <= 127 and 1 <= velocity <= 127
        case NoteOff(channel, pitch):
            assert 0 <= channel <= 15 and 0 <= pitch <= 127


PORTS = (
    Port(Api.ALSA, "Midi Through:Midi Through Port-0 14:0"),
    Port(Api.ALSA, "Launchkey Mini:Launchkey Mini MIDI 1 20:0"),
    Port(Api.ALSA, "Launchkey Mini:Launchkey Mini MIDI 2 20:1"),
)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Launchkey Mini:Launchkey Mini MIDI 2 20:1", 2),
        ("launchkey mini:launchkey mini midi 1", 1),
        ("MIDI 2", 2),
        ("through", 0),
    ],
)
def test_a_port_is_found_by_any_part_that_only_it_has(name: str, number: int) -> None:
    assert midi.find_port(name, PORTS) is PORTS[number]


@pytest.mark.parametrize(
    ("name", "ports", "sentence"),
    [
        ("launchkey", PORTS, "fits more than one MIDI port"),
        ("midi thruogh:midi through port-0", PORTS, "Did you mean"),
        ("x", (), "there is no MIDI port 'x'; allowed: none is there"),
    ],
)
def test_a_wrong_name_is_told_with_what_there_is(
    name: str, ports: tuple[Port, ...], sentence: str
) -> None:
    with pytest.raises(PortError, match=sentence):
        midi.find_port(name, ports)


def test_no_midi_system_is_a_reason_and_a_remedy(
    no_jack: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(midi, "SEQUENCER", "/dev/none")
    monkeypatch.setattr(sys, "platform", "linux")
    ports = midi.list_ports()
    assert ports.inputs == ports.outputs == ()
    assert any("sudo modprobe snd-seq" in reason for reason in ports.missing)
    assert any("no JACK server is running" in reason for reason in ports.missing)
    with pytest.raises(PortError, match=r"no MIDI system answers\. ALSA"):
        open_input(InputSpec(InputKind.VIRTUAL), "ripieno", lambda stamped: None)
    assert capfd.readouterr().err == ""


def test_a_file_is_no_port() -> None:
    with pytest.raises(PortError, match="is a MIDI file"):
        open_input(InputSpec(InputKind.FILE, "x.mid"), "ripieno", lambda stamped: None)


@pytest.mark.real_part
def test_what_another_process_plays_is_heard_in_order(jackd: JackServer, tmp_path: Path) -> None:
    heard: list[Stamped] = []
    heard_in = open_input(InputSpec(InputKind.VIRTUAL), "hearing", heard.append)
    player = subprocess.Popen(
        [sys.executable, "-c", PLAYER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert player.stdin and player.stdout
    player.stdout.readline()
    jackd.connect("player:out", "hearing-in:in")
    player.stdin.write("\n")
    player.stdin.flush()
    until(lambda: len(heard) >= 26, "twelve notes, a pedal and the wheel")
    player.communicate("\n", timeout=10)
    until(lambda: len(heard) >= 27, "the end of the pedal that was down when the player left")
    heard_in.close()
    expected = [
        message
        for pitch in range(60, 72)
        for message in (NoteOn(2, pitch, 1 + pitch), NoteOff(2, pitch))
    ]
    assert [stamped.message for stamped in heard] == [
        *expected,
        ControlChange(2, 64, 127),
        PitchBend(2, 0),
        ControlChange(2, 64, 0),
    ]
    stamps = [stamped.at for stamped in heard]
    assert stamps == sorted(stamps)


@pytest.mark.real_part
def test_a_named_port_is_listed_heard_lost_and_heard_again(jackd: JackServer) -> None:
    keyboard = PortOutput("keyboard", "keys", virtual=True)
    until(lambda: Port(Api.JACK, "keyboard:keys") in midi.list_ports().inputs, "the keyboard")
    heard: list[Stamped] = []
    heard_in = open_input(InputSpec(InputKind.PORT, "keyb"), "hearing", heard.append)
    assert heard_in.check() == ""
    keyboard.note_on(0, 60, 100)
    until(lambda: len(heard) == 1, "the first note")
    keyboard.close()
    until(lambda: "'keyboard:keys' is gone. Plug it in" in heard_in.check(), "news of the loss")
    assert heard_in.lost
    assert heard_in.check() == ""  # told once
    keyboard = PortOutput("keyboard", "keys", virtual=True)
    until(lambda: heard_in.check() == "The MIDI port 'keyboard:keys' is back.", "its return")
    assert not heard_in.lost
    keyboard.note_off(0, 60)
    until(lambda: len(heard) == 2, "the second note")
    assert heard[1].message == NoteOff(0, 60)
    keyboard.close()
    heard_in.close()


@pytest.mark.real_part
def test_ports_come_back_with_the_server(tmp_path: Path) -> None:
    outlive_a_server(_come_back, tmp_path / "log")


def _come_back(mortal_jackd: JackServer) -> None:
    heard: list[Stamped] = []
    heard_in = open_input(InputSpec(InputKind.VIRTUAL), "phoenix", heard.append)
    out = open_output(OutputSpec(OutputKind.VIRTUAL), "phoenix")
    mortal_jackd.stop()
    until(lambda: "JACK has stopped" in heard_in.check(), "the news that JACK has stopped")
    until(lambda: problem_of(out) != "", "the same news of the output")
    assert "JACK has stopped" in out.problem
    out.note_on(0, 60, 100)  # into the void, and without an error
    mortal_jackd.start()
    until(lambda: "'phoenix-in:in' is back" in heard_in.check(), "the input's return")
    until(lambda: problem_of(out) == "", "the output's return")
    mortal_jackd.connect("phoenix:out", "phoenix-in:in")
    out.note_on(0, 61, 100)
    until(lambda: len(heard) == 1, "a note through the new server")
    assert heard[0].message == NoteOn(0, 61, 100)
    out.close()
    heard_in.close()


@pytest.mark.real_part
def test_a_taken_name_is_told_as_jack_changed_it(jackd: JackServer) -> None:
    first = PortOutput("twin", "out", virtual=True)
    second = PortOutput("twin", "out", virtual=True)
    assert first.client == "twin"
    assert second.client != "twin"
    assert {f"{first.client}:out", f"{second.client}:out"} <= set(jackd.ports())
    second.close()
    first.close()
