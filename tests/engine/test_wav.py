"""The recording: its notes are found in the sound, where and as high as they were written."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ripieno import wav
from ripieno.clock import Beats
from ripieno.errors import SoundError
from ripieno.outputs import fluidsynth
from ripieno.outputs.fluidsynth import FluidSynthRenderer
from ripieno.outputs.soundfont import RATE
from ripieno.outputs.tinysoundfont import TinyRenderer
from ripieno.score import ControlMark, Part, PartNote, Score, TempoMark, Timeline
from ripieno.wav import render_wav

from tests.engine.fonts import BUILT_IN, HARPSICHORD, ORGAN

TEMPOS = (TempoMark(Beats(0), 100.0), TempoMark(Beats(6), 70.0))
ONSETS = (0.5, 1.0, 2.25, 3.0, 4.75, 6.0, 7.25, 8.0, 9.5)
PITCHES = (60, 67, 64, 72, 55, 62, 71, 65, 60)


def melody(program: int, velocity: int = 100) -> Part:
    notes = tuple(
        PartNote(Beats(onset), Beats(0.4), pitch, velocity)
        for onset, pitch in zip(ONSETS, PITCHES, strict=True)
    )
    return Part("melody", 0, program, notes)


def read(path: Path) -> Any:
    """The file's samples, frames by two, as floats."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw, dtype="<i2").reshape(-1, 2) / 32768


def onsets(sound: Any, count: int) -> list[float]:
    """The seconds at which the sound's energy rises most, `count` of them, in order."""
    hop = 64
    mono = sound.sum(axis=1)
    energy = np.square(mono[: len(mono) // hop * hop]).reshape(-1, hop).sum(axis=1)
    level = np.log10(energy + 1e-7)
    rise = np.concatenate([np.zeros(4), level[4:] - level[:-4]])
    found: list[float] = []
    for _ in range(count):
        peak = int(np.argmax(rise))
        begin = peak - int(np.argmax(rise[peak::-1] < 0.2 * rise[peak])) if peak else 0
        found.append(begin * hop / RATE)
        rise[max(0, peak - 60) : peak + 60] = 0
    return sorted(found)


@pytest.fixture(params=[FluidSynthRenderer, TinyRenderer])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """Both synthesisers: the second as on a machine without FluidSynth."""
    if request.param is TinyRenderer:
        monkeypatch.setattr(fluidsynth, "installed", lambda: False)
    kind: type = request.param
    return kind


def test_the_notes_are_heard_where_they_were_written(renderer: type, tmp_path: Path) -> None:
    score = Score((melody(HARPSICHORD),), TEMPOS)
    assert isinstance(wav.open_renderer(BUILT_IN), renderer)
    render_wav(score, BUILT_IN, tmp_path / "x.wav")
    sound = read(tmp_path / "x.wav")
    timeline = Timeline(TEMPOS)
    written = [timeline.seconds(Beats(onset)) for onset in ONSETS]
    assert len(sound) == round(timeline.seconds(score.end) * RATE) + 2 * RATE
    heard = onsets(sound, len(ONSETS))
    assert heard == pytest.approx(written, abs=0.008)


def test_the_notes_are_as_high_as_they_were_written(renderer: type, tmp_path: Path) -> None:
    render_wav(Score((melody(ORGAN),), TEMPOS), BUILT_IN, tmp_path / "x.wav")
    sound = read(tmp_path / "x.wav").sum(axis=1)
    timeline = Timeline(TEMPOS)
    for onset, pitch in zip(ONSETS, PITCHES, strict=True):
        begin = round(timeline.seconds(Beats(onset)) * RATE)
        piece = sound[begin : begin + round(0.2 * RATE)]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 16))
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        strength = [
            sum(
                spectrum[round(frequency * 2 ** (shift / 12) * harmonic * (1 << 16) / RATE)]
                for harmonic in (1, 2, 3, 4)
            )
            for shift in range(-5, 6)
        ]
        assert int(np.argmax(strength)) == 5


def test_a_score_that_is_too_loud_is_brought_down_whole(renderer: type, tmp_path: Path) -> None:
    crowd = tuple(
        Part(
            "crowd",
            channel,
            ORGAN,
            tuple(PartNote(Beats(0), Beats(2), 40 + 3 * n + channel, 127) for n in range(12)),
        )
        for channel in range(8)
    )
    render_wav(Score(crowd), BUILT_IN, tmp_path / "x.wav")
    peak = np.abs(read(tmp_path / "x.wav")).max()
    assert 0.95 < peak < 0.985


def test_controls_are_followed(renderer: type, tmp_path: Path) -> None:
    quiet = tuple(ControlMark(Beats(0), 0, 7, value) for value in (127, 20))
    render_wav(Score((melody(ORGAN),), TEMPOS), BUILT_IN, tmp_path / "loud.wav")
    render_wav(Score((melody(ORGAN),), TEMPOS, (), quiet), BUILT_IN, tmp_path / "quiet.wav")
    loud, soft = (np.abs(read(tmp_path / f"{name}.wav")).max() for name in ("loud", "quiet"))
    assert soft < loud / 2


def test_what_cannot_be_rendered_is_told(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="cannot be written"):
        render_wav(Score((melody(ORGAN),)), BUILT_IN, tmp_path / "none" / "x.wav")
    with pytest.raises(SoundError, match="no such file"):
        render_wav(Score((melody(ORGAN),)), tmp_path / "none.sf2", tmp_path / "x.wav")
    far = Part("far", 0, 0, (PartNote(Beats(1e9), Beats(1), 60, 60),))
    with pytest.raises(SoundError, match="too long"):
        render_wav(Score((far,)), BUILT_IN, tmp_path / "x.wav")
    assert not (tmp_path / "x.wav").exists()


def test_an_empty_score_is_a_silent_recording(tmp_path: Path) -> None:
    render_wav(Score(()), BUILT_IN, tmp_path / "x.wav")
    assert not read(tmp_path / "x.wav").any()
