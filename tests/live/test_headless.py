"""`ripieno play` without a terminal: it performs with whatever there is, and says what is not."""

from __future__ import annotations

import signal
import wave
from pathlib import Path

import mido
import numpy as np
import pytest

from tests.engine.jackd import JackServer
from tests.live.command import log_of, playing, run
from tests.live.processes import gone

pytestmark = pytest.mark.real_part


def play(folder: Path, bundle: Path, *words: str) -> list[str]:
    """Two bars, to their end; what was said, line by line."""
    takes = str(folder / "takes")
    done = run(
        folder,
        "play",
        "--model",
        str(bundle),
        "--bars",
        "2",
        "--bpm",
        "160",
        "--takes",
        takes,
        *words,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Traceback" not in log_of(folder)
    return done.stdout.splitlines()


def assert_whole(midi: Path, sound: Path) -> None:
    """Both files are music."""
    notes = [m for m in mido.MidiFile(midi) if m.type == "note_on" and m.velocity]
    assert notes
    with wave.open(str(sound)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples.astype(int)).max() > 1000


def test_with_nothing_to_sound_on_it_performs_and_says_what_is_missing(
    tmp_path: Path, tiny: Path, no_jack: None
) -> None:
    said = play(tmp_path, tiny)
    midi, sound = (Path(line) for line in said[-2:])
    assert_whole(midi, sound)
    text = "\n".join(said)
    assert "No sound: " in text and "Connect a sound card" in text
    assert "no JACK server is running" in text and "Start one" in text
    assert [line.split()[1] for line in said if line.startswith("bar ")] == ["1", "2"]


def test_on_jack_it_sounds_and_plays(tmp_path: Path, tiny: Path, jackd: JackServer) -> None:
    said = play(tmp_path, tiny, "--preset", "chorale-solo", "--out", "synth", "--out", "virtual")
    midi, sound = (Path(line) for line in said[-2:])
    assert_whole(midi, sound)
    text = "\n".join(said)
    assert "FluidSynth (jack" in text
    assert 'port "ripieno:out"' in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jack_ends_in_the_middle_and_the_performance_comes_to_its_end(
    number: signal.Signals, tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    words = ("--preset", "chorale-solo", "--out", "synth", "--out", "virtual", "--bpm", "240")
    with playing(tmp_path, (*words, "--model", str(tiny), "--bars", "8")) as running:
        running.until("bar 3")
        mortal_jackd.stop(number)
        assert running.ends() == 0
        gone(sorted(running.members), "the end of the whole family")
    assert "Traceback" not in running.errors() + log_of(tmp_path)
    assert any(line.startswith("bar 8") for line in running.said)
    assert any("JACK" in line and line.startswith("! ") for line in running.said)
    assert [m for m in mido.MidiFile(Path(running.said[-1])) if m.type == "note_on"]


def test_what_cannot_be_played_is_told_in_a_sentence(tmp_path: Path, tiny: Path) -> None:
    done = run(tmp_path, "play", "--model", str(tiny), "--bpm", "0")
    assert done.returncode == 2
    assert "20…300" in done.stderr
    assert "Traceback" not in done.stderr
