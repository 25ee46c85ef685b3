"""Writes notes as event tokens, in the one order that models are trained on.

Bars are told when a note needs them, positions when the time changes; at one time the player's
notes come first, and pitches rise. Each note is a chunk of its own, which merges do not leave.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import COMMON_TIME, Next, State, Told, Word
from ripieno.grammar.tokens.vocabulary import Kind, Meter, Scheme

Chunk = tuple[int, ...]
"""Base ids that belong together: merges happen inside only."""


@dataclass(frozen=True, slots=True)
class Written:
    """Notes as chunks, and where a reader stands after them."""

    chunks: tuple[Chunk, ...]
    state: State


@dataclass(frozen=True, slots=True)
class _Scale:
    """Base tokens of one kind by value, for finding the nearest."""

    values: tuple[int, ...]
    ids: tuple[int, ...]

    def nearest(self, value: int) -> int | None:
        """The id of the nearest value, of the smaller one in a tie; None if there is none."""
        place = bisect_left(self.values, value)
        near = self.values[max(0, place - 1) : place + 1]
        if not near:
            return None
        best = min(near, key=lambda known: (abs(known - value), known))
        return self.ids[bisect_left(self.values, best)]

    def below(self, value: int) -> tuple[int, int] | None:
        """The largest value that is no larger, and its id."""
        place = bisect_left(self.values, value + 1) - 1
        return (self.values[place], self.ids[place]) if place >= 0 else None


class Writer:
    """Writes for the vocabulary of `reader`; `player` is the program whose notes come first."""

    def __init__(self, reader: Reader, player: int | None = None) -> None:
        vocabulary = reader.vocabulary
        self._reader, self._player = reader, player
        self._scheme = vocabulary.scheme
        self._scales = {kind: _scale(vocabulary.some(kind)) for kind in Kind}
        self._bars = vocabulary.bars
        self._mark: Chunk = () if reader.words is None else (vocabulary.ids["Word", "None"],)
        self._meters = {event.meter: number for event, number in vocabulary.some(Kind.METER)}
        midi_like = self._scheme is Scheme.MIDI_LIKE
        self._programs = bool(self._scales[Kind.PROGRAM].ids) and not midi_like
        self._merged: dict[Chunk, tuple[int, ...]] = {}

    def meter(self, meter: Meter) -> Meter:
        """The metre in which a piece in `meter` is told: the same, one with bars of that length,
        or, if there is none, four quarters, or what the vocabulary has."""
        if self._scheme is not Scheme.REMI or not self._meters:
            return COMMON_TIME
        if meter in self._meters:
            return meter
        alike = [m for m in self._meters if m[0] * meter[1] == meter[0] * m[1]]
        common = COMMON_TIME if COMMON_TIME in self._meters else next(iter(self._meters))
        return alike[0] if alike else common

    def meter_id(self, meter: Meter | None) -> int | None:
        """The id that tells `meter` alone, None if there is none."""
        return None if meter is None else self._meters.get(meter)

    def pitch(self, pitch: int) -> int | None:
        """`pitch`, moved by octaves to where the vocabulary has it; None if it has none such."""
        known = [p for p in self._reader.pitches if (p - pitch) % 12 == 0]
        return min(known, key=lambda p: (abs(p - pitch), p), default=None)

    def write(
        self, notes: Sequence[Told], origin: int, until: int, meter: Meter, part: int = 0
    ) -> Written:
        """`notes` in [origin, until), in the metre `meter`; the first bar begins at `origin`, and
        at `part` a part of the music does, where bars are numbered.

        A note whose `end` is not known has the length of a beat, where lengths are told.

        What the vocabulary has no pitch for is left out. Of two notes of one program and pitch that
        overlap, the later one cuts the earlier.
        """
        known = self._in_order(notes)
        if self._scheme is Scheme.MIDI_LIKE:
            return self._ons_and_offs(known, origin, until)
        chunks: list[Chunk] = []
        state = self._reader.start(origin)
        for note in known:
            way, state = self._way(state, note.onset, origin, meter, part)
            if self._scheme is Scheme.STRUCTURED:
                chunks += [way] if way else []
                way = ()
            chunks.append((*way, *self._note(note, meter)))
            state = _after(state, note, self._scheme)
        return Written(tuple(chunks), state)

    def merged(self, chunk: Chunk) -> tuple[int, ...]:
        """The ids of a chunk with its merges done."""
        if chunk not in self._merged:
            self._merged[chunk] = tuple(self._reader.vocabulary.merged(chunk))
        return self._merged[chunk]

    def _in_order(self, notes: Sequence[Told]) -> list[Told]:
        def order(note: Told) -> tuple[int, bool, int, int]:
            return note.onset, note.program != self._player, note.program, note.pitch

        line: list[Told] = []
        latest: dict[tuple[int, int], int] = {}  # where each pitch began last
        for note in sorted(notes, key=order):
            pitch = self.pitch(note.pitch)
            if pitch is None:
                continue
            cell = note.program, pitch
            before = latest.get(cell)
            if before is not None and line[before].onset == note.onset:
                continue
            if before is not None and line[before].sounds(note.onset):
                line[before] = _changed(line[before], pitch, note.onset)
            latest[cell] = len(line)
            line.append(_changed(note, pitch, note.end))
        return line

    def _way(
        self, state: State, onset: int, origin: int, meter: Meter, part: int
    ) -> tuple[Chunk, State]:
        """The tokens that lead from `state` to a note at `onset`, and where they lead."""
        if self._scheme is not Scheme.REMI:
            first = state.word is Word.DUE
            shifts = self._shifts(state.now, onset, origin, first=first)
            return shifts, _moved(state, onset, state.bar, meter)
        length = self._reader.bar_length(meter)
        bar = origin + (onset - origin) // length * length
        count = (bar - origin) // length + 1 if state.bar is None else (bar - state.bar) // length
        opening = self._meters.get(meter) if self._meters else None
        way: Chunk = ()
        for begin in range(bar - (count - 1) * length, bar + 1, length):
            line = self._bars[(begin - part) // length % len(self._bars)]
            way += (*self._mark, line) if opening is None else (*self._mark, line, opening)
        if count or onset != state.now or not state.placed:
            beat, positions = self._reader.beat(meter), self._reader.vocabulary.positions
            place = self._scales[Kind.POSITION].nearest((onset - bar) * positions // beat)
            before = bar if count else state.now
            way = (*way, *self._marks(before, onset, bar, meter))
            way = way if place is None else (*way, place)
        return way, _moved(state, onset, bar, meter)

    def _shifts(self, now: int, target: int, origin: int, *, first: bool) -> Chunk:
        """Shifts of time from `now` to `target`, the longest first; exactly one where there is one
        before every note. Words begin at bars, or beats, from `origin` on, and with the `first`."""
        scale = self._scales[Kind.SHIFT]
        way: list[int] = [*self._mark] if first else []
        if self._scheme is Scheme.STRUCTURED:
            place = scale.below(target - now)
            if place is None:
                return ()
            crossed = () if first else self._marks(now, now + place[0], origin, COMMON_TIME)
            return (*way, *crossed, place[1])
        while now < target and (found := scale.below(target - now)) is not None and found[0] > 0:
            way += (found[1], *self._marks(now, now + found[0], origin, COMMON_TIME))
            now += found[0]
        return tuple(way)

    def _marks(self, before: int, now: int, origin: int, meter: Meter) -> Chunk:
        """The mark of a word that begins after `before` and not after `now`, if one does."""
        words = self._reader.words
        crossed = words is not None and words.crosses(before, now, origin, meter)
        return self._mark if crossed else ()

    def _note(self, note: Told, meter: Meter) -> Chunk:
        end = note.onset + self._reader.beat(meter) if note.end is None else note.end
        length = (end - note.onset) * meter[1] // 4
        told = [self._scales[Kind.PROGRAM].nearest(note.program)] if self._programs else []
        told.append(self._scales[Kind.PITCH].nearest(note.pitch))
        told.append(self._scales[Kind.VELOCITY].nearest(note.velocity))
        told.append(self._scales[Kind.DURATION].nearest(length))
        return tuple(number for number in told if number is not None)

    def _ons_and_offs(self, notes: Sequence[Told], origin: int, until: int) -> Written:
        """Ends are told before beginnings at one time; a note without an end still sounds."""
        moves = [(note.onset, 1, note.pitch, note) for note in notes]
        over = [note for note in notes if note.end is not None and note.end <= until]
        moves += [(note.end or 0, 0, place, note) for place, note in enumerate(over)]
        chunks: list[Chunk] = []
        now, first = origin, bool(self._mark)
        for at, on, _, note in sorted(moves, key=lambda move: move[:3]):
            kind = Kind.NOTE_ON if on else Kind.NOTE_OFF
            told = [self._scales[kind].nearest(note.pitch)]
            told += [self._scales[Kind.VELOCITY].nearest(note.velocity)] if on else []
            way = self._shifts(now, at, origin, first=first)
            chunks.append((*way, *(n for n in told if n is not None)))
            now, first = at, False
        sounding = tuple(_changed(n, n.pitch, None) for n in notes if n not in over)
        began = [note.pitch for note in notes if note.onset == now]
        top = (0, max(began)) if began else None
        word = self._reader.start().word if first else Word.NONE
        return Written(
            tuple(chunks), State(now, word=word, placed=True, sounding=sounding, top=top)
        )


def _scale(found: Sequence[tuple[object, int]]) -> _Scale:
    values = tuple(getattr(event, "value", 0) for event, _ in found)
    return _Scale(values, tuple(number for _, number in found))


def _changed(note: Told, pitch: int, end: int | None) -> Told:
    return Told(note.onset, end, pitch, note.velocity, note.program)


def _moved(state: State, at: int, bar: int | None, meter: Meter) -> State:
    """At `at`, where a note will begin."""
    return State(
        now=at,
        bar=bar,
        meter=meter,
        placed=True,
        top=state.top if at == state.now else None,
        sounding=tuple(note for note in state.sounding if note.sounds(at)),
    )


def _after(state: State, note: Told, scheme: Scheme) -> State:
    return State(
        now=state.now,
        next=Next.SHIFT if scheme is Scheme.STRUCTURED else Next.ANY,
        bar=state.bar,
        meter=state.meter,
        placed=True,
        top=(note.program, note.pitch),
        sounding=(*state.sounding, note),
    )
