"""The lead-sheet grammar: a melody and chord symbols on a grid of sixteenths, two tokens a step.

In each step the melody is told first: it holds, rests or strikes a pitch; then the chord: it stays,
or changes to one of 144 symbols, or there is none. Before each token the model sees `FEATURES`,
small integers. The trainer computes the same features for whole pieces with this very code. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

from ripieno.grammar.grid import STEPS_PER_BEAT, Feature

Meter = tuple[int, int]

LOWEST, HIGHEST = 48, 95
HOLD, REST, FIRST_PITCH = 0, 1, 2
MELODY_TOKENS = FIRST_PITCH + HIGHEST - LOWEST + 1
STAY, NO_CHORD, FIRST_CHORD = 0, 1, 2
"""Tokens of the chord: the last one stays, there is none, or a symbol follows."""
CHANGES = 2
"""A chord may change on each so-manieth step of a bar: on eighths."""

KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
}
"""How chords are built: semitones above the root, by what follows it in a symbol."""
NAMES = tuple(KINDS)
ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
CHORDS = len(ROOTS) * len(NAMES)
CHORD_TOKENS = FIRST_CHORD + CHORDS
VOCABULARY = MELODY_TOKENS + CHORD_TOKENS
"""Logits of a decision: the melody's first, then the chord's. Only those that are asked count."""

MELODY, CHORD = 0, 1
AGES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
LONGEST_BAR, PART = 24, 8
METERS: tuple[Meter, ...] = ((4, 4), (3, 4), (6, 8), (2, 4), (6, 4))
UNKNOWN_KEY = 15

FEATURES: tuple[Feature, ...] = (
    Feature("stream", 2),
    Feature("melody_token", MELODY_TOKENS + 1),
    Feature("pitch", HIGHEST - LOWEST + 2),
    Feature("melody_age", len(AGES) + 1),
    Feature("chord", CHORDS + 1),
    Feature("chord_age", len(AGES) + 1),
    Feature("place", LONGEST_BAR + 1),
    Feature("meter", len(METERS) + 2),
    Feature("bar", PART + 1),
    Feature("key", UNKNOWN_KEY + 1),
    Feature("melody_above_root", 13),
    Feature("melody_degree", 13),
    Feature("root_degree", 13),
    Feature("kind", len(NAMES) + 1),
)
"""What a model sees of a decision; 0 is nothing (no pitch, no chord, unknown)."""


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord symbol: `root` 0 (C) … 11 (B), `kind` one of KINDS."""

    root: int
    kind: str

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, from the root up."""
        return tuple((self.root + interval) % 12 for interval in KINDS[self.kind])

    @property
    def number(self) -> int:
        """0 … CHORDS - 1."""
        return self.root * len(NAMES) + NAMES.index(self.kind)

    @classmethod
    def numbered(cls, number: int) -> Chord:
        root, kind = divmod(number, len(NAMES))
        return cls(root, NAMES[kind])

    def transposed(self, semitones: int) -> Chord:
        return replace(self, root=(self.root + semitones) % 12)

    def __str__(self) -> str:
        return ROOTS[self.root] + self.kind


ALL_CHORDS = tuple(Chord.numbered(number) for number in range(CHORDS))


@dataclass(frozen=True, slots=True)
class Frame:
    """What a step stands in: its `place` after the bar line, in sixteenths; the metre; the `bar` of
    a part of eight, from 0 on; the key signature. None is unknown."""

    place: int | None
    meter: Meter | None
    bar: int | None
    fifths: int | None


@dataclass(frozen=True, slots=True)
class Hand:
    """What sounds where a decision is made: the melody's pitch, moved into LOWEST … HIGHEST, None
    for a rest; the chord, if any; how many steps ago either began; the melody's last token."""

    pitch: int | None = None
    pitch_age: int = 0
    chord: Chord | None = None
    chord_age: int = 0
    token: int = MELODY_TOKENS

    def melody(self, token: int) -> Hand:
        """After the melody's `token` of a step."""
        if token == HOLD:
            return replace(self, pitch_age=self.pitch_age + 1, token=token)
        pitch = None if token == REST else token - FIRST_PITCH + LOWEST
        age = self.pitch_age + 1 if token == REST and self.pitch is None else 0
        return replace(self, pitch=pitch, pitch_age=age, token=token)

    def harmony(self, token: int) -> Hand:
        """After the chord's `token` of a step."""
        if token == STAY:
            return replace(self, chord_age=self.chord_age + 1)
        chord = None if token == NO_CHORD else ALL_CHORDS[token - FIRST_CHORD]
        return replace(self, chord=chord, chord_age=0)


def melody_token(pitch: int | None, struck: bool) -> int:
    """The token of a melody that does this in a step; a pitch is moved by octaves."""
    if pitch is None:
        return REST
    return FIRST_PITCH + inside(pitch) - LOWEST if struck else HOLD


def inside(pitch: int) -> int:
    """`pitch`, moved by octaves into LOWEST … HIGHEST."""
    if pitch < LOWEST:
        return pitch + 12 * -((pitch - LOWEST) // 12)
    return pitch - 12 * max(0, -((HIGHEST - pitch) // 12))


def chord_token(chord: Chord | None) -> int:
    """The token that changes to `chord`."""
    return NO_CHORD if chord is None else FIRST_CHORD + chord.number


def features(stream: int, hand: Hand, frame: Frame) -> tuple[int, ...]:
    """What the model sees before the decision of `stream`, in the order of FEATURES."""
    pitch, chord, fifths = hand.pitch, hand.chord, frame.fifths
    tonic = None if fifths is None else 7 * fifths
    meter = 0
    if frame.meter is not None:
        known = frame.meter in METERS
        meter = METERS.index(frame.meter) + 1 if known else len(METERS) + 1
    return (
        stream,
        hand.token,
        0 if pitch is None else pitch - LOWEST + 1,
        _age(hand.pitch_age),
        0 if chord is None else chord.number + 1,
        _age(hand.chord_age),
        0 if frame.place is None or frame.place >= LONGEST_BAR else frame.place + 1,
        meter,
        0 if frame.bar is None else frame.bar % PART + 1,
        UNKNOWN_KEY if fifths is None else fifths + 7,
        0 if pitch is None or chord is None else (pitch - chord.root) % 12 + 1,
        0 if pitch is None or tonic is None else (pitch - tonic) % 12 + 1,
        0 if chord is None or tonic is None else (chord.root - tonic) % 12 + 1,
        0 if chord is None else NAMES.index(chord.kind) + 1,
    )


def bar_steps(meter: Meter) -> int:
    """The sixteenths of a bar."""
    return 4 * STEPS_PER_BEAT * meter[0] // meter[1]


def may_change(place: int) -> bool:
    """Whether the chord may change `place` sixteenths after a bar line."""
    return place % CHANGES == 0


def _age(steps: int) -> int:
    return bisect_left(AGES, steps)
