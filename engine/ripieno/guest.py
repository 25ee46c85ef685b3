"""A guest at the keyboard: plays a phrase in as if live, so that something sounds without gear."""

from __future__ import annotations

from ripieno.clock import GRID_TOLERANCE, Beats, Meter
from ripieno.events import MidiMessage, Note, NoteOff, NoteOn, Phase
from ripieno.modes.ear import STEP

CHANNEL = 0
_GAP = Beats(1 / 16)
"""A finger leaves its key this long before the next note, as fingers do."""


class Guest:
    """Plays `notes` (onsets from 0) whenever nobody plays, `times` times in all; None: for ever."""

    def __init__(self, notes: tuple[Note, ...], times: int | None) -> None:
        self._notes = notes
        self._left = times
        self._queue: list[tuple[Beats, MidiMessage]] = []

    @property
    def playing(self) -> bool:
        return bool(self._queue)

    def wake(self) -> Beats | None:
        """When the next key moves; None when nothing is to come until the others are done."""
        return self._queue[0][0] if self._queue else None

    def advance(self, beat: Beats, phase: Phase, meter: Meter) -> list[MidiMessage]:
        """The keys that move by `beat`. A phrase begins at a bar line, when all are idle."""
        if not self._queue and phase is Phase.IDLE and self._left != 0 and self._notes:
            self._begin(meter.next_bar(Beats(beat - STEP / 2)))
        moved = []
        while self._queue and self._queue[0][0] <= beat + GRID_TOLERANCE:
            moved.append(self._queue.pop(0)[1])
        return moved

    def leave(self) -> list[MidiMessage]:
        """Somebody plays: take the hands off the keys, for good."""
        self._left = 0
        released = [message for _, message in self._queue if isinstance(message, NoteOff)]
        self._queue = []
        return list(released)

    def _begin(self, start: Beats) -> None:
        self._left = None if self._left is None else self._left - 1
        for note in self._notes:
            length = STEP if note.duration is None else note.duration
            onset = Beats(start + note.onset)
            end = Beats(onset + max(STEP / 2, length - _GAP))
            self._queue.append((onset, NoteOn(CHANNEL, note.pitch, note.velocity)))
            self._queue.append((end, NoteOff(CHANNEL, note.pitch)))
        self._queue.sort(key=lambda entry: (entry[0], isinstance(entry[1], NoteOn)))
