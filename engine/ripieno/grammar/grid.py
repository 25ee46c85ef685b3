"""The grid grammar: four voices on a grid of sixteenths, one token per voice and step.

A step is a sixteenth note. At every step each voice gets one token, in an *order* that may change:
the token says that the voice holds its note, rests, or strikes a pitch. A rest is told again at
every step; only a sounding pitch can be held. Before each token the model sees `FEATURES`, small
integers that say which voice is asked, where in the bar we are, and what all voices are doing.

The trainer computes the same features for whole batches; a test holds the two together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

STEPS_PER_BEAT = 4
VOICES = ("soprano", "alto", "tenor", "bass")
LOWEST, HIGHEST = 36, 81

HOLD, REST, FIRST_PITCH = 0, 1, 2
VOCABULARY = FIRST_PITCH + HIGHEST - LOWEST + 1  # 48 tokens that can be decided
START = VOCABULARY  # seen as the previous token before anything is decided
ABSENT = 0  # as a sounding value: this voice takes no part

WIDEST_INTERVAL = 24
FARTHEST_CADENCE = 16  # steps ahead that a cadence is seen
NO_CADENCE, UNKNOWN_CADENCE = FARTHEST_CADENCE + 1, FARTHEST_CADENCE + 2
LONGEST_BAR = 24
UNKNOWN_PLACE = LONGEST_BAR
UNKNOWN_KEY = 15
AGE_LIMITS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # upper ends, in steps; older is one more class
BAR_LENGTHS = (16, 12, 24, 8)  # steps; classes 1…4. Class 0 is unknown, 5 any other length


@dataclass(frozen=True, slots=True)
class Feature:
    """One integer input of the model: its `name`, and `size` (it lies in 0 … size - 1)."""

    name: str
    size: int


FEATURES: tuple[Feature, ...] = (
    Feature("previous", VOCABULARY + 1),
    Feature("previous_voice", len(VOICES) + 1),
    Feature("voice", len(VOICES)),
    Feature("place", LONGEST_BAR + 1),
    Feature("meter", len(BAR_LENGTHS) + 2),
    Feature("key", UNKNOWN_KEY + 1),
    Feature("cadence", UNKNOWN_CADENCE + 1),
    Feature("decided", 1 << len(VOICES)),
    *(Feature(f"pitch_{voice}", VOCABULARY) for voice in VOICES),
    *(Feature(f"age_{voice}", len(AGE_LIMITS) + 2) for voice in VOICES),
    *(Feature(f"interval_{voice}", 2 * WIDEST_INTERVAL + 2) for voice in VOICES),
    *(Feature(f"degree_{voice}", 13) for voice in VOICES),
)


def token_of(pitch: int) -> int:
    """The token that strikes `pitch` (MIDI number), moved by octaves into LOWEST … HIGHEST."""
    while pitch < LOWEST:
        pitch += 12
    while pitch > HIGHEST:
        pitch -= 12
    return pitch - LOWEST + FIRST_PITCH


def pitch_of(token: int) -> int:
    """The MIDI number that `token` strikes. Raises ValueError for HOLD, REST and non-tokens."""
    if not FIRST_PITCH <= token < VOCABULARY:
        raise ValueError(
            f"token {token} strikes no pitch; pitches are {FIRST_PITCH}…{VOCABULARY - 1}"
        )
    return token - FIRST_PITCH + LOWEST


@dataclass(frozen=True, slots=True)
class Setting:
    """What a step stands in, whatever the voices do. Values are the classes of `FEATURES`."""

    place: int = UNKNOWN_PLACE
    meter: int = 0
    key: int = UNKNOWN_KEY
    cadence: int = UNKNOWN_CADENCE


def setting(
    place: int, bar_steps: int, fifths: int | None, steps_to_cadence: int | None
) -> Setting:
    """Classes for a step `place` steps after its bar line, in a bar of `bar_steps` steps.

    `fifths` is the key signature, -7 (seven flats) … 7, None if not known. `steps_to_cadence` is
    how far ahead the next fermata lies, 0 on it, None if none is in sight.
    """
    meter = BAR_LENGTHS.index(bar_steps) + 1 if bar_steps in BAR_LENGTHS else len(BAR_LENGTHS) + 1
    near = steps_to_cadence is not None and 0 <= steps_to_cadence <= FARTHEST_CADENCE
    return Setting(
        place=place if 0 <= place < LONGEST_BAR else UNKNOWN_PLACE,
        meter=meter,
        key=fifths + 7 if fifths is not None and -7 <= fifths <= 7 else UNKNOWN_KEY,
        cadence=steps_to_cadence if near and steps_to_cadence is not None else NO_CADENCE,
    )


def age_class(age: int) -> int:
    """The class of a note that has lasted `age` steps (0 = struck in this step); 0 is absent."""
    return bisect_left(AGE_LIMITS, age) + 1


_AGE_CLASS = tuple(age_class(age) for age in range(AGE_LIMITS[-1] + 2))
_OLDEST = len(_AGE_CLASS) - 1
_ELDER = _AGE_CLASS[_OLDEST]


def interval_class(own: int, other: int) -> int:
    """The interval from the sounding value `own` up to `other`, clipped; 0 where there is none.

    A voice's interval to itself is the unison: one more sign of which voice is asked.
    """
    if own < FIRST_PITCH or other < FIRST_PITCH:
        return 0
    return max(-WIDEST_INTERVAL, min(WIDEST_INTERVAL, other - own)) + WIDEST_INTERVAL + 1


def degree_class(sounding: int, key: int) -> int:
    """The degree of a sounding value in the class `key`: 1 (the tonic of its major scale) … 12.

    0 where nothing sounds or the key is unknown. It tells the model what a key signature means: to
    find that out by itself takes more music than there is.
    """
    if sounding < FIRST_PITCH or key == UNKNOWN_KEY:
        return 0
    return (sounding - FIRST_PITCH + LOWEST - 7 * (key - 7)) % 12 + 1


# All classes, worked out once: `Cursor.features` stands in the path of every decision.
_INTERVALS = [
    [interval_class(own, other) for other in range(VOCABULARY)] for own in range(VOCABULARY)
]
_DEGREES = [
    [degree_class(value, key) for value in range(VOCABULARY)] for key in range(UNKNOWN_KEY + 1)
]


@dataclass(slots=True)
class Cursor:
    """Where a reading or a writing of the grid stands, between two decisions.

    `sounding` holds, per voice, ABSENT, REST or the token of the pitch; `ages` how many steps that
    has lasted; `decided` one bit per voice that has its token in this step.
    """

    sounding: list[int] = field(default_factory=lambda: [REST] * len(VOICES))
    ages: list[int] = field(default_factory=lambda: [0] * len(VOICES))
    decided: int = 0
    previous: int = START
    previous_voice: int = len(VOICES)

    def copy(self) -> Cursor:
        return Cursor(
            self.sounding.copy(), self.ages.copy(), self.decided, self.previous, self.previous_voice
        )

    def features(self, voice: int, here: Setting) -> tuple[int, ...]:
        """What the model sees before it decides `voice`: one integer for each of `FEATURES`."""
        s, a, t, b = (
            self.sounding
        )  # by name and not in loops: this stands in the path of every note
        age_s, age_a, age_t, age_b = self.ages
        intervals, degrees = _INTERVALS[self.sounding[voice]], _DEGREES[here.key]
        return (
            self.previous,
            self.previous_voice,
            voice,
            here.place,
            here.meter,
            here.key,
            here.cadence,
            self.decided,
            s,
            a,
            t,
            b,
            (_AGE_CLASS[age_s] if age_s < _OLDEST else _ELDER) if s else 0,
            (_AGE_CLASS[age_a] if age_a < _OLDEST else _ELDER) if a else 0,
            (_AGE_CLASS[age_t] if age_t < _OLDEST else _ELDER) if t else 0,
            (_AGE_CLASS[age_b] if age_b < _OLDEST else _ELDER) if b else 0,
            intervals[s],
            intervals[a],
            intervals[t],
            intervals[b],
            degrees[s],
            degrees[a],
            degrees[t],
            degrees[b],
        )

    def decide(self, voice: int, token: int) -> None:
        """Give `voice` its `token` for this step."""
        if token != HOLD:
            self.ages[voice] = self.ages[voice] if token == REST == self.sounding[voice] else 0
            self.sounding[voice] = token
        self.decided |= 1 << voice
        self.previous, self.previous_voice = token, voice

    def next_step(self) -> None:
        """Go one sixteenth on: everything that sounds or rests is a step older."""
        self.ages = [age + 1 for age in self.ages]
        self.decided = 0


@dataclass(frozen=True, slots=True)
class GridNote:
    """A note on the grid: `voice` 0…3, `pitch` a MIDI number, `onset` and `steps` in sixteenths."""

    voice: int
    pitch: int
    onset: int
    steps: int


def encode(notes: Sequence[GridNote], begin: int, end: int) -> list[list[int]]:
    """Tokens [step][voice] for begin ≤ step < end. A note struck before `begin` is held into it.

    Where two notes of a voice overlap, the later onset wins from there on.
    """
    frames = [[REST] * len(VOICES) for _ in range(end - begin)]
    for voice in range(len(VOICES)):
        line = sorted((note for note in notes if note.voice == voice), key=lambda n: n.onset)
        ends = [min(a.onset + a.steps, b.onset) for a, b in pairwise(line)]
        ends += [line[-1].onset + line[-1].steps] if line else []
        for note, last in zip(line, ends, strict=True):
            for step in range(max(begin, note.onset), min(end, last)):
                struck = step == note.onset
                frames[step - begin][voice] = token_of(note.pitch) if struck else HOLD
    return frames


def decode(frames: Sequence[Sequence[int]], begin: int = 0) -> list[GridNote]:
    """The notes that `frames` [step][voice] tell, by onset and voice; `begin` is the first step.

    A HOLD with nothing to hold (a note struck before `begin`) tells no note.
    """
    notes: list[GridNote] = []
    for voice in range(len(VOICES)):
        onset: int | None = None
        token = REST
        for step, frame in enumerate([*frames, [REST] * len(VOICES)], begin):
            if frame[voice] == HOLD:
                continue
            if onset is not None:
                notes.append(GridNote(voice, pitch_of(token), onset, step - onset))
            token = frame[voice]
            onset = step if token >= FIRST_PITCH else None
    return sorted(notes, key=lambda n: (n.onset, n.voice))
