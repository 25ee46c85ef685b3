"""A vocabulary of event tokens: what every id stands for, and which ids merge into which.

The base tokens are MidiTok's (Fradet, Briot, Chhel, El Fallah Seghrouchni, Gutowski: MidiTok, a
Python Package for MIDI File Tokenization, 2021), each a type and a value. With byte-pair encoding
an id is a sequence of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import cached_property
from itertools import pairwise
from math import gcd
from typing import Any

from ripieno.errors import BundleError

FORMAT = 1
LARGEST, LONGEST = 1 << 17, 256
"""Ids of a vocabulary, and base tokens of one id, at most."""
_FINEST = 96
"""Positions per beat that a value may count in, at most."""
_LENGTH = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})")
_METER = re.compile(r"(\d{1,2})/(1|2|4|8|16|32)")
_NUMBER = re.compile(r"-?\d{1,4}")
_PLACE = re.compile(r"[1-9]\d?")

Meter = tuple[int, int]
"""Beats of a bar, and the note value of a beat: (6, 8)."""
Base = tuple[str, str]
"""A base token: its type and its value."""


class Scheme(StrEnum):
    """How time is told."""

    REMI = "remi"
    """Bars, positions in them, and durations (Huang, Yang: Pop Music Transformer, 2020)."""
    TSD = "tsd"
    """Shifts of time, and durations."""
    MIDI_LIKE = "midi-like"
    """Shifts of time, and the ends of notes (Oore et al.: This Time with Feeling, 2018)."""
    STRUCTURED = "structured"
    """As TSD, with a shift of time between any two notes (Hadjeres, Crestel: The Piano Inpainting
    Application, 2021)."""


class Words(StrEnum):
    """What merges were learned inside of, where the beginning of each is marked."""

    NONE = "none"
    BAR = "bar"
    BEAT = "beat"


class Kind(Enum):
    """What a base token does."""

    BAR = "Bar"
    METER = "TimeSig"
    POSITION = "Position"
    PROGRAM = "Program"
    PITCH = "Pitch"
    VELOCITY = "Velocity"
    DURATION = "Duration"
    NOTE_ON = "NoteOn"
    NOTE_OFF = "NoteOff"
    SHIFT = "TimeShift"
    WORD = "Word"
    """The mark of the first token in a bar or beat, in which merges were learned."""
    OTHER = ""
    """Nothing that this engine plays: it is never drawn."""


_KINDS = {kind.value: kind for kind in Kind}
_NEEDED = {
    Scheme.REMI: (Kind.BAR, Kind.POSITION, Kind.PITCH, Kind.DURATION),
    Scheme.TSD: (Kind.SHIFT, Kind.PITCH, Kind.DURATION),
    Scheme.MIDI_LIKE: (Kind.SHIFT, Kind.NOTE_ON, Kind.NOTE_OFF),
    Scheme.STRUCTURED: (Kind.SHIFT, Kind.PITCH, Kind.DURATION),
}


@dataclass(frozen=True, slots=True)
class Event:
    """A base token as it is understood. `value`: a pitch, velocity, program or position; for a
    duration or a shift, ticks in a metre of quarters; for a bar its place in a part, from 1 on, or
    0 where bars are not numbered. `meter` of a time signature."""

    kind: Kind
    value: int = 0
    meter: Meter = (4, 4)


@dataclass(slots=True)
class Branch:
    """A place in the tree of all ids, base token by base token: the id that ends here, if any, and
    how it can go on, by the kind of the next one."""

    id: int | None = None
    onward: dict[Kind, list[tuple[Event, Branch]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merge:
    """Two neighbours that become one id."""

    left: int
    right: int
    result: int


class Vocabulary:
    """What the ids 0 … size - 1 stand for in a `scheme`; times count in ticks, `quarter` to a beat.

    `tokens`: the base tokens of each id. `merges`: in the order of their ranks. `positions`: to a
    beat of the metre. `words`: where the mark Word_None stands, which the vocabulary then has.
    Raises BundleError for what cannot be played.
    """

    def __init__(
        self,
        scheme: Scheme,
        positions: int,
        tokens: Sequence[Sequence[Base]],
        merges: Sequence[Merge] = (),
        *,
        words: Words = Words.NONE,
        where: str = "",
    ) -> None:
        self.scheme, self.positions, self.where = scheme, positions, where
        self.words = words
        self.tokens = tuple(tuple(token) for token in tokens)
        self.merges = tuple(merges)
        self._check()
        base = [token[0] for token in self.tokens if len(token) == 1]
        self.ids: dict[Base, int] = {t[0]: i for i, t in enumerate(self.tokens) if len(t) == 1}
        self.quarter = _ticks(positions, base)
        self.events: dict[Base, Event] = {b: _event(b, self.quarter) for b in base}
        places = [event.value for event, _ in self.some(Kind.BAR) if event.value]
        if places != list(range(1, len(places) + 1)):
            raise self._error(f"numbers its bars {places}", "1, 2, 3 and so on, without a gap")
        needed = [*_NEEDED[scheme], *([Kind.WORD] if words is not Words.NONE else [])]
        missing = [k.value for k in needed if not self.some(k)]
        if missing:
            raise self._error(f"has no {' and no '.join(missing)}, which {scheme} needs")
        if self.quarter % 4:
            raise self._error(f"counts {positions} positions to a beat, which is not sixteenths")

    @classmethod
    def read(cls, text: str, scheme: Scheme, positions: int, *, where: str = "") -> Vocabulary:
        """The vocabulary that a bundle's JSON file tells. Raises BundleError."""
        try:
            told: Any = json.loads(text)
            fits = isinstance(told, dict) and told["format"] == FORMAT
            tokens = [
                [(str(kind), str(value)) for kind, value in token] for token in told["tokens"]
            ]
            merges = [Merge(int(a), int(b), int(c)) for a, b, c in told["merges"]]
            words = Words(told.get("words", Words.NONE))
        except (ValueError, KeyError, TypeError, RecursionError):
            fits, tokens, merges, words = False, [], [], Words.NONE
        if not fits:
            raise BundleError(
                "this is not a vocabulary",
                where=where,
                allowed='JSON with format = 1, "tokens" and "merges", as docs/bundles.md tells',
            )
        return cls(scheme, positions, tokens, merges, words=words, where=where)

    def write(self) -> str:
        """The same as JSON, a line for each id."""
        tokens = ",\n".join(f" {json.dumps(token)}" for token in self.tokens)
        merges = json.dumps([[m.left, m.right, m.result] for m in self.merges])
        words = "" if self.words is Words.NONE else f'"words": "{self.words}", '
        return f'{{"format": {FORMAT}, {words}"tokens": [\n{tokens}],\n"merges": {merges}}}\n'

    def __len__(self) -> int:
        return len(self.tokens)

    def some(self, kind: Kind) -> list[tuple[Event, int]]:
        """The base tokens of a kind, by value, each with its id."""
        found = [(self.events[base], number) for base, number in self.ids.items()]
        return sorted((f for f in found if f[0].kind is kind), key=lambda f: f[0].value)

    @cached_property
    def bars(self) -> tuple[int, ...]:
        """The ids that tell a bar line, in turn: one, or as many as a part has bars."""
        found = self.some(Kind.BAR)
        return tuple(number for event, number in found if event.value or len(found) == 1)

    @cached_property
    def spelled(self) -> tuple[tuple[Event, ...], ...]:
        """What each id does."""
        return tuple(tuple(self.events[base] for base in token) for token in self.tokens)

    @cached_property
    def bases(self) -> tuple[tuple[int, ...], ...]:
        """Each id as base ids."""
        return tuple(tuple(self.ids[base] for base in token) for token in self.tokens)

    @cached_property
    def tree(self) -> Branch:
        """All ids that only do what the engine plays."""
        root = Branch()
        for number, events in enumerate(self.spelled):
            if any(event.kind is Kind.OTHER for event in events):
                continue
            here = root
            for event in events:
                ways = here.onward.setdefault(event.kind, [])
                there = next((branch for known, branch in ways if known is event), None)
                if there is None:
                    there = Branch()
                    ways.append((event, there))
                here = there
            here.id = number
        return root

    @cached_property
    def ranks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """For each pair that merges: its rank, and what it becomes."""
        return {(m.left, m.right): (rank, m.result) for rank, m in enumerate(self.merges)}

    def merged(self, ids: Sequence[int]) -> list[int]:
        """`ids` with all merges done, the lowest rank first (Sennrich, Haddow, Birch: Neural
        Machine Translation of Rare Words with Subword Units, 2016)."""
        line, ranks = list(ids), self.ranks
        while ranks and len(line) > 1:
            pairs = pairwise(line)
            ranked = [(ranks[pair], place) for place, pair in enumerate(pairs) if pair in ranks]
            if not ranked:
                break
            (_, result), place = min(ranked)
            line[place : place + 2] = [result]
        return line

    def _check(self) -> None:
        if not 1 <= len(self.tokens) <= LARGEST:
            raise self._error(f"has {len(self.tokens)} ids", f"1…{LARGEST}")
        if not 1 <= self.positions <= _FINEST:
            raise self._error(f"counts {self.positions} positions to a beat", f"1…{_FINEST}")
        for number, token in enumerate(self.tokens):
            if not 1 <= len(token) <= LONGEST:
                raise self._error(f"tells id {number} by {len(token)} base tokens", f"1…{LONGEST}")
        if len(set(self.tokens)) != len(self.tokens):
            raise self._error("tells two ids alike", "each sequence of base tokens once")
        alone = {token[0] for token in self.tokens if len(token) == 1}
        strange = [base for token in self.tokens for base in token if base not in alone]
        if strange:
            name = "_".join(strange[0])[:80]
            raise self._error(f"has no id for {name!r} alone", "one for each base token")
        for merge in self.merges:
            self._check_merge(merge)

    def _check_merge(self, merge: Merge) -> None:
        known = all(0 <= n < len(self.tokens) for n in (merge.left, merge.right, merge.result))
        together = known and self.tokens[merge.left] + self.tokens[merge.right]
        if not known or together != self.tokens[merge.result]:
            told = f"{merge.left} and {merge.right} into {merge.result}"
            raise self._error(f"merges {told}, which it is not", "two ids and the one of both")

    def _error(self, what: str, allowed: str = "") -> BundleError:
        return BundleError(f"the vocabulary {what}", where=self.where, allowed=allowed)


def meter_of(value: str) -> Meter | None:
    """A metre from '6/8'; None if it is none."""
    found = _METER.fullmatch(value)
    return (int(found[1]), int(found[2])) if found and int(found[1]) else None


def _event(base: Base, quarter: int) -> Event:
    """What a base token does: `OTHER` when the engine does not know its type or its value."""
    kind, value = _KINDS.get(base[0], Kind.OTHER), base[1]
    match kind:
        case Kind.OTHER:
            return Event(kind)
        case Kind.WORD:
            return Event(kind if value == "None" else Kind.OTHER)
        case Kind.BAR:
            if value == "None":
                return Event(kind)
            return Event(kind, int(value)) if _PLACE.fullmatch(value) else Event(Kind.OTHER)
        case Kind.METER:
            meter = meter_of(value)
            return Event(kind, 0, meter) if meter else Event(Kind.OTHER)
        case Kind.DURATION | Kind.SHIFT:
            length = _length(value)
            return Event(kind, length[0] * quarter // length[1]) if length else Event(Kind.OTHER)
    return Event(kind, int(value)) if _NUMBER.fullmatch(value) else Event(Kind.OTHER)


def _length(value: str) -> tuple[int, int] | None:
    """A length 'beats.positions.resolution' in (positions, resolution); None if it is none."""
    found = _LENGTH.fullmatch(value)
    if not found:
        return None
    beats, places, resolution = map(int, found.groups())
    return (beats * resolution + places, resolution) if 1 <= resolution <= _FINEST else None


def _ticks(positions: int, bases: Sequence[Base]) -> int:
    """The fewest ticks to a quarter in which every value of `bases` is whole, in every metre."""
    finest, shortest = positions, 4
    for kind, value in bases:
        length = _length(value) if kind in ("Duration", "TimeShift") else None
        meter = meter_of(value) if kind == "TimeSig" else None
        if length:
            finest = finest * length[1] // gcd(finest, length[1])
        if meter:
            shortest = max(shortest, meter[1])
    return finest * shortest // 4
