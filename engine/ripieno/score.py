"""Music written down: parts of notes in beats, with tempo and meter. Pure.

MIDI files are read into a `Score` and written from one; a take becomes one to be exported.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from ripieno.clock import Beats, Meter, Seconds

DRUMS = 9
"""The channel that General MIDI keeps for drums."""
DEFAULT_BPM = 120.0
"""What a MIDI file that names no tempo is played at."""


@dataclass(frozen=True, slots=True)
class PartNote:
    """A note of a part. `duration` > 0, pitch 0…127, velocity 1…127."""

    onset: Beats
    duration: Beats
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one instrument plays, by onset. `program` is None where the file names none."""

    name: str
    channel: int
    program: int | None
    notes: tuple[PartNote, ...]

    @property
    def mean_pitch(self) -> float:
        return sum(note.pitch for note in self.notes) / len(self.notes)


@dataclass(frozen=True, slots=True)
class ControlMark:
    """A controller's move, such as a pedal."""

    beat: Beats
    channel: int
    controller: int
    value: int


@dataclass(frozen=True, slots=True)
class BendMark:
    """The pitch wheel's move. `value` -8192…8191."""

    beat: Beats
    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class ProgramMark:
    """Another sound, from `beat` on."""

    beat: Beats
    channel: int
    program: int


@dataclass(frozen=True, slots=True)
class TempoMark:
    """From `beat` on, `bpm` quarter notes a minute (> 0, not bound to what can be played live)."""

    beat: Beats
    bpm: float


@dataclass(frozen=True, slots=True)
class MeterMark:
    """From `beat` on, this meter."""

    beat: Beats
    meter: Meter


@dataclass(frozen=True, slots=True)
class Score:
    """Parts, with the tempo and meter marks that hold for all of them, each by beat."""

    parts: tuple[Part, ...]
    tempos: tuple[TempoMark, ...] = ()
    meters: tuple[MeterMark, ...] = ()
    controls: tuple[ControlMark, ...] = ()
    bends: tuple[BendMark, ...] = ()
    programs: tuple[ProgramMark, ...] = ()
    """Sounds that are chosen on the way; those of the start are the parts' own."""

    @property
    def end(self) -> Beats:
        """Where the last note stops."""
        ends = (note.onset + note.duration for part in self.parts for note in part.notes)
        return Beats(max(ends, default=0.0))


class Timeline:
    """Beats to seconds from the start of a score, through its tempo marks."""

    def __init__(self, tempos: tuple[TempoMark, ...]) -> None:
        marks = sorted(tempos, key=lambda mark: mark.beat)
        if not marks or marks[0].beat > 0:
            marks.insert(0, TempoMark(Beats(0.0), marks[0].bpm if marks else DEFAULT_BPM))
        self._beats = [mark.beat for mark in marks]
        self._bpm = [mark.bpm for mark in marks]
        self._seconds = [marks[0].beat * 60.0 / marks[0].bpm]
        for index in range(1, len(marks)):
            span = self._beats[index] - self._beats[index - 1]
            self._seconds.append(self._seconds[-1] + span * 60.0 / self._bpm[index - 1])

    def seconds(self, beat: Beats) -> Seconds:
        index = max(0, bisect_right(self._beats, beat) - 1)
        return Seconds(self._seconds[index] + (beat - self._beats[index]) * 60 / self._bpm[index])
