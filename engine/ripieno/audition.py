"""A phrase let be heard beside the music: on the player's channel, and nobody answers it."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Beats, Seconds
from ripieno.commands import Audition
from ripieno.sound import Sound


@dataclass(frozen=True, slots=True)
class _Stroke:
    """A note that begins with `velocity`, or ends where that is 0, `at` a moment."""

    at: Seconds
    pitch: int
    velocity: int


class Auditioner:
    """Plays the notes of an `Audition` at their moments."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._strokes: list[_Stroke] = []
        self._down: list[int] = []

    def begin(self, what: Audition, now: Seconds) -> None:
        """Let `what` be heard from now on, instead of what was."""
        self.hush(now)
        strokes: list[_Stroke] = []
        for note in what.notes:
            length = Beats(0.25) if note.duration is None else note.duration
            at, end = (_moment(now, beat, what.bpm) for beat in (note.onset, note.onset + length))
            strokes.append(_Stroke(at, note.pitch, max(1, note.velocity)))
            strokes.append(_Stroke(end, note.pitch, 0))
        self._strokes = sorted(strokes, key=lambda stroke: (stroke.at, stroke.velocity))

    def hush(self, now: Seconds) -> None:
        """Fall silent."""
        self._strokes = []
        for pitch in tuple(self._down):
            self._end(pitch, now)

    def wake(self) -> Seconds | None:
        """When the next note begins or ends; None when nothing is heard."""
        return self._strokes[0].at if self._strokes else None

    def look(self, now: Seconds) -> None:
        """Play what is due at `now`."""
        while self._strokes and self._strokes[0].at <= now:
            stroke = self._strokes.pop(0)
            if stroke.velocity:
                self._down.append(stroke.pitch)
                self._sound.preview_on(stroke.pitch, stroke.velocity, now)
            else:
                self._end(stroke.pitch, now)

    def _end(self, pitch: int, now: Seconds) -> None:
        if pitch in self._down:
            self._down.remove(pitch)
            self._sound.preview_off(pitch, now)


def _moment(begin: Seconds, beat: float, bpm: float) -> Seconds:
    return Seconds(begin + beat * 60.0 / bpm)
