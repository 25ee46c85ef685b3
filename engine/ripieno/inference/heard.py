"""What was heard, laid on the grid of sixteenths: a state for every voice and step."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from ripieno.clock import Beats
from ripieno.events import Note, Sounding
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES

Frames = dict[int, tuple[Sounding, ...]]
"""For each step, what each of the four voices does."""


def step_of(beat: Beats) -> int:
    """The sixteenth nearest to `beat`; a tie goes to the later one."""
    return floor(beat * STEPS_PER_BEAT + 0.5)


def frames(notes: Sequence[Note], begin: int, end: int) -> Frames:
    """What `notes` tell of each step in begin … end - 1, as `grammar.encode` reads them.

    Onsets and ends go to the nearest step, and every note lasts one at least. Where two notes of a
    voice overlap, the later onset wins from there on. Pitches stay as they were played.
    """
    lines = [line(notes, v, begin, end) for v in range(len(VOICES))]
    return dict(enumerate(zip(*lines, strict=True), begin))


def mean_velocity(notes: Sequence[Note]) -> int | None:
    """How hard `notes` were played, 1…127 in the mean; None if there are none."""
    return round(sum(note.velocity for note in notes) / len(notes)) if notes else None


def line(notes: Sequence[Note], voice: int, begin: int, end: int) -> list[Sounding]:
    """What `notes` tell of one voice: a state for each step in begin … end - 1."""
    states = [Sounding(voice, None, False, 0)] * (end - begin)
    own = [note for note in notes if note.voice == voice]
    for note in sorted(own, key=lambda note: note.onset):
        onset = step_of(note.onset)
        last = end if note.duration is None else step_of(Beats(note.onset + note.duration))
        first, last = max(begin, onset), min(end, max(last, onset + 1))
        rest = Sounding(voice, None, False, 0)
        held = Sounding(voice, note.pitch, False, note.velocity)
        for step in range(first, end):
            states[step - begin] = held if step < last else rest
        if begin <= onset < end:
            states[onset - begin] = Sounding(voice, note.pitch, True, note.velocity)
    return states
