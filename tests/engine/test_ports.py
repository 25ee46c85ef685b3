"""What `ripieno ports` tells, with a JACK server and without anything."""

from __future__ import annotations

import sys

import pytest
from ripieno.midi import rtmidi_ports as midi
from ripieno.midi.listing import describe_ports
from ripieno.midi.rtmidi_ports import Api, Port
from ripieno.outputs import fluidsynth, tinysoundfont
from ripieno.outputs.port import PortOutput

from tests.engine.fonts import BUILT_IN
from tests.engine.jackd import JackServer


@pytest.mark.real_part
def test_what_is_there_is_named(jackd: JackServer) -> None:
    keyboard = PortOutput("keyboard", "keys", virtual=True)
    with jackd.dump("piano"):
        found = describe_ports()
    keyboard.close()
    assert Port(Api.JACK, "keyboard:keys") in found.inputs
    assert Port(Api.JACK, "piano:input") in found.outputs
    assert "jack" in found.audio
    assert BUILT_IN.resolve() in [font.resolve() for font in found.soundfonts]
    assert not any("JACK" in sentence for sentence in found.missing)


def test_what_is_missing_is_told_with_its_remedy(
    no_jack: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(midi, "SEQUENCER", "/dev/none")
    monkeypatch.setattr(fluidsynth, "available_drivers", lambda: iter(()))
    found = describe_ports()
    assert found.inputs == found.outputs == found.audio == ()
    told = " ".join(found.missing)
    for remedy in ("sudo modprobe snd-seq", "jackd -d alsa", "Connect a sound card"):
        assert remedy in told
    monkeypatch.setattr(fluidsynth, "_fluid", None)
    monkeypatch.setattr(tinysoundfont, "_tiny", None)
    monkeypatch.setattr(midi, "rtmidi", None)
    told = " ".join(describe_ports().missing)
    for remedy in ("libfluidsynth3", "pip install --no-deps tinysoundfont", "Use Python 3.11"):
        assert remedy in told
    assert capfd.readouterr() == ("", "")
