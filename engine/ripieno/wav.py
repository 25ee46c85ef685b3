"""Renders a score to a sound file. For after a performance: it loads numpy, and takes its time."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ripieno.clock import Beats
from ripieno.errors import SoundError
from ripieno.outputs import fluidsynth, tinysoundfont
from ripieno.outputs.soundfont import RATE, Renderer
from ripieno.score import Score, Timeline

TAIL = 2.0
"""Seconds after the last note, for its release and the room."""
BLOCK = 4096
FULL_SCALE = 32767
CEILING = 0.98
"""What a recording that would clip is brought down to."""
LONGEST = 6 * 3600
"""Seconds. A MIDI file that is longer is damaged."""


@dataclass(frozen=True, slots=True)
class _Event:
    """Something to do at `frame`; at one frame, lower ranks go first."""

    frame: int
    rank: int
    do: Callable[[Renderer], None]


def render_wav(score: Score, soundfont: Path, path: Path) -> None:
    """Write `score` as it sounds to the WAV file at `path`: stereo, 16 bits, 44.1 kHz.

    FluidSynth renders, or tinysoundfont where it is missing. Notes start within 64 frames (1.5 ms)
    of their time. What would clip is made softer as a whole. Raises SoundError.
    """
    events = sorted(_events(score), key=lambda event: (event.frame, event.rank))
    length = _frames(score, score.end) + round(TAIL * RATE)
    if length > LONGEST * RATE:
        raise SoundError(f"more than {LONGEST // 3600} hours are too long to be rendered")
    renderer = open_renderer(soundfont)
    try:
        with tempfile.TemporaryFile() as raw:
            peak = _render(renderer, events, length, raw)
            raw.seek(0)
            _write(raw, min(1.0, CEILING / peak) if peak > 0 else 1.0, path)
    except OSError as error:
        raise SoundError(
            f"the recording cannot be written ({error.strerror})", where=str(path)
        ) from None
    finally:
        renderer.close()


def open_renderer(soundfont: Path) -> Renderer:
    """FluidSynth, or tinysoundfont where it is missing. Raises SoundError."""
    if fluidsynth.installed():
        return fluidsynth.FluidSynthRenderer(soundfont)
    return tinysoundfont.TinyRenderer(soundfont)


def _render(renderer: Renderer, events: list[_Event], length: int, raw: IO[bytes]) -> float:
    """Write 32-bit floats to `raw`, split at the events; returns the loudest sample."""
    frame, peak = 0, 0.0
    for stop, due in _stops(events, length):
        while frame < stop:
            block = renderer.render(min(BLOCK, stop - frame))
            samples = np.frombuffer(block, dtype=np.float32)
            peak = max(peak, float(np.abs(samples).max()))
            raw.write(block)
            frame += len(samples) // 2
        for event in due:
            event.do(renderer)
    return peak


def _stops(events: list[_Event], length: int) -> Iterator[tuple[int, list[_Event]]]:
    """Each frame at which something happens, with what happens, and the last frame."""
    due: list[_Event] = []
    for event in events:
        if due and event.frame != due[0].frame:
            yield due[0].frame, due
            due = []
        due.append(event)
    if due:
        yield due[0].frame, due
    yield length, []


def _write(raw: IO[bytes], scale: float, path: Path) -> None:
    with path.open("wb") as out, wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while block := raw.read(BLOCK * 8):
            samples = np.frombuffer(block, dtype=np.float32) * (scale * FULL_SCALE)
            file.writeframesraw(np.rint(samples).astype("<i2").tobytes())


def _frames(score: Score, beat: float) -> int:
    return round(Timeline(score.tempos).seconds(Beats(beat)) * RATE)


def _events(score: Score) -> Iterator[_Event]:
    timeline = Timeline(score.tempos)

    def frame(beat: float) -> int:
        return max(0, round(timeline.seconds(Beats(beat)) * RATE))

    for part in score.parts:
        yield _Event(0, 0, _program(part.channel, part.program or 0))
        for note in part.notes:
            begin = frame(note.onset)
            end = max(begin + 1, frame(note.onset + note.duration))
            yield _Event(begin, 3, _strike(part.channel, note.pitch, note.velocity))
            yield _Event(end, 1, _release(part.channel, note.pitch))
    for mark in score.controls:
        yield _Event(frame(mark.beat), 2, _control(mark.channel, mark.controller, mark.value))
    for bend in score.bends:
        yield _Event(frame(bend.beat), 2, _bend(bend.channel, bend.value))
    for sound in score.programs:
        yield _Event(frame(sound.beat), 2, _program(sound.channel, sound.program))


def _program(channel: int, program: int) -> Callable[[Renderer], None]:
    return lambda renderer: renderer.program(channel, program)


def _strike(channel: int, pitch: int, velocity: int) -> Callable[[Renderer], None]:
    return lambda renderer: renderer.note_on(channel, pitch, velocity)


def _release(channel: int, pitch: int) -> Callable[[Renderer], None]:
    return lambda renderer: renderer.note_off(channel, pitch)


def _control(channel: int, controller: int, value: int) -> Callable[[Renderer], None]:
    return lambda renderer: renderer.control(channel, controller, value)


def _bend(channel: int, value: int) -> Callable[[Renderer], None]:
    return lambda renderer: renderer.bend(channel, value)
