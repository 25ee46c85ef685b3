"""What the machine has played, step by step, and a stretch of it that can be played again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ripieno.clock import GRID_TOLERANCE, Beats, Seconds, ceil_to, snap
from ripieno.events import Note, Planned, Sounding
from ripieno.modes.ear import STEP
from ripieno.modes.voicing import ALL

MEMORY = 4096
"""How many steps are remembered."""


@dataclass(frozen=True, slots=True)
class Part:
    """Voices of a stretch whose notes are known before: a seed phrase or a passage, to `end`."""

    voices: tuple[int, ...]
    notes: tuple[Note, ...]
    end: Beats

    @classmethod
    def of(cls, notes: tuple[Note, ...], begin: Beats) -> Part:
        """`notes`, whose onsets count from 0, placed at `begin`; the end is on a whole beat."""
        placed = _placed(notes, begin)
        voices = tuple(sorted({n.voice for n in placed}))
        return cls(voices, placed, ceil_to(Beats(max(map(_end, placed))), Beats(1.0)))

    def within(self, begin: Beats, end: Beats) -> tuple[Note, ...]:
        """The notes that sound in [begin, end)."""
        return tuple(n for n in self.notes if n.onset < end and _end(n) > begin + GRID_TOLERANCE)

    def of_voices(self, voices: tuple[int, ...]) -> Part:
        """Only these voices of it."""
        return Part(voices, tuple(n for n in self.notes if n.voice in voices), self.end)

    def steps(self, epoch: int, begin: Beats, end: Beats | None = None) -> Iterator[Planned]:
        """What these voices do, step by step, in [begin, end); to the part's own end if None."""
        last = self.end if end is None else end
        while begin < last - GRID_TOLERANCE:
            after = Beats(begin + STEP)
            sounding = {n.voice: n for n in self.within(begin, after)}
            yield fixed(epoch, begin, (self._state(sounding, v, begin) for v in self.voices))
            begin = after

    def _state(self, sounding: dict[int, Note], voice: int, begin: Beats) -> Sounding:
        note = sounding.get(voice)
        if note is None:
            return Sounding(voice, None, False, 0)
        return Sounding(voice, note.pitch, note.onset >= begin - GRID_TOLERANCE, note.velocity)


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole bars of the machine's own music. Onsets count from 0, `length` is in beats."""

    notes: tuple[Note, ...]
    length: Beats

    def at(self, begin: Beats) -> Part:
        """The passage placed at `begin`: all four voices, those without notes rest."""
        voices = tuple(sorted({*ALL, *(note.voice for note in self.notes)}))
        return Part(voices, _placed(self.notes, begin), Beats(begin + self.length))


class Record:
    """The newest plan for every step, kept by its place on the score: what was or will be heard."""

    def __init__(self) -> None:
        self._steps: dict[int, dict[int, Sounding]] = {}

    def add(self, planned: Planned) -> None:
        """A step was planned; it replaces what its voices were to do there before."""
        place = _place(planned.begin)
        voices = self._steps.pop(place, {})
        voices.update((told.voice, told) for told in planned.voices)
        self._steps[place] = voices  # the newest comes last
        while len(self._steps) > MEMORY:
            del self._steps[next(iter(self._steps))]

    def held(self, step: Beats, sounding: Iterable[Note]) -> None:
        """`step` was missed: what sounded went on, and the other voices were silent."""
        pitches = {note.voice: note for note in sounding}
        known = {*ALL, *pitches, *self._steps.get(_place(step), {})}
        self._steps[_place(step)] = {
            v: Sounding(v, pitches[v].pitch, False, pitches[v].velocity)
            if v in pitches
            else Sounding(v, None, False, 0)
            for v in sorted(known)
        }

    def clear(self) -> None:
        self._steps.clear()

    def known(self, heard: tuple[Note, ...], here: Beats, until: Beats) -> tuple[Note, ...]:
        """`heard`, which reaches up to `here`, with what is planned in [here, until): a note that
        goes on is one note."""
        ahead = self.passage(here, until)
        planned = ahead.at(here).notes if ahead else ()
        first = {n.voice: n for n in reversed(planned) if n.onset <= here + GRID_TOLERANCE}
        states = self._steps.get(_place(here), {})
        notes: list[Note] = []
        joined: set[int] = set()
        for note in heard:
            if note.onset >= here - GRID_TOLERANCE:
                continue
            if note.duration is None and note.voice in states:
                after, state = first.get(note.voice), states[note.voice]
                goes_on = after is not None and not state.struck and after.pitch == note.pitch
                end = _end(after) if after is not None and goes_on else here
                joined |= {note.voice} if goes_on else set()
                notes.append(replace(note, duration=Beats(end - note.onset)))
            else:
                notes.append(note)
        left = (n for n in planned if n.voice not in joined or n is not first.get(n.voice))
        return (*notes, *left)

    def passage(
        self, begin: Beats, end: Beats, first: Beats | None = None, last: Beats | None = None
    ) -> Passage | None:
        """What [begin, end) brought from `first` up to `last`; None if nothing sounded there."""
        start, stop = _place(begin), _place(end)
        low = start if first is None else max(start, _place(first))
        high = stop if last is None else min(stop, _place(last))
        notes: list[Note] = []
        places = (self._steps.get(place, {}) for place in range(low, high))
        for voice in sorted({*ALL, *(voice for voices in places for voice in voices)}):
            notes += self._line(voice, start, low, high)
        return Passage(tuple(notes), Beats((stop - start) * STEP)) if notes else None

    def _line(self, voice: int, start: int, low: int, high: int) -> Iterator[Note]:
        """The notes of one voice in the steps low … high - 1; a gap in the record is a rest."""
        since: int | None = None
        now: Sounding | None = None
        for place in range(low, high + 1):
            told = self._steps.get(place, {}).get(voice) if place < high else None
            goes_on = told is not None and now is not None and told.pitch == now.pitch
            if goes_on and told is not None and not told.struck:
                continue
            if now is not None and since is not None and now.pitch is not None:
                onset, length = Beats((since - start) * STEP), Beats((place - since) * STEP)
                yield Note(voice, now.pitch, now.velocity, onset, length)
            now, since = (None, None) if told is None or told.pitch is None else (told, place)


def fixed(epoch: int, begin: Beats, voices: Iterable[Sounding]) -> Planned:
    """A step that no model decides now."""
    end = Beats(begin + STEP)
    return Planned(epoch, begin, end, tuple(voices), False, Seconds(0.0), Seconds(0.0), True)


def rests(epoch: int, begin: Beats, voices: Iterable[int] = ALL) -> Planned:
    """From `begin` on these voices are silent."""
    return fixed(epoch, begin, (Sounding(voice, None, False, 0) for voice in voices))


def _place(beat: Beats) -> int:
    return round(snap(beat, STEP) / STEP)


def _placed(notes: tuple[Note, ...], begin: Beats) -> tuple[Note, ...]:
    return tuple(
        Note(n.voice, n.pitch, n.velocity, Beats(begin + n.onset), n.duration) for n in notes
    )


def _end(note: Note) -> Beats:
    return Beats(note.onset + (STEP if note.duration is None else note.duration))
