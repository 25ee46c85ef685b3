"""What the player plays, heard as lines on the grid: which voice, which step, how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median

from ripieno.clock import GRID_TOLERANCE, Beats, snap
from ripieno.events import Note
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.modes.voicing import Voicing

STEP = Beats(1 / STEPS_PER_BEAT)
MEMORY = 1024
"""How many of the player's notes are kept, for phrases taken as a seed."""
RECENT = 32
"""Notes older than so many are no part of what the hand does now."""
FARTHEST = Beats(64.0)
"""No note is looked for that was struck longer than this before a span."""
OVERLAP = Beats(STEP / 2)
"""Fingers that play legato leave the old key up to this long after they struck the new one."""
TOUCH = 8
"""How many of the player's last notes tell how loud the player is."""


@dataclass(slots=True)
class PlayedNote:
    """A note of the player: `at` and `end` as played (None while held), `onset` on the grid.

    `lifted` is when the key came up, if the pedal holds the note on; `end` is still None then.
    """

    pitch: int
    velocity: int
    at: Beats
    onset: Beats
    voice: int | None
    channel: int = 0
    lifted: Beats | None = None
    end: Beats | None = None

    @property
    def down(self) -> bool:
        """A finger is on the key."""
        return self.end is None and self.lifted is None

    @property
    def grid_end(self) -> Beats | None:
        """Where the note ends on the grid: at least a step after its onset."""
        if self.end is None:
            return None
        return max(Beats(self.onset + STEP), snap(self.end, STEP))


class Ear:
    """The player's notes, newest last. A fifth simultaneous note has no voice and is only thru.

    What a note costs does not depend on how much was played before it.
    """

    def __init__(self) -> None:
        self.notes: list[PlayedNote] = []
        self.phrase_start = Beats(0.0)
        self.last_release: Beats | None = None
        self.silent_from: Beats | None = None
        self._held: dict[tuple[int, int], PlayedNote] = {}
        self._touch: deque[int] = deque(maxlen=TOUCH)
        self._pedals: set[int] = set()
        self._last_given: tuple[int, ...] = ()
        self._claimed: set[int] = set()
        self._by_hand = True  # voices follow from how the hand plays, and from nothing else

    @property
    def held(self) -> list[PlayedNote]:
        """What sounds on: the keys that are down, and what the pedal holds."""
        return list(self._held.values())

    @property
    def velocity(self) -> int | None:
        """How hard the player has played lately, 1…127: in the middle, so that an accent is one."""
        return round(median(self._touch)) if self._touch else None

    def activity(self, beat: Beats, window: Beats) -> float:
        """The player's onsets per beat in the `window` before `beat`; a chord is one onset."""
        recent = takewhile(lambda note: note.at > beat - window, reversed(self.notes))
        return len({note.onset for note in recent if note.at <= beat}) / window

    def start_phrase(self, beat: Beats) -> None:
        """A phrase starts with the next note, at `beat`."""
        self.phrase_start = beat
        self._last_given = ()
        self._claimed.clear()

    def note_on(
        self,
        pitch: int,
        velocity: int,
        at: Beats,
        onset: Beats,
        voicing: Voicing,
        channel: int = 0,
    ) -> PlayedNote:
        """Hear a key go down, at `onset` on the grid; `voicing` tells which voice it is."""
        again = self._held.get((channel, pitch))
        if again is not None:
            self._end(again, at)
        note = PlayedNote(pitch, velocity, at, onset, None, channel)
        self._held[channel, pitch] = note
        self.notes.append(note)
        if len(self.notes) > 2 * MEMORY:
            kept = self.notes[-MEMORY:]
            self.notes = [n for n in self.notes[:-MEMORY] if n.end is None] + kept
        self._touch.append(velocity)
        self._by_hand = not voicing.claims
        self._assign(voicing)
        self.last_release = self.silent_from = None
        return note

    def note_off(self, pitch: int, at: Beats, channel: int = 0) -> PlayedNote | None:
        """Hear a key come up; None if it was not down. With the pedal down the note sounds on."""
        note = self._held.get((channel, pitch))
        if note is None or not note.down:
            return None
        if channel in self._pedals:
            note.lifted = at
        else:
            self._end(note, at)
            self._pass_on(note)
        return note

    def _end(self, note: PlayedNote, at: Beats) -> None:
        note.end = max(at, note.at)
        del self._held[note.channel, note.pitch]
        self._fall_silent()

    def _fall_silent(self) -> None:
        """When nothing sounds any more: since when, as played and on the grid."""
        self.last_release = self.silent_from = None
        if self.notes and not self._held:
            recent = self.notes[-RECENT:]
            self.last_release = max(n.end for n in recent if n.end is not None)
            self.silent_from = max(n.grid_end for n in recent if n.grid_end is not None)

    def _pass_on(self, note: PlayedNote) -> None:
        """After a finger legato the next note is the same line, and no second voice."""
        down = [n for n in self._held.values() if n.down]
        if self._by_hand and len(down) == 1 and note.end is not None:
            (after,) = down
            if after.onset > note.onset and note.end - after.at <= OVERLAP:
                after.voice = note.voice

    def pedal(self, down: bool, at: Beats, channel: int = 0) -> None:
        """Hear the sustain pedal of a channel: when it rises, what only it held ends."""
        if down:
            self._pedals.add(channel)
            return
        self._pedals.discard(channel)
        for note in self.held:
            if note.lifted is not None and note.channel == channel:
                self._end(note, at)

    def release_all(self, at: Beats) -> None:
        """All keys and pedals are up."""
        self._pedals.clear()
        for note in self.held:
            self._end(note, at)

    def moved(self, by: Beats) -> None:
        """The grid was re-anchored: what is remembered moves with it."""
        for note in self.notes:
            note.at = Beats(note.at + by)
            note.onset = Beats(note.onset + by)
            note.lifted = None if note.lifted is None else Beats(note.lifted + by)
            note.end = None if note.end is None else Beats(note.end + by)
        self.phrase_start = Beats(self.phrase_start + by)
        self._fall_silent()

    def rescaled(self, origin: Beats, factor: float) -> None:
        """The tempo of what was played was another: around `origin`, a beat was `factor` beats."""

        def there(beat: Beats) -> Beats:
            return Beats(origin + (beat - origin) * factor)

        for note in self.notes:
            note.at = there(note.at)
            note.onset = snap(note.at, STEP)
            note.lifted = None if note.lifted is None else there(note.lifted)
            note.end = None if note.end is None else there(note.end)
        self.phrase_start = there(self.phrase_start)
        self._fall_silent()

    def located(self, beat: Beats) -> None:
        """The music goes on at `beat`: the keys that are down are, and all else is over."""
        self.notes = self.held
        for note in self.notes:
            note.at, note.onset = beat, snap(beat, STEP)
            note.lifted = None if note.lifted is None else beat
        self.start_phrase(beat)
        self._fall_silent()

    def _assign(self, voicing: Voicing) -> None:
        """Give the newest notes their voices, beside those in which keys are down already."""
        newest = self.notes[-1].onset
        down = [note for note in self._held.values() if note.down]
        chord = sorted((n for n in down if n.onset == newest), key=lambda n: -n.pitch)
        kept = {n.voice: n.pitch for n in down if n.onset != newest and n.voice is not None}
        before = (n for n in self.notes[-RECENT:] if n.onset != newest)
        last = {n.voice: n.pitch for n in before if n.voice is not None}
        voices = voicing.voices(tuple((n.pitch, n.channel) for n in chord), kept, last)
        for note, voice in zip(chord, voices, strict=True):
            note.voice = voice
            if voice is not None:
                self._claimed.add(voice)

    def heard(self, begin: Beats, end: Beats, legato: Beats) -> tuple[Note, ...]:
        """The player's notes that sound in [begin, end), small gaps closed (`legato`, in beats)."""
        lines: list[list[Note]] = [[] for _ in VOICES]
        following: list[Beats | None] = [None] * len(VOICES)
        reached: set[int] = set()  # before these voices' entries nothing can reach the span
        for note in reversed(self.notes):
            if len(reached) == len(VOICES) or note.at < begin - FARTHEST:
                break
            if note.voice is None or note.voice in reached:
                continue
            finish = self._finish(note, following[note.voice], legato)
            following[note.voice] = note.onset
            if note.onset <= begin + GRID_TOLERANCE:
                reached.add(note.voice)
            if note.onset < end - GRID_TOLERANCE and (
                finish is None or finish > begin + GRID_TOLERANCE
            ):
                duration = None if finish is None else Beats(finish - note.onset)
                told = Note(note.voice, note.pitch, note.velocity, note.onset, duration)
                lines[note.voice].append(told)
        return tuple(note for line in lines for note in reversed(line))

    def given(self, heard: Sequence[Note], voicing: Voicing) -> tuple[int, ...]:
        """The voices that are the player's where `heard` was heard; those from before in a rest."""
        sounding = {note.voice for note in heard}
        voices = tuple(sorted(sounding | self._claimed if voicing.claims else sounding))
        self._last_given = voices or self._last_given or (voicing.lone,)
        return self._last_given

    def _finish(self, note: PlayedNote, following: Beats | None, legato: Beats) -> Beats | None:
        """Where a note ends in its line: a small gap is closed, and the pedal smears no line."""
        finish = note.grid_end
        if finish is None:
            later = following is not None and following > note.onset
            return following if later else None
        reach = Beats(finish + legato)
        if following is None:
            return reach
        if note.onset < following <= reach + GRID_TOLERANCE:
            return max(finish, following)
        return finish

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
