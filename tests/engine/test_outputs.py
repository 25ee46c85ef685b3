"""Outputs: a MIDI port that a real recorder hears, and a synthesiser whose sound is measured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jack
import numpy as np
import pytest
from ripieno.errors import PortError, SoundError
from ripieno.midi import jack as jack_of_ours
from ripieno.outputs import fluidsynth
from ripieno.outputs.fluidsynth import FluidSynthOutput, FluidSynthRenderer
from ripieno.outputs.null import NullOutput
from ripieno.outputs.opening import open_outputs
from ripieno.outputs.port import PortOutput, open_output
from ripieno.outputs.soundfont import RATE, Renderer
from ripieno.outputs.spawned import SpawnedOutput, audio_devices, find_device
from ripieno.outputs.tinysoundfont import TinyRenderer
from ripieno.routing import OutputKind, OutputSpec, Routing

from tests.engine.fonts import BUILT_IN, HARPSICHORD, ORGAN
from tests.engine.jackd import JackServer, outlive_a_server, until


def problem_of(out: PortOutput | FluidSynthOutput | SpawnedOutput) -> str:
    out.check()
    return out.problem


@pytest.mark.real_part
def test_everything_leaves_in_order_even_right_before_the_end(jackd: JackServer) -> None:
    out = open_output(OutputSpec(OutputKind.VIRTUAL), "ordered")
    expected: list[tuple[int, ...]] = []
    with jackd.dump("listener") as dump:
        jackd.connect("ordered:out", dump.port)
        out.program(3, 19)
        expected.append((0xC3, 19))
        for pitch in range(0, 128, 3):  # the recorder takes no more than 127 messages at once
            out.note_on(pitch % 16, pitch, 1 + pitch % 127)
            out.note_off(pitch % 16, pitch)
            expected.append((0x90 | pitch % 16, pitch, 1 + pitch % 127))
            expected.append((0x80 | pitch % 16, pitch, 64))
        out.control(15, 64, 127)
        expected.append((0xBF, 64, 127))
        out.close()
    assert dump.messages == expected
    frames = [heard.frame for heard in dump.heard]
    assert frames == sorted(frames)


@pytest.mark.real_part
def test_silence_reaches_every_channel(jackd: JackServer) -> None:
    out = open_output(OutputSpec(OutputKind.VIRTUAL, "voices"), "silent")
    assert (out.name, out.client, out.port) == ('port "silent:voices"', "silent", "voices")
    with jackd.dump("listener") as dump:
        jackd.connect("silent:voices", dump.port)
        out.silence()
    expected = [(0xB0 | c, number, 0) for c in range(16) for number in (123, 120)]
    assert dump.messages == expected
    out.close()


@pytest.mark.real_part
def test_a_named_port_is_played_to_and_its_end_is_told(jackd: JackServer) -> None:
    with jackd.dump("piano") as dump:
        out = open_output(OutputSpec(OutputKind.PORT, "piano"), "player")
        out.note_on(0, 60, 100)
        assert problem_of(out) == ""
    assert dump.messages == [(0x90, 60, 100)]
    until(lambda: problem_of(out) != "", "the news that the piano has gone")
    assert "'piano:input' is gone" in out.problem
    out.note_off(0, 60)  # nobody hears it, nobody minds
    with jackd.dump("piano") as again:
        until(lambda: problem_of(out) == "", "the piano's return")
        out.note_on(0, 62, 100)
    assert again.messages == [(0x80, 60, 64), (0x90, 62, 100)], "what hung ends before all else"
    out.close()


@pytest.mark.real_part
def test_a_wrong_port_is_told_with_the_right_ones(jackd: JackServer) -> None:
    with (
        jackd.dump("piano"),
        pytest.raises(PortError, match=r"no MIDI port 'pinao:input'") as error,
    ):
        open_output(OutputSpec(OutputKind.PORT, "pinao:input"), "player")
    assert "Did you mean 'piano:input'?" in str(error.value)


class Ear:
    """A JACK client that records what comes to its one input."""

    def __init__(self, seconds: float) -> None:
        self.client: Any = jack.Client("ear", no_start_server=True)
        self.port: Any = self.client.inports.register("in")
        self.wanted = round(seconds * self.client.samplerate)
        self.blocks: list[Any] = []
        self.full = threading.Event()
        self.client.set_process_callback(self._hear)
        self.client.activate()

    def _hear(self, frames: int) -> None:
        if sum(map(len, self.blocks)) >= self.wanted:
            self.full.set()
        else:
            self.blocks.append(np.array(self.port.get_array()))


@pytest.mark.real_part
def test_fluidsynth_sounds_on_jack_at_the_right_pitch(jackd: JackServer) -> None:
    out = FluidSynthOutput(BUILT_IN, "jack", "sounding")
    assert out.name == "FluidSynth (jack), ripieno.sf2"
    assert {"sounding-synth:left", "sounding-synth:right"} <= set(jackd.ports())
    speakers = jack.Client("looker", no_start_server=True)
    left = speakers.get_port_by_name("sounding-synth:left")
    assert [p.name for p in speakers.get_all_connections(left)] == ["system:playback_1"]
    assert not speakers.get_ports("sounding-synth", is_midi=True)
    speakers.close()
    ear = Ear(1.0)
    jackd.connect("sounding-synth:left", "ear:in")
    out.program(0, ORGAN)
    out.note_on(0, 69, 100)
    assert ear.full.wait(20)
    ear.client.deactivate()
    rate = ear.client.samplerate
    ear.client.close()
    sound = np.concatenate(ear.blocks)[rate // 4 :]
    assert np.abs(sound).max() > 0.01
    assert nearest_harmonic_error(sound, rate, 440.0) < 2.0
    out.close()
    until(lambda: "sounding-synth:left" not in jackd.ports(), "the end of the synthesiser's ports")


@pytest.mark.real_part
def test_a_synthesiser_survives_its_server(tmp_path: Path) -> None:
    outlive_a_server(_survive_the_end, tmp_path / "log")


@pytest.mark.real_part
def test_a_synthesiser_survives_its_servers_death(tmp_path: Path) -> None:
    outlive_a_server(_survive_a_death, tmp_path / "log")


def _survive_the_end(mortal_jackd: JackServer) -> None:
    _survive(mortal_jackd, signal.SIGTERM)


def _survive_a_death(mortal_jackd: JackServer) -> None:
    _survive(mortal_jackd, signal.SIGKILL)


def _survive(mortal_jackd: JackServer, number: signal.Signals) -> None:
    out = FluidSynthOutput(BUILT_IN, "jack", "orphan")
    out.check()
    assert out.problem == ""
    mortal_jackd.stop(number)
    until(lambda: problem_of(out) != "", "the news that JACK has stopped")
    assert "JACK has stopped" in out.problem
    out.note_on(0, 60, 100)
    out.silence()
    mortal_jackd.start()
    until(lambda: problem_of(out) == "", "its return")
    ear = Ear(0.5)
    out.program(0, ORGAN)
    out.note_on(0, 69, 100)
    mortal_jackd.connect("orphan-synth:left", "ear:in")
    assert ear.full.wait(20)
    assert np.abs(np.concatenate(ear.blocks)).max() > 0.01
    out.close()
    jack_of_ours.abandon(ear.client)


@pytest.mark.real_part
def test_without_fluidsynth_a_process_of_its_own_sounds(
    jackd: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fluidsynth, "installed", lambda: False)
    outputs, missing = open_outputs(Routing(), BUILT_IN)
    assert missing == []
    out = outputs[0]
    assert isinstance(out, SpawnedOutput)
    ear = Ear(1.0)
    (playing,) = ear.client.get_ports("system:playback_1")
    until(lambda: bool(ear.client.get_all_connections(playing)), "PortAudio's connection")
    jackd.connect(ear.client.get_all_connections(playing)[0].name, "ear:in")
    out.program(0, ORGAN)
    out.note_on(0, 69, 100)
    assert ear.full.wait(20)
    ear.client.deactivate()
    rate = ear.client.samplerate
    ear.client.close()
    sound = np.concatenate(ear.blocks)[rate // 4 :]
    assert np.abs(sound).max() > 0.01
    assert nearest_harmonic_error(sound, rate, 440.0) < 2.0
    out.check()
    assert out.problem == ""
    out.silence()
    assert out._process.pid
    os.kill(out._process.pid, signal.SIGKILL)
    out._process.join()
    out.note_on(0, 69, 100)
    out.check()
    assert "takes no sound" in out.problem
    out.close()


def test_without_fluidsynth_and_device_one_sentence_tells(
    no_jack: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fluidsynth, "installed", lambda: False)
    outputs, missing = open_outputs(Routing(), BUILT_IN)
    assert [type(output) for output in outputs] == [NullOutput]
    assert missing[0].startswith("No sound: no audio device can be opened (")
    assert "Connect a sound card" in missing[0]


def test_a_device_is_chosen_by_any_part_of_its_name() -> None:
    devices = ("USB Audio: front", "USB Audio: rear", "system")
    assert find_device("REAR", devices) == "USB Audio: rear"
    assert find_device("system", devices) == "system"
    with pytest.raises(SoundError, match="fits more than one audio device"):
        find_device("usb", devices)
    with pytest.raises(SoundError, match=r"'jakc'; allowed: 'jack', .*Did you mean 'jack'\?"):
        find_device("jakc", devices, ("jack",))


@pytest.mark.real_part
def test_a_device_that_is_named_is_played_to(jackd: JackServer) -> None:
    found = audio_devices()
    assert "system" in found
    specs = (OutputSpec(OutputKind.SYNTH, "syst"),)
    outputs, missing = open_outputs(Routing(outputs=specs), BUILT_IN)
    assert missing == []
    assert isinstance(outputs[0], SpawnedOutput)
    outputs[0].close()
    specs = (OutputSpec(OutputKind.SYNTH, "sistem"),)
    outputs, missing = open_outputs(Routing(outputs=specs), BUILT_IN)
    assert "Did you mean 'system'?" in missing[0]


@pytest.mark.real_part
def test_a_device_that_dies_is_noticed_and_played_to_again(tmp_path: Path) -> None:
    outlive_a_server(_play_again, tmp_path / "log")


def _play_again(mortal_jackd: JackServer) -> None:
    out = SpawnedOutput(BUILT_IN)
    mortal_jackd.stop(signal.SIGKILL)
    until(lambda: problem_of(out) != "", "the news that the device takes no sound")
    out.note_on(0, 60, 100)
    mortal_jackd.start()
    until(lambda: problem_of(out) == "", "its return", 30)
    ear = Ear(0.5)
    (playing,) = ear.client.get_ports("system:playback_1")
    until(lambda: bool(ear.client.get_all_connections(playing)), "PortAudio's connection")
    mortal_jackd.connect(ear.client.get_all_connections(playing)[0].name, "ear:in")
    out.program(0, ORGAN)
    out.note_on(0, 69, 100)
    assert ear.full.wait(20)
    ear.client.deactivate()
    ear.client.close()
    assert np.abs(np.concatenate(ear.blocks)).max() > 0.01
    out.close()


def nearest_harmonic_error(sound: Any, rate: int, pitch: float) -> float:
    """How far, in Hz, the strongest frequency lies from a harmonic (or suboctave) of `pitch`."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    strongest = float(np.argmax(spectrum)) * rate / len(sound)
    harmonic = max(1, round(strongest / pitch))
    return min(abs(strongest - harmonic * pitch), abs(strongest - pitch / 2))


def test_no_audio_device_is_one_sentence_and_no_noise(
    no_jack: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(fluidsynth, "available_drivers", lambda: iter(()))
    with pytest.raises(SoundError, match="this machine has no audio device"):
        FluidSynthOutput(BUILT_IN)
    with pytest.raises(SoundError, match="'alsa' does not answer"):
        FluidSynthOutput(BUILT_IN, "alsa")
    with pytest.raises(SoundError, match=r"no audio driver 'jakc'; .*Did you mean 'jack'\?"):
        FluidSynthOutput(BUILT_IN, "jakc")
    monkeypatch.setattr(fluidsynth, "available_drivers", lambda: iter(("jack",)))
    with pytest.raises(SoundError, match=r"cannot be opened \(tried jack\)"):
        FluidSynthOutput(BUILT_IN)
    assert capfd.readouterr().out == ""


def test_drivers_are_looked_for_where_their_systems_live(
    no_jack: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    alsa = any(Path("/dev/snd").glob("pcm*p"))
    assert list(fluidsynth.available_drivers()) == ["alsa"] * alsa
    (tmp_path / "pipewire-0").touch()
    (tmp_path / "pulse").mkdir()
    (tmp_path / "pulse" / "native").touch()
    found = list(fluidsynth.available_drivers())
    assert found[:2] == ["pipewire", "pulseaudio"]


RENDERERS = [FluidSynthRenderer, TinyRenderer]


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("content", [b"", b"RIFF", b"no soundfont" * 9, "cut", "header only"])
def test_a_bad_soundfont_is_told(
    renderer: type[FluidSynthRenderer | TinyRenderer],
    content: bytes | str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "bad.sf2"
    whole = BUILT_IN.read_bytes()
    path.write_bytes(
        content if isinstance(content, bytes) else whole[: 12 if content != "cut" else 5000]
    )
    with pytest.raises(SoundError, match="not a soundfont, or it is damaged") as error:
        renderer(path)
    assert str(error.value).startswith(str(path))
    with pytest.raises(SoundError, match="no such file"):
        renderer(tmp_path / "none.sf2")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("program", [0, HARPSICHORD, ORGAN, 48, 52])
def test_five_voices_at_full_do_not_clip_and_are_heard(
    kind: type[FluidSynthRenderer | TinyRenderer], program: int
) -> None:
    renderer: Renderer = kind(BUILT_IN)
    for channel, pitch in enumerate((72, 67, 64, 48, 76)):
        renderer.program(channel, program)
        renderer.note_on(channel, pitch, 100)
    sound = np.frombuffer(renderer.render(3 * RATE), dtype=np.float32)
    assert len(sound) == 2 * 3 * RATE
    assert 0.05 < np.abs(sound).max() < 1.0
    for channel, pitch in enumerate((72, 67, 64, 48, 76)):
        renderer.note_off(channel, pitch)
    renderer.render(4 * RATE)
    rest = np.frombuffer(renderer.render(RATE // 10), dtype=np.float32)
    assert np.abs(rest).max() < 1e-3
    renderer.close()


@pytest.mark.parametrize("kind", RENDERERS)
def test_a_pedal_holds_and_a_silent_renderer_is_silent(
    kind: type[FluidSynthRenderer | TinyRenderer],
) -> None:
    renderer = kind(BUILT_IN)
    renderer.program(0, ORGAN)
    assert np.abs(np.frombuffer(renderer.render(1000), dtype=np.float32)).max() < 1e-6
    renderer.control(0, 64, 127)
    renderer.note_on(0, 60, 100)
    renderer.note_off(0, 60)
    renderer.render(2 * RATE)
    assert np.abs(np.frombuffer(renderer.render(RATE), dtype=np.float32)).max() > 0.01
    renderer.control(0, 64, 0)
    renderer.render(4 * RATE)
    assert np.abs(np.frombuffer(renderer.render(RATE), dtype=np.float32)).max() < 1e-3
    renderer.close()


def test_a_performance_goes_on_without_any_output(
    no_jack: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ripieno.midi import rtmidi_ports as midi

    monkeypatch.setattr(midi, "SEQUENCER", "/dev/none")
    monkeypatch.setattr(fluidsynth, "available_drivers", lambda: iter(()))
    monkeypatch.setattr(sys, "platform", "linux")
    specs = (
        OutputSpec(OutputKind.SYNTH),
        OutputSpec(OutputKind.VIRTUAL),
        OutputSpec(OutputKind.PORT, "piano"),
    )
    outputs, missing = open_outputs(Routing(outputs=specs), BUILT_IN)
    assert [type(output) for output in outputs] == [NullOutput]
    assert [sentence.partition(":")[0] for sentence in missing] == [
        "No sound",
        "No MIDI output of our own",
        "No MIDI output",
    ]
    assert "no audio device" in missing[0]
    assert "modprobe snd-seq" in missing[1]
    outputs, missing = open_outputs(Routing(outputs=(OutputSpec(OutputKind.NONE),)), BUILT_IN)
    assert (len(outputs), missing) == (1, [])


@pytest.mark.real_part
def test_all_outputs_open_together(jackd: JackServer) -> None:
    specs = (OutputSpec(OutputKind.SYNTH, "jack"), OutputSpec(OutputKind.VIRTUAL))
    outputs, missing = open_outputs(Routing(outputs=specs, client="both"), BUILT_IN)
    assert missing == []
    assert isinstance(outputs[0], FluidSynthOutput)
    assert isinstance(outputs[1], PortOutput)
    for output in outputs:
        output.note_on(0, 60, 100)
        output.silence()
        output.close()


def test_what_realtime_opens_loads_no_numpy() -> None:
    code = (
        "import sys\n"
        "import ripieno.midi.rtmidi_ports, ripieno.midi.midifile, ripieno.midi.jack\n"
        "import ripieno.guard, ripieno.takes.take\n"
        "import ripieno.outputs.opening, ripieno.outputs.fluidsynth, ripieno.outputs.port\n"
        "assert 'numpy' not in sys.modules and 'onnxruntime' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
