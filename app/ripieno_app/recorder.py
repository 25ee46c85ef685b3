"""What the player plays while a phrase is recorded, gathered from telemetry. Pure.

The score may be moved while the player plays, so notes are kept by the moment of their onset.
"""

from __future__ import annotations

from ripieno.clock import Beats, Seconds
from ripieno.events import Look, Note, Telemetry
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES

SAME = Seconds(0.03)
"""Two onsets of one pitch that lie nearer are one note, told twice."""
VELOCITY = 80


class PhraseRecorder:
    """Records into `slot` from the first telemetry on that it hears."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self._since: Seconds | None = None
        self._bpm = 0.0
        self._phase = 0.0  # where on the grid the notes lie, in beats
        self._lengths: dict[tuple[int, Seconds], float] = {}

    def hear(self, telemetry: Telemetry) -> None:
        """Take in what was played since the recording began."""
        if self._since is None:
            self._since = telemetry.at
        self._bpm = telemetry.settings.bpm
        beat = 60.0 / self._bpm
        for note in telemetry.roll:
            if note.look is not Look.PLAYER:
                continue
            onset = Seconds(telemetry.at - (telemetry.beat - note.onset) * beat)
            if onset < self._since:
                continue
            if not self._lengths:
                self._phase = note.onset % 1.0
            self._lengths[note.pitch, self._known(note.pitch, onset)] = note.duration

    def _known(self, pitch: int, onset: Seconds) -> Seconds:
        """The onset under which this note is kept already, or its own."""
        near = [at for known, at in self._lengths if known == pitch and abs(at - onset) < SAME]
        return near[0] if near else onset

    def notes(self) -> tuple[Note, ...]:
        """The phrase on the grid; of what sounds together the highest is the soprano."""
        if not self._lengths:
            return ()
        first = min(at for _, at in self._lengths)
        by_step: dict[int, list[tuple[int, float]]] = {}
        for (pitch, at), length in self._lengths.items():
            beat = (at - first) * self._bpm / 60.0 + self._phase
            by_step.setdefault(round(beat * STEPS_PER_BEAT), []).append((pitch, length))
        return tuple(
            Note(voice, pitch, VELOCITY, Beats(step / STEPS_PER_BEAT), _on_grid(length))
            for step, chord in sorted(by_step.items())
            for voice, (pitch, length) in enumerate(sorted(chord, reverse=True)[: len(VOICES)])
        )


def _on_grid(length: float) -> Beats:
    return Beats(max(1, round(length * STEPS_PER_BEAT)) / STEPS_PER_BEAT)
