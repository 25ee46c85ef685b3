"""Where words begin, in vocabularies that were learned word by word.

MidiTok learns merges inside bars, or inside beats, and marks the first token of each with an id of
its own, or with one that it is merged into. A word begins at the first token whose time is not
before a bar line (or a beat): a bar, a position, what comes after a shift, and in Structured the
shift itself, whose time is that of its end.
"""

from __future__ import annotations

from dataclasses import replace

from ripieno.grammar.tokens.states import Bounds, Next, State, Word
from ripieno.grammar.tokens.vocabulary import Event, Kind, Scheme, Vocabulary, Words

_TIMELESS = frozenset((Kind.PITCH, Kind.PROGRAM, Kind.NOTE_ON, Kind.NOTE_OFF))
"""What moves no time: a word never begins with it, unless one is due."""


class WordRules:
    """What the marks of `vocabulary` ask of a reading."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary, self._scheme = vocabulary, vocabulary.scheme

    def unit(self, meter: tuple[int, int]) -> int:
        """Ticks of what a word covers, in the metre `meter`."""
        beat = self._vocabulary.quarter * 4 // meter[1]
        return beat if self._vocabulary.words is Words.BEAT else beat * meter[0]

    def start(self) -> Word:
        """Before everything: where no bar is told, a word begins with whatever comes first."""
        return Word.NONE if self._scheme is Scheme.REMI else Word.DUE

    def allows(self, state: State, event: Event, bounds: Bounds) -> bool:
        """Whether `event` comes with its mark where it must, and without where it must not."""
        if state.word is Word.NONE and event.kind in _TIMELESS:
            return True
        if event.kind is Kind.WORD:
            return state.word is Word.DUE or (state.word is Word.NONE and self._may(state))
        if state.word is Word.OPEN:
            return True
        if state.word is Word.DUE:
            return False
        return (state.word is Word.BEGUN) == self._begins(state, event, bounds)

    def after(self, state: State, event: Event, led: State, bounds: Bounds) -> State:
        """`led`, to which `event` leads from `state`, with what it leaves open."""
        shifted = event.kind is Kind.SHIFT and self._scheme is not Scheme.STRUCTURED
        if shifted and self.crosses(state.now, led.now, bounds.origin, state.meter):
            return replace(led, word=Word.DUE)
        return led if led.word is Word.NONE else replace(led, word=Word.NONE)

    def marked(self, state: State) -> State:
        """After the mark of a word."""
        word = Word.OPEN if state.word is Word.DUE else Word.BEGUN
        return replace(state, word=word, told=None)

    def crosses(self, before: int, now: int, origin: int, meter: tuple[int, int]) -> bool:
        """Whether a word begins after the tick `before` and not after `now`."""
        unit = self.unit(meter)
        return (now - origin) // unit > (before - origin) // unit

    def _begins(self, state: State, event: Event, bounds: Bounds) -> bool:
        if self._scheme is Scheme.REMI:
            return event.kind is Kind.BAR or self._positioned(state, event)
        structured = self._scheme is Scheme.STRUCTURED and event.kind is Kind.SHIFT
        target = state.now + event.value * 4 // state.meter[1]
        return structured and self.crosses(state.now, target, bounds.origin, state.meter)

    def _positioned(self, state: State, event: Event) -> bool:
        if event.kind is not Kind.POSITION or state.bar is None:
            return False
        beat = self._vocabulary.quarter * 4 // state.meter[1]
        target = state.bar + event.value * beat // self._vocabulary.positions
        return self.crosses(state.now, target, state.bar, state.meter)

    def _may(self, state: State) -> bool:
        """Whether a word may begin here, which something that moves time has to follow."""
        if self._scheme is Scheme.REMI:
            return state.next is Next.ANY
        return self._scheme is Scheme.STRUCTURED and state.next is Next.SHIFT
