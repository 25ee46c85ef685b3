"""The voices that a machine's notes have: its part itself, or slots of it, one for each note that
sounds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ripieno.events import part_of
from ripieno.grammar.grid import VOICES
from ripieno.grammar.tokens.states import Told
from ripieno.inference.tokens.story import Played, Story

PLAYERS = tuple(range(len(VOICES)))
"""The voices themselves, which a player may have."""
OPEN_END = 1 << 30
"""Planned end of a note whose end the model tells later."""
LONGEST_NOTE = 64
"""Sixteenths after which such a note ends even so."""


class Slots:
    """Where in `story` the notes of a machine go that plays in `part`, at most `count` at once."""

    def __init__(self, story: Story, part: int, count: int) -> None:
        self._story = story
        later = tuple(part + len(VOICES) * (number + 1) for number in range(count))
        self.voices = (part,) if count == 1 else later

    def untold(self, told: Iterable[int]) -> list[int]:
        """The voices that are not `told`. Where some slots are, their voice is not said to rest:
        that would be the end of them all."""
        known = {*told}
        known.update(part_of(voice) for voice in tuple(known) if voice not in PLAYERS)
        return [voice for voice in sorted({*PLAYERS, *self.voices}) if voice not in known]

    def sounding(self, voices: Iterable[int], step: int) -> bool:
        """Whether one of `voices` still sounds where `step` begins."""
        return any(self._story.sounding(voice, step - 1) is not None for voice in voices)

    def play(
        self, told: Told, free: Sequence[int], unit: int, velocity: Callable[[int], int]
    ) -> None:
        """Give a note that was drawn one of the `free` slots; or its end, if that was drawn.

        Its times are in ticks, `unit` to a sixteenth; `velocity` tells how loud one at a step is.
        """
        onset = told.onset // unit
        end = None if told.end is None else told.end // unit
        if end is not None and any(self._finish(told.pitch, onset, end, v) for v in free):
            return
        slot = next((v for v in free if self._story.sounding(v, onset) is None), None)
        if slot is not None:
            planned = OPEN_END if end is None else end
            note = Played(slot, told.pitch, velocity(onset), onset, planned, onset + 1)
            self._story.add(note)

    def end_endless(self, free: Sequence[int], step: int) -> bool:
        """Notes whose end has not been told go on through `step`, but not for ever: whether one of
        them ended now."""
        ended = False
        for voice in free:
            note = self._story.sounding(voice, step)
            if note is not None and note.planned == OPEN_END:
                note.heard = step + 1
                if step - note.onset >= LONGEST_NOTE:
                    note.planned, ended = step + 1, True
        return ended

    def _finish(self, pitch: int, onset: int, end: int, voice: int) -> bool:
        """The end of an open note was drawn."""
        note = self._story.last((voice,), onset + 1)
        if note is None or note.planned != OPEN_END or note.pitch != pitch:
            return False
        note.planned = max(end, note.heard)
        return True
