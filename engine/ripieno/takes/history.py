"""What sounded lately, for the piano roll and for a model that has to be told again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ripieno.clock import Beats
from ripieno.events import Look, Note, RollNote, part_of
from ripieno.modes.ear import STEP
from ripieno.sound import Recorder
from ripieno.takes.take import Fact, NoteEnded, NoteStarted, Source

MEMORY = 512


@dataclass(slots=True)
class _Sounded:
    source: Source
    voice: int | None
    pitch: int
    velocity: int
    onset: Beats
    partner: int = 0
    end: Beats | None = None


class History:
    """The last notes that sounded; every note goes on to the `take` as well."""

    def __init__(self, take: Recorder) -> None:
        self._take = take
        self._notes: deque[_Sounded] = deque(maxlen=MEMORY)
        self._shift = Beats(0.0)
        self._open: dict[tuple[int, int, int | None, int], _Sounded] = {}

    def record(self, fact: Fact) -> None:
        self._take.record(fact)
        if isinstance(fact, NoteStarted):
            note = _Sounded(
                fact.source, fact.voice, fact.pitch, fact.velocity, fact.beat, fact.partner
            )
            self._notes.append(note)
            self._open[fact.channel, fact.pitch, fact.voice, fact.partner] = note
        elif isinstance(fact, NoteEnded):
            ended = self._open.pop((fact.channel, fact.pitch, fact.voice, fact.partner), None)
            if ended is not None:
                ended.end = fact.beat

    def moved_to(self, shift: Beats) -> None:
        """The score's beats have been moved by `shift` in all: so is what is remembered."""
        by, self._shift = Beats(shift - self._shift), shift
        for note in self._notes if by else ():
            note.onset = Beats(note.onset + by)
            note.end = None if note.end is None else Beats(note.end + by)

    def roll(self, since: Beats, now: Beats, player_voice: int) -> Iterator[RollNote]:
        """What sounded at or after `since`, drawn up to `now` while it sounds."""
        for note in self._notes:
            end = max(now, note.onset) if note.end is None else note.end
            if end >= since:
                look = Look.PLAYER if note.source is Source.PLAYER else Look.MODEL
                voice = player_voice if note.voice is None else note.voice
                length = Beats(end - note.onset)
                yield RollNote(part_of(voice), note.pitch, note.onset, length, look, note.partner)

    def heard(
        self,
        since: Beats,
        player_voice: int,
        by: Callable[[int | None, int], bool] = lambda partner, voice: True,
    ) -> tuple[Note, ...]:
        """What was heard since `since`, on the grid, one line for each voice: as far as it was
        heard `by` somebody, who is asked for the partner (None: the player) and its voice."""
        return tuple(
            Note(
                player_voice if n.voice is None else n.voice,
                n.pitch,
                n.velocity,
                _on_grid(n.onset),
                None if n.end is None else Beats(max(STEP, _on_grid(n.end) - _on_grid(n.onset))),
            )
            for n in self._notes
            if n.onset >= since
            and by(None if n.voice is None else n.partner, part_of(n.voice or 0))
        )


def _on_grid(beat: Beats) -> Beats:
    return Beats(round(beat / STEP) * STEP)
