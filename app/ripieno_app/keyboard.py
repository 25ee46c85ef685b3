"""The computer keyboard as an instrument. Pure: keys and moments in, played keys out.

A terminal tells when a key goes down and never when it comes up. So a note lasts a set length, or,
latched, until its key is pressed again. A key that is held repeats itself: its repeats keep the
note sounding and strike nothing. A repeat looks just like a new stroke, but its timing gives it
away: repeats follow each other faster than a finger can, after a first pause that is always the
same and is learnt from the first key that is held.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.clock import Beats, Seconds
from ripieno.commands import KeyPlayed

LOWER, UPPER = "zsxdcvgbhnjm,l.;/", "q2w3er5t6y7ui9o0p"
"""Two rows of piano keys, a semitone for each: C to E, with an octave between the rows."""
SEMITONES = {key: at for at, key in enumerate(LOWER)} | {k: at + 12 for at, k in enumerate(UPPER)}
LENGTHS = (Beats(0.25), Beats(0.5), Beats(1.0), Beats(2.0), Beats(4.0))

LOWEST_OCTAVE, HIGHEST_OCTAVE = 0, 7
TOUCH, ACCENT = 80, 110
REPEAT_GAP = Seconds(0.09)
"""A finger does not strike one key twice as fast as this; the system's repeat does."""
FIRST_GAP_SLACK = Seconds(0.015)
LINGER = Seconds(0.15)
"""How long a note goes on after a repeat of its key, so that it bridges to the next one."""


@dataclass(frozen=True, slots=True)
class _Stroke:
    """The newest key event: which key, when, and how long after the event before it if the same."""

    key: str
    at: Seconds
    gap: float | None
    repeat: bool


class Keyboard:
    """Letters as piano keys. `octave` is the scientific number of the lower row's C."""

    def __init__(self) -> None:
        self.octave = 4
        self.latch = False
        self.length = Beats(1.0)
        self._ends: dict[int, Seconds | None] = {}
        self._last: _Stroke | None = None
        self._first_gap: float | None = None

    @property
    def sounding(self) -> frozenset[int]:
        """The pitches that are down."""
        return frozenset(self._ends)

    @property
    def next_due(self) -> Seconds | None:
        """When the next note ends, None if none does by itself."""
        return min((end for end in self._ends.values() if end is not None), default=None)

    def pitch_of(self, key: str) -> int | None:
        """The MIDI number that `key` plays, None if it is no piano key or beyond the range."""
        semitones = SEMITONES.get(key.lower())
        if semitones is None:
            return None
        pitch = 12 * (self.octave + 1) + semitones
        return pitch if pitch <= 127 else None

    def move(self, octaves: int) -> None:
        """Move both rows by octaves, as far as there are any. What sounds goes on."""
        self.octave = max(LOWEST_OCTAVE, min(HIGHEST_OCTAVE, self.octave + octaves))

    def lengthen(self, clicks: int) -> None:
        """The next longer or shorter of LENGTHS, as far as there are any."""
        place = LENGTHS.index(self.length) + clicks
        self.length = LENGTHS[max(0, min(len(LENGTHS) - 1, place))]

    def press(self, key: str, at: Seconds, beat: Seconds) -> list[KeyPlayed]:
        """A key event at `at`, with a beat lasting `beat`. Upper-case letters are accents."""
        pitch = self.pitch_of(key)
        if pitch is None:
            return []
        repeat = self._is_repeat(key, at)
        end = self._ends.get(pitch)
        if repeat:
            if end is not None:
                self._ends[pitch] = max(end, Seconds(at + LINGER))
            if self.latch or pitch in self._ends:
                return []
        return self._strike(pitch, ACCENT if key.isupper() else TOUCH, at, beat)

    def due(self, at: Seconds) -> list[KeyPlayed]:
        """Release the notes that end at or before `at`."""
        ended = [pitch for pitch, end in self._ends.items() if end is not None and end <= at]
        return [self._release(pitch) for pitch in ended]

    def release_all(self) -> list[KeyPlayed]:
        """Release everything, latched or not."""
        return [self._release(pitch) for pitch in list(self._ends)]

    def forget(self) -> None:
        """Everything was silenced elsewhere: no release is owed any more."""
        self._ends.clear()

    def _strike(self, pitch: int, velocity: int, at: Seconds, beat: Seconds) -> list[KeyPlayed]:
        played: list[KeyPlayed] = []
        if pitch in self._ends:
            latched = self._ends[pitch] is None
            played.append(self._release(pitch))
            if latched:
                return played
        self._ends[pitch] = None if self.latch else Seconds(at + self.length * beat)
        return [*played, KeyPlayed(pitch, velocity, True)]

    def _release(self, pitch: int) -> KeyPlayed:
        del self._ends[pitch]
        return KeyPlayed(pitch, 0, False)

    def _is_repeat(self, key: str, at: Seconds) -> bool:
        last = self._last
        gap = at - last.at if last is not None and last.key == key else None
        fast = gap is not None and gap < REPEAT_GAP
        if fast and last is not None and not last.repeat and last.gap is not None:
            self._first_gap = last.gap  # what looked like a second stroke was the first repeat
        expected = (
            gap is not None
            and self._first_gap is not None
            and last is not None
            and not last.repeat
            and abs(gap - self._first_gap) <= FIRST_GAP_SLACK
        )
        repeat = fast or expected
        self._last = _Stroke(key, at, gap, repeat)
        return repeat
