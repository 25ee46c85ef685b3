"""Which of several drawn steps is the best: a typical one to which part-writing objects least.

One objection, one function, one sentence: each counts faults of a step that the rules may leave to
taste. They follow the common rules of four-part writing (Piston: Harmony, 1941; Aldwell, Schachter:
Harmony and Voice Leading, 1978). Only what a voice of the machine has a part in is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf

import numpy as np
from numpy.typing import NDArray

from ripieno.grammar.grid import FIRST_PITCH, VOICES
from ripieno.inference.sonorities import Sonorities
from ripieno.settings import Key

PERFECT = (0, 7)
WIDEST_GAPS = (12, 12, 24)
_FIFTH, _OCTAVE = 7, 12
_AWKWARD = (6, 10, 11)
_STEP = 2
RESTFUL = {frozenset(chord) for chord in ((0, 4, 7), (0, 3, 7), (0, 4), (0, 3))}
"""Semitones above the bass, within an octave, of what a phrase can end on."""
_ROOTED = (
    *((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11)),
    *((0, 3, 6, 10), (0, 3, 6, 9), (0, 4), (0, 3), (0, 4, 10), (0, 3, 10), (0, 4, 11)),
)
CHORDS = frozenset(
    frozenset((pitch - bass) % 12 for pitch in rooted) for rooted in _ROOTED for bass in rooted
)
"""Semitones above the bass of triads and seventh chords, also without their fifth."""
SOPRANO, BASS = 0, len(VOICES) - 1


@dataclass(frozen=True, slots=True)
class Motion:
    """A step as the ear compares it with the one before: pitches of S, A, T, B, None for a rest.

    ours: the voices that the machine decided. key: the key, where one is set. rests: a phrase ends
    here, with a fermata.
    """

    before: Sequence[int | None]
    now: Sequence[int | None]
    ours: frozenset[int]
    key: Key | None
    rests: bool = False

    def pairs(self) -> list[tuple[int, int, int, int, int, int]]:
        """(upper, lower, their pitches before, their pitches now) where both sound and move."""
        found = []
        for upper, lower in combinations(range(len(VOICES)), 2):
            a, b, c, d = self.before[upper], self.before[lower], self.now[upper], self.now[lower]
            if a is None or b is None or c is None or d is None or a == c or b == d:
                continue
            if upper in self.ours or lower in self.ours:
                found.append((upper, lower, a, b, c, d))
        return found

    def leaps(self) -> list[tuple[int, int, int]]:
        """(voice, pitch before, pitch now) where a voice of the machine moves."""
        return [
            (voice, before, now)
            for voice, (before, now) in enumerate(zip(self.before, self.now, strict=True))
            if voice in self.ours and before is not None and now is not None and before != now
        ]


SURPRISE = 2.0
"""Nats by which a step may be less likely than expected and still be a typical one."""
Objection = Callable[[Motion], int]


def parallels(motion: Motion) -> int:
    """Two voices go from one fifth, octave or unison to another."""
    return sum((a - b) % 12 == (c - d) % 12 in PERFECT for _, _, a, b, c, d in motion.pairs())


def hidden_parallels(motion: Motion) -> int:
    """The outer voices go the same way into a fifth or an octave, and the soprano leaps."""
    return sum(
        (upper, lower) == (SOPRANO, BASS)
        and (c - a) * (d - b) > 0
        and abs(c - a) > _STEP
        and (a - b) % 12 != (c - d) % 12 in PERFECT
        for upper, lower, a, b, c, d in motion.pairs()
    )


def overlaps(motion: Motion) -> int:
    """A voice goes beyond where its neighbour has just been."""
    return sum(
        lower - upper == 1 and (c < b or d > a) for upper, lower, a, b, c, d in motion.pairs()
    )


def wide_spacing(motion: Motion) -> int:
    """More than an octave from soprano to alto or alto to tenor, or two from tenor to bass."""
    return sum(
        upper is not None
        and lower is not None
        and bool({voice, voice + 1} & motion.ours)
        and upper - lower > WIDEST_GAPS[voice]
        for voice, (upper, lower) in enumerate(zip(motion.now, motion.now[1:], strict=False))
    )


def wide_leaps(motion: Motion) -> int:
    """An upper voice leaps more than a fifth, or the bass more than an octave."""
    return sum(
        abs(now - before) > (_OCTAVE if voice == BASS else _FIFTH)
        for voice, before, now in motion.leaps()
    )


def awkward_leaps(motion: Motion) -> int:
    """A voice leaps a tritone or a seventh."""
    return sum(abs(now - before) in _AWKWARD for _, before, now in motion.leaps())


def augmented_seconds(motion: Motion) -> int:
    """In minor, a voice goes between the lowered sixth and the raised seventh degree."""
    if motion.key is None or motion.key.scale != "minor":
        return 0
    tonic = motion.key.tonic
    return sum(
        abs(now - before) == 3 and {(now - tonic) % 12, (before - tonic) % 12} == {8, 11}
        for _, before, now in motion.leaps()
    )


def doubled_leading_tones(motion: Motion) -> int:
    """Two voices sound the leading tone of the key."""
    if motion.key is None:
        return 0
    leading = (motion.key.tonic + 11) % 12
    voices = [v for v, p in enumerate(motion.now) if p is not None and p % 12 == leading]
    moved = any(v in motion.ours and motion.now[v] != motion.before[v] for v in voices)
    return len(voices) - 1 if len(voices) > 1 and moved else 0


def restless_endings(motion: Motion) -> int:
    """A phrase ends on something else than a major or minor triad above its root."""
    if not (motion.rests and motion.ours):
        return 0
    return int(above_bass(motion) not in RESTFUL)


def empty_chords(motion: Motion) -> int:
    """Four voices sound, and no third or other note fills a bare fifth or octave."""
    classes = above_bass(motion)
    return int(classes is not None and classes <= {0, _FIFTH})


def strange_chords(motion: Motion) -> int:
    """Four voices sound together what is no triad and no seventh chord, in any inversion."""
    classes = above_bass(motion)
    return int(classes is not None and classes not in CHORDS and not classes <= {0, _FIFTH})


def above_bass(motion: Motion) -> frozenset[int] | None:
    """Semitones above the bass without octaves, where all four voices sound, some of them ours."""
    sounding = [pitch for pitch in motion.now if pitch is not None]
    if len(sounding) < len(VOICES) or not motion.ours:
        return None
    return frozenset((pitch - sounding[BASS]) % 12 for pitch in sounding)


OBJECTIONS: tuple[tuple[Objection, float], ...] = (
    (parallels, 4.0),
    (hidden_parallels, 1.0),
    (overlaps, 0.5),
    (wide_spacing, 1.0),
    (wide_leaps, 0.5),
    (awkward_leaps, 0.5),
    (augmented_seconds, 1.0),
    (doubled_leading_tones, 0.5),
    (empty_chords, 3.0),
    (strange_chords, 1.0),
    (restless_endings, 6.0),
)
"""Each with its weight, in nats: a step must be so much likelier to be forgiven one fault."""
BY_THE_BOOK = (empty_chords, strange_chords)
"""Objections to chords that give way where the bundle's own count of chords is known."""


def objections(motion: Motion, sonorities: Sonorities | None = None) -> float:
    """What all objections to a step weigh together, in nats; `sonorities` are the bundle's."""
    if motion.before == motion.now:
        return 0.0
    if sonorities is None:
        return sum(weight * rule(motion) for rule, weight in OBJECTIONS)
    told = sum(weight * rule(motion) for rule, weight in OBJECTIONS if rule not in BY_THE_BOOK)
    chord = above_bass(motion)
    return told if chord is None else told - sonorities.of(chord)


def surprise(logits: NDArray[np.float32], token: int) -> float:
    """Nats by which `token` is less likely, without any temperature, than the model's tokens are in
    the mean: below 0 for what it expects, above 0 for what it does not."""
    if token < FIRST_PITCH:
        return 0.0
    levels = logits[FIRST_PITCH:] - logits[FIRST_PITCH:].max()
    weights = np.exp(levels)
    total = weights.sum()
    told = float(levels @ weights / total) - float(levels[token - FIRST_PITCH])
    return told if told == told else inf


def score(surprised: float, motion: Motion, sonorities: Sonorities | None = None) -> float:
    """How good a step is, 0 or less, in nats; `surprised` is the sum over its decisions.

    To prefer what is likelier among typical steps would make the music stand still: a hold is what
    a model expects most. So likelihood counts only beyond `SURPRISE`, against steps that lie
    outside the typical set (Meister, Pimentel, Wiher, Cotterell: Locally Typical Sampling, 2023);
    among equally good ones the first drawn is as the model would have it.
    """
    return -max(0.0, surprised - SURPRISE) - objections(motion, sonorities)
