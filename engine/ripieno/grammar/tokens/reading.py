"""Reads event tokens as they come: what may follow, where in time it is, which notes are told.

A state machine without side effects: `advance` says where a base token leads, or that it may not
come there. What it lets through always moves on: bars and positions rise, and at one time pitches
rise. MidiTok's own decoding of the same tokens tells the same notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ripieno.grammar.tokens.states import AFTER, Bounds, Next, State, Told, Word
from ripieno.grammar.tokens.vocabulary import (
    Branch,
    Event,
    Kind,
    Meter,
    Scheme,
    Vocabulary,
    Words,
)
from ripieno.grammar.tokens.words import WordRules

Way = Callable[[State, Event, Bounds], State | None]
"""Where a token leads."""


class Reader:
    """The rules of one vocabulary. Ticks count from where its user wants them to."""

    def __init__(self, vocabulary: Vocabulary, default_velocity: int = 100) -> None:
        """`default_velocity` of notes in a vocabulary without velocities; 100 is MidiTok's."""
        self.vocabulary = vocabulary
        self._scheme = vocabulary.scheme
        self._default = default_velocity
        has = {event.kind for event in vocabulary.events.values()}
        self.velocities = Kind.VELOCITY in has
        self._meters = Kind.METER in has and self._scheme is Scheme.REMI
        self._bars = len(vocabulary.bars)
        apart = self._scheme is not Scheme.MIDI_LIKE
        self._programs = [e.value for e, _ in vocabulary.some(Kind.PROGRAM)] if apart else []
        shifts = vocabulary.some(Kind.SHIFT)
        self._farthest = shifts[-1][0].value if shifts else 0
        note = Kind.NOTE_ON if self._scheme is Scheme.MIDI_LIKE else Kind.PITCH
        self.pitches = frozenset(event.value for event, _ in vocabulary.some(note))
        self.words = None if vocabulary.words is Words.NONE else WordRules(vocabulary)
        self._known: tuple[State | None, Bounds | None, bool] = (None, None, False)
        self._ways: dict[Kind, Way] = {
            Kind.BAR: self._bar,
            Kind.METER: self._meter,
            Kind.POSITION: self._position,
            Kind.PROGRAM: self._program,
            Kind.PITCH: self._pitch,
            Kind.VELOCITY: self._velocity,
            Kind.DURATION: self._duration,
            Kind.NOTE_ON: self._note_on,
            Kind.NOTE_OFF: self._note_off,
            Kind.SHIFT: self._shift,
        }
        if self.words is not None:
            # Elsewhere a word can neither begin nor end.
            inside = (Kind.METER, Kind.VELOCITY, Kind.DURATION)
            marked = {kind: way for kind, way in self._ways.items() if kind not in inside}
            marked[Kind.WORD] = self._word
            self._ways |= {kind: partial(self._in_words, way) for kind, way in marked.items()}

    def start(self, at: int = 0) -> State:
        """Before everything, at the tick `at`; without bars, a note may begin there."""
        structured = self._scheme is Scheme.STRUCTURED
        after = Next.SHIFT if structured else Next.ANY
        word = Word.NONE if self.words is None else self.words.start()
        return State(at, after, placed=self._scheme is not Scheme.REMI, word=word)

    def bar_length(self, meter: Meter) -> int:
        return meter[0] * self.beat(meter)

    def beat(self, meter: Meter) -> int:
        """The ticks of a beat, which in 6/8 is an eighth."""
        return self.vocabulary.quarter * 4 // meter[1]

    def advance(self, state: State, event: Event, bounds: Bounds) -> State | None:
        """Where `event` leads; None where it may not come."""
        way = self._ways.get(event.kind)
        return way(state, event, bounds) if way else None

    def legal(self, state: State, bounds: Bounds) -> list[int]:
        """All ids that may come next, each with all that it stands for, rising."""
        return [number for number, _ in self.onward(state, bounds)]

    def onward(self, state: State, bounds: Bounds) -> list[tuple[int, State]]:
        """The same, each with where it leads."""
        found: list[tuple[int, State]] = []
        self._walk(self.vocabulary.tree, state, bounds, found)
        return sorted(found, key=lambda way: way[0])

    def _walk(
        self, branch: Branch, state: State, bounds: Bounds, found: list[tuple[int, State]]
    ) -> None:
        kinds = AFTER[state.next]
        for kind, ways in branch.onward.items():
            way = self._ways.get(kind) if kind in kinds else None
            if way is None:
                continue
            for event, onward in ways:
                after = way(state, event, bounds)
                if after is None:
                    continue
                if onward.id is not None:
                    found.append((onward.id, after))
                if onward.onward:
                    self._walk(onward, after, bounds, found)

    # ---- words

    def _in_words(self, way: Way, state: State, event: Event, bounds: Bounds) -> State | None:
        """`way`, where words begin and nowhere else."""
        assert self.words is not None
        if not self.words.allows(state, event, bounds):
            return None
        led = way(state, event, bounds)
        if led is None or event.kind is Kind.WORD:
            return led
        return self.words.after(state, event, led, bounds)

    def _word(self, state: State, event: Event, bounds: Bounds) -> State | None:
        assert self.words is not None
        return self.words.marked(state)

    # ---- time

    def _bar(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if state.next is not Next.ANY or self._scheme is not Scheme.REMI:
            return None
        length = self.bar_length(state.meter)
        begin = bounds.origin if state.bar is None else state.bar + length
        if bounds.latest is not None and begin > bounds.latest:
            return None
        if self._bars > 1 and event.value != (begin - bounds.part) // length % self._bars + 1:
            return None
        after = Next.METER if self._meters else Next.ANY
        return replace(self._at(state, begin, after=after, placed=False), bar=begin)

    def _meter(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if state.next is not Next.METER or event.meter != (bounds.meter or event.meter):
            return None
        return replace(state, meter=event.meter, next=Next.ANY, told=None)

    def _position(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if state.next is not Next.ANY or state.bar is None:
            return None
        offset = event.value * self.beat(state.meter) // self.vocabulary.positions
        target = state.bar + offset
        passed = state.placed and target == state.now
        if passed or target < state.now or offset >= self.bar_length(state.meter):
            return None
        if target < bounds.earliest or not self._fits(state, target, bounds):
            return None
        return self._at(state, target, after=Next.NOTE, placed=True)

    def _shift(self, state: State, event: Event, bounds: Bounds) -> State | None:
        structured = self._scheme is Scheme.STRUCTURED
        if state.next not in (Next.ANY, Next.SHIFT) or not (event.value or structured):
            return None
        target = state.now + event.value * 4 // state.meter[1]
        if target < bounds.earliest:
            if event.value < self._farthest:
                return None
            if structured:  # no longer way can be told: it is as long as it has to be
                target = bounds.earliest
        elif (target - bounds.origin) % bounds.grid:
            return None
        if bounds.latest is not None and target > bounds.latest:
            return None
        if not structured:
            return self._at(state, target, after=Next.ANY, placed=True)
        fits = self._fits(state, target, bounds)
        return self._at(state, target, after=Next.NOTE, placed=True) if fits else None

    def _at(self, state: State, target: int, *, after: Next, placed: bool) -> State:
        """At the tick `target`, where nothing has begun yet, unless it is the same one."""
        return State(
            target,
            after,
            state.bar,
            state.meter,
            placed,
            state.top if target == state.now else None,
            sounding=tuple([note for note in state.sounding if note.sounds(target)]),
        )

    def _fits(self, state: State, at: int, bounds: Bounds) -> bool:
        """Whether a note can begin `at`, now or later: on the grid, and there is room for it."""
        if (at - bounds.origin) % bounds.grid:
            return False
        if bounds.latest is not None and at > bounds.latest:
            return False
        sounding = [note for note in state.sounding if note.sounds(at) and _ours(note, bounds)]
        if len(sounding) >= bounds.most:
            return False
        if bounds.program is not None or not self._programs:
            return self._room(state, bounds.program or 0, at, bounds)
        least = state.top[0] if state.top and at == state.now else -1
        known = (program for program in self._programs if program >= least)
        return any(self._room(state, program, at, bounds) for program in known)

    def _room(self, state: State, program: int, at: int, bounds: Bounds) -> bool:
        """Whether a note of `program` can begin `at`: above those that began there, if any."""
        taken = {n.pitch for n in state.sounding if n.program == program and n.sounds(at)}
        top = state.top if at == state.now else None
        least = top[1] if top and top[0] == program else -1
        return any(pitch > least and pitch not in taken for pitch in bounds.pitches)

    # ---- notes

    def _begins(self, state: State, bounds: Bounds) -> bool:
        """Whether a note may be told now. It is asked of one state again and again."""
        if state is not self._known[0] or bounds is not self._known[1]:
            ready = state.next is Next.NOTE or (state.next is Next.ANY and state.placed)
            late = state.now >= bounds.earliest
            fits = ready and late and self._fits(state, state.now, bounds)
            self._known = state, bounds, fits
        return self._known[2]

    def _program(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if not self._programs or not self._begins(state, bounds):
            return None
        free = bounds.program is None
        if not free and event.value != bounds.program:
            return None
        if free and state.top is not None and event.value < state.top[0]:
            return None
        if free and not self._room(state, event.value, state.now, bounds):
            return None
        return replace(state, program=event.value, next=Next.PITCH, told=None)

    def _pitch(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if self._programs:
            if state.next is not Next.PITCH:
                return None
        elif not self._begins(state, bounds):
            return None
        if not self._free(state, event.value, bounds):
            return None
        return State(
            state.now,
            Next.VELOCITY if self.velocities else Next.DURATION,
            state.bar,
            state.meter,
            True,
            state.top,
            event.value,
            self._default,
            state.program,
            state.sounding,
        )

    def _free(self, state: State, pitch: int, bounds: Bounds) -> bool:
        """Whether `pitch` is allowed, above what began now, and not sounding already."""
        if pitch not in bounds.pitches:
            return False
        if state.top is not None and state.top[0] == state.program and pitch <= state.top[1]:
            return False
        program = state.program
        return not any(n.pitch == pitch and n.program == program for n in state.sounding)

    def _velocity(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if state.next is not Next.VELOCITY:
            return None
        midi_like = self._scheme is Scheme.MIDI_LIKE
        heard = State(  # `replace` takes ten times as long, and there may be thousands of these
            state.now,
            Next.DURATION,
            state.bar,
            state.meter,
            state.placed,
            state.top,
            state.pitch,
            event.value,
            state.program,
            state.sounding,
        )
        return self._begun(heard, None) if midi_like else heard

    def _duration(self, state: State, event: Event, bounds: Bounds) -> State | None:
        length = event.value * 4 // state.meter[1]
        if state.next is not Next.DURATION or length <= 0 or length % bounds.grid:
            return None
        return self._begun(state, state.now + length)

    def _begun(self, state: State, end: int | None) -> State:
        told = Told(state.now, end, state.pitch, state.velocity, state.program)
        return State(
            state.now,
            Next.SHIFT if self._scheme is Scheme.STRUCTURED else Next.ANY,
            state.bar,
            state.meter,
            True,
            (state.program, state.pitch),
            sounding=(*state.sounding, told),
            told=told,
        )

    def _note_on(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if not self._begins(state, bounds) or not self._free(state, event.value, bounds):
            return None
        on = replace(state, pitch=event.value, velocity=self._default, told=None)
        return replace(on, next=Next.VELOCITY) if self.velocities else self._begun(on, None)

    def _note_off(self, state: State, event: Event, bounds: Bounds) -> State | None:
        if state.next is not Next.ANY or state.top is not None or state.now < bounds.earliest:
            return None
        for place, note in enumerate(state.sounding):
            if note.pitch == event.value and note.end is None and note.onset < state.now:
                rest = state.sounding[:place] + state.sounding[place + 1 :]
                return replace(state, sounding=rest, told=replace(note, end=state.now))
        return None


def _ours(note: Told, bounds: Bounds) -> bool:
    return bounds.program is None or note.program == bounds.program
