"""What the player plays, heard as lines on the grid: which voice, which step, how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.clock import GRID_TOLERANCE, Beats, snap
from ripieno.events import Note
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES

STEP = Beats(1 / STEPS_PER_BEAT)
MEMORY = Beats(256.0)
"""How much of the player's past is kept, for phrases taken as a seed."""
_CHORD_VOICES = {1: (0,), 2: (0, 3), 3: (0, 1, 3), 4: (0, 1, 2, 3)}


@dataclass(slots=True)
class PlayedNote:
    """A note of the player: `at` and `end` as played (None while held), `onset` on the grid."""

    pitch: int
    velocity: int
    at: Beats
    onset: Beats
    voice: int | None
    end: Beats | None = None

    @property
    def grid_end(self) -> Beats | None:
        """Where the note ends on the grid: at least a step after its onset."""
        if self.end is None:
            return None
        return max(Beats(self.onset + STEP), snap(self.end, STEP))


class Ear:
    """The player's notes, newest last. A fifth simultaneous note has no voice and is only thru."""

    def __init__(self) -> None:
        self.notes: list[PlayedNote] = []
        self.phrase_start = Beats(0.0)
        self._last_given: tuple[int, ...] = ()

    @property
    def held(self) -> list[PlayedNote]:
        return [note for note in self.notes if note.end is None]

    @property
    def last_release(self) -> Beats | None:
        """When the last key came up, None while one is down or before anything was played."""
        if not self.notes or self.held:
            return None
        return max(note.end for note in self.notes if note.end is not None)

    @property
    def velocity(self) -> int | None:
        """How hard the player has played lately, 1…127."""
        recent = [note.velocity for note in self.notes[-8:]]
        return round(sum(recent) / len(recent)) if recent else None

    def start_phrase(self, beat: Beats) -> None:
        """A phrase starts with the next note, at `beat`."""
        self.phrase_start = beat
        self._last_given = ()

    def note_on(self, pitch: int, velocity: int, at: Beats, onset: Beats, lone: int) -> PlayedNote:
        """Hear a key go down, at `onset` on the grid; a single line is the voice `lone`."""
        self.note_off(pitch, at)
        note = PlayedNote(pitch, velocity, at, onset, None)
        self.notes = [n for n in self.notes if n.end is None or n.end > at - MEMORY]
        self.notes.append(note)
        self._assign(lone)
        return note

    def note_off(self, pitch: int, at: Beats) -> PlayedNote | None:
        """Hear a key come up; None if it was not down."""
        for note in self.notes:
            if note.pitch == pitch and note.end is None:
                note.end = max(at, note.at)
                return note
        return None

    def release_all(self, at: Beats) -> None:
        for note in self.held:
            note.end = max(at, note.at)

    def moved(self, by: Beats) -> None:
        """The grid was re-anchored: what is remembered moves with it."""
        for note in self.notes:
            note.at = Beats(note.at + by)
            note.onset = Beats(note.onset + by)
            note.end = None if note.end is None else Beats(note.end + by)
        self.phrase_start = Beats(self.phrase_start + by)

    def _assign(self, lone: int) -> None:
        """Give the newest notes their voices: a line is `lone`, a chord is spread from the top."""
        newest = self.notes[-1].onset
        fresh = sorted((note for note in self.held if note.onset == newest), key=lambda n: -n.pitch)
        kept = {n.voice: n.pitch for n in self.held if n.onset != newest and n.voice is not None}
        if not kept:
            voices = (lone,) if len(fresh) == 1 else _CHORD_VOICES[min(4, len(fresh))]
            for place, note in enumerate(fresh):
                note.voice = voices[place] if place < len(voices) else None
            return
        for note in fresh:
            note.voice = _free_voice(note.pitch, kept, lone)
            if note.voice is not None:
                kept[note.voice] = note.pitch

    def heard(self, begin: Beats, end: Beats, legato: Beats) -> tuple[Note, ...]:
        """The player's notes that sound in [begin, end), small gaps closed (`legato`, in beats)."""
        lines = [self._line(voice, begin, end, legato) for voice in range(len(VOICES))]
        return tuple(note for line in lines for note in line)

    def given(self, heard: Sequence[Note], lone: int) -> tuple[int, ...]:
        """The voices that are the player's where `heard` was heard; those from before in a rest."""
        voices = tuple(sorted({note.voice for note in heard}))
        self._last_given = voices or self._last_given or (lone,)
        return self._last_given

    def _line(self, voice: int, begin: Beats, end: Beats, legato: Beats) -> list[Note]:
        line = sorted((n for n in self.notes if n.voice == voice), key=lambda n: n.onset)
        notes = []
        for place, note in enumerate(line):
            finish = note.grid_end
            if finish is not None:
                reach = Beats(finish + legato)
                following = line[place + 1].onset if place + 1 < len(line) else reach
                if note.onset < following <= reach + GRID_TOLERANCE:
                    finish = max(finish, following)
            if note.onset < end - GRID_TOLERANCE and (
                finish is None or finish > begin + GRID_TOLERANCE
            ):
                duration = None if finish is None else Beats(finish - note.onset)
                notes.append(Note(voice, note.pitch, note.velocity, note.onset, duration))
        return notes

    def phrase(self, begin: Beats, end: Beats) -> tuple[Note, ...]:
        """The notes that began in [begin, end), onsets counted from `begin`: a seed phrase."""
        notes = [n for n in self.heard(begin, end, Beats(0.0)) if n.onset >= begin - GRID_TOLERANCE]
        return tuple(
            Note(
                n.voice,
                n.pitch,
                n.velocity,
                Beats(n.onset - begin),
                Beats(end - n.onset) if n.duration is None else n.duration,
            )
            for n in notes
        )


def _free_voice(pitch: int, taken: dict[int, int], lone: int) -> int | None:
    """A voice for `pitch` beside those `taken`, in order of pitch where that is possible."""
    free = [voice for voice in range(len(VOICES)) if voice not in taken]
    ordered = [
        voice
        for voice in free
        if all((pitch <= p) if v < voice else (pitch >= p) for v, p in taken.items())
    ]
    if lone in ordered:
        return lone
    return next(iter(ordered or free), None)
