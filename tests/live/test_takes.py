"""What was played is kept: through a crash, as MIDI, and as sound whose onsets can be found."""

from __future__ import annotations

import signal
import wave
from pathlib import Path

import mido
import numpy as np
import pytest
from numpy.typing import NDArray
from ripieno.takes import take
from ripieno.takes.take import NoteEnded, NoteStarted

from tests.engine.jackd import JackServer, until
from tests.live.command import playing, run
from tests.live.processes import gone

pytestmark = pytest.mark.real_part

WINDOW, HOP = 2048, 256
"""Frames of the analysis."""
NEAR = 0.03
"""Seconds: half a window, a hop, and FluidSynth's own 64 frames."""
CLEAR = 2.3
"""A peak is clear when it is so many times the median, which is what goes on between onsets."""
STRUCK = """\
title = "Struck"
about = "For a test: a sound that begins clearly."
[play]
mode = "solo"
bpm = 60
[phrase]
name = "ode-to-joy"
opening = true
[sampling]
seed = 5
[routing]
programs = "piano"
"""


def midi_notes(path: Path) -> list[tuple[float, int]]:
    """Seconds and pitch of every note of a MIDI file, each of which must end."""
    now, found, sounding = 0.0, [], set()
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append((now, message.note))
            sounding.add((message.channel, message.note))
        elif message.type in ("note_on", "note_off"):
            sounding.discard((message.channel, message.note))
    assert not sounding
    return found


def test_a_take_survives_the_death_of_everybody(
    tmp_path: Path, tiny: Path, mortal_jackd: JackServer
) -> None:
    words = ("--preset", "daw", "--mode", "solo", "--phrase", "ode-to-joy", "--bpm", "240")
    with playing(tmp_path, (*words, "--model", str(tiny), "--bars", "0")) as running:
        running.until("bar 4")
        running.signal(signal.SIGKILL)
        assert running.ends() == -signal.SIGKILL
        gone(sorted(running.members), "the end of the whole family")
        journal = running.take
    kept = take.read(journal)
    begun = [fact for fact in kept.facts if isinstance(fact, NoteStarted)]
    ended = [fact for fact in kept.facts if isinstance(fact, NoteEnded)]
    assert len(begun) > 20
    assert len(ended) < len(begun), "something sounded when it was killed"
    done = run(tmp_path, "takes", str(journal), "--no-wav")
    assert (done.returncode, done.stderr) == (0, "")
    exported = Path(done.stdout.strip())
    assert exported.suffix == ".mid"
    assert sorted(pitch for _, pitch in midi_notes(exported)) == sorted(n.pitch for n in begun)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, shipped: Path) -> tuple[Path, Path]:
    """The .mid and the .wav of eight bars."""
    folder = tmp_path_factory.mktemp("rendered")
    preset = folder / "struck.toml"
    preset.write_text(STRUCK)
    words = ("render", "--preset", str(preset), "--model", str(shipped), "--bars", "8")
    done = run(folder, *words, "--takes", str(folder / "takes"))
    assert (done.returncode, done.stderr) == (0, "")
    midi, sound = (Path(line) for line in done.stdout.splitlines()[-2:])
    assert (midi.suffix, sound.suffix) == (".mid", ".wav")
    return midi, sound


def samples_of(path: Path) -> tuple[NDArray[np.float32], int]:
    """A WAV file in mono, -1…1, and its rate."""
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        return (raw.mean(1) / 32768).astype(np.float32), file.getframerate()


def onsets_in(path: Path) -> list[float]:
    """Seconds at which something begins to sound: clear peaks of the spectral flux.

    The flux is the sum of all rises of the logarithmic spectrum, as in Bello et al., "A tutorial
    on onset detection in music signals" (2005).
    """
    samples, rate = samples_of(path)
    padded = np.concatenate([np.zeros(WINDOW, np.float32), samples])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.log1p(100 * np.abs(np.fft.rfft(windows * np.hanning(WINDOW), axis=1)))
    rise = np.maximum(spectrum[2:] - spectrum[:-2], 0).sum(1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rise, 3), 7).max(1)
    clear = rise > CLEAR * np.median(rise[: -2 * rate // HOP])
    return [
        float((peak + 1) * HOP - WINDOW / 2) / rate
        for peak in np.flatnonzero((rise == around) & clear)
    ]


def test_the_notes_of_a_take_are_heard_when_they_were_played(rendered: tuple[Path, Path]) -> None:
    midi, sound = rendered
    played = sorted({round(at, 3) for at, _ in midi_notes(midi)})
    heard = np.array(onsets_in(sound))
    assert len(played) > 20
    missing = [at for at in played if np.abs(heard - at).min() > NEAR]
    assert not missing, f"not heard: {missing} in {heard}"
    invented = [at for at in heard if np.abs(np.array(played) - at).min() > NEAR]
    assert len(invented) <= 0.05 * len(heard), f"heard, but not played: {invented}"


def test_a_rendering_is_as_long_as_its_music(rendered: tuple[Path, Path]) -> None:
    midi, sound = rendered
    samples, rate = samples_of(sound)
    last = max(at for at, _ in midi_notes(midi))
    assert last < len(samples) / rate < last + 10
    assert 0.05 < float(np.abs(samples).max()) <= 1.0


def test_the_same_rendering_twice_is_the_same(
    rendered: tuple[Path, Path], tmp_path: Path, shipped: Path
) -> None:
    preset = tmp_path / "struck.toml"
    preset.write_text(STRUCK)
    again = tmp_path / "again.mid"
    words = ("render", "--preset", str(preset), "--model", str(shipped), "--bars", "8")
    done = run(tmp_path, *words, "--out", str(again), "--no-wav")
    assert done.returncode == 0
    until(again.exists, "the second rendering")
    assert again.read_bytes() == rendered[0].read_bytes()
