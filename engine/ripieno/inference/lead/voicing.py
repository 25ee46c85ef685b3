"""From a chord symbol to notes: the inner voices move as little as they can, the bass has the root.

Smooth voice-leading as a shortest move under hard limits (as in Tymoczko: The Geometry of Musical
Chords, 2006), over all voicings: with three voices there are few enough to look at each. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from ripieno.grammar.lead_sheet import Chord
from ripieno.settings import Rules, Strength

BASS = 3
OCTAVE, WIDEST = 12, 24
"""Semitones: from one upper voice to the next at most, and from tenor to bass."""
MISSING_THIRD, MISSING_SEVENTH, MISSING_ROOT, MISSING_FIFTH = 40, 30, 24, 2
DOUBLED_THIRD, UNISON, SPREAD, PARALLEL = 6, 10, 8, 20
HIGH_BASS = 0.3
"""What a voicing costs, where a semitone of movement costs 1; a high bass, each semitone."""
RESTING = 60
"""What a voice costs that has to rest."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is voiced: the `chord`; the `fixed` pitches of voices that are the player's (None while
    one rests), and the pitches `before` of all voices, where they are known."""

    chord: Chord
    fixed: tuple[tuple[int, int | None], ...]
    before: tuple[tuple[int, int], ...]


def voiced(
    move: Move, voices: tuple[int, ...], rules: Rules, held: Mapping[int, int]
) -> dict[int, int | None]:
    """A pitch for each of `voices` 0…3 (soprano to bass), None where no note keeps the hard rules.

    `held` are voices that stay where they are, unless a hard rule forbids their pitch.
    """
    fixed, before = dict(move.fixed), dict(move.before)
    choices = [_choices(voice, move.chord, rules, before, held) for voice in voices]
    best: tuple[float, tuple[int | None, ...]] | None = None
    for notes in product(*choices):
        sounding = fixed | dict(zip(voices, notes, strict=True))
        if not _ordered(sounding, rules):
            continue
        cost = _cost(sounding, voices, move.chord, rules, before)
        if best is None or cost < best[0]:
            best = cost, notes
    notes = best[1] if best else (None,) * len(voices)
    return dict(zip(voices, notes, strict=True))


def legal(sounding: Mapping[int, int | None], voices: tuple[int, ...], rules: Rules) -> bool:
    """Whether what sounds keeps the ranges of `voices`, and the order of all, if that is a rule."""
    for voice in voices:
        pitch, (low, high) = sounding.get(voice), rules.ranges[voice]
        if pitch is not None and not low <= pitch <= high:
            return False
    return _ordered(sounding, rules)


def _choices(
    voice: int, chord: Chord, rules: Rules, before: Mapping[int, int], held: Mapping[int, int]
) -> list[int | None]:
    """What `voice` may sound by itself: chord notes in its range and within its reach, or a rest.
    A line that has left its range may come back from anywhere."""
    low, high = rules.ranges[voice]
    if voice in held and low <= held[voice] <= high:
        return [held[voice], None]
    classes = chord.classes[:1] if voice == BASS else chord.classes
    if rules.key is not None and rules.key_lock is Strength.HARD:
        classes = tuple(c for c in classes if c in rules.key.pitch_classes)
    notes = _notes(low, high, classes)
    last = before.get(voice)
    near = notes
    if last is not None:
        near = tuple(pitch for pitch in notes if abs(pitch - last) <= rules.max_leap) or notes
    return [*near, None]


@lru_cache(maxsize=4096)
def _notes(low: int, high: int, classes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(pitch for pitch in range(low, high + 1) if pitch % 12 in classes)


def _ordered(sounding: Mapping[int, int | None], rules: Rules) -> bool:
    """No voice above a higher one, where that is a hard rule."""
    line = [(v, p) for v, p in sorted(sounding.items()) if p is not None]
    if rules.crossing is not Strength.HARD:
        return True
    return all(upper >= lower for (_, upper), (_, lower) in pairwise(line))


def _cost(
    sounding: Mapping[int, int | None],
    voices: tuple[int, ...],
    chord: Chord,
    rules: Rules,
    before: Mapping[int, int],
) -> float:
    cost = _completeness(sounding, chord)
    for voice in voices:
        pitch = sounding[voice]
        if pitch is None:
            cost += RESTING
            continue
        low, high = rules.ranges[voice]
        last = before.get(voice, (low + high) // 2)
        cost += abs(pitch - last) if voice in before or voice != BASS else 0
        if voice == BASS:
            cost += HIGH_BASS * (pitch - low)
    line = [(v, p) for v, p in sorted(sounding.items()) if p is not None]
    for (_, upper), (number, lower) in pairwise(line):
        gap = upper - lower
        cost += UNISON * (gap == 0) + SPREAD * (gap > (WIDEST if number == BASS else OCTAVE))
        cost += 0 if gap >= 0 else UNISON
    if rules.parallels is not Strength.OFF:
        cost += PARALLEL * _parallels(line, before)
    return cost


def _completeness(sounding: Mapping[int, int | None], chord: Chord) -> float:
    """What is missing of the chord, the melody counted in."""
    classes = [pitch % 12 for pitch in sounding.values() if pitch is not None]
    tones = chord.classes
    cost = MISSING_ROOT * (tones[0] not in classes) + MISSING_FIFTH * (tones[2] not in classes)
    cost += MISSING_THIRD * (tones[1] not in classes)
    if len(tones) > 3:
        cost += MISSING_SEVENTH * (tones[3] not in classes)
    return cost + DOUBLED_THIRD * (classes.count(tones[1]) > 1)


def _parallels(line: list[tuple[int, int]], before: Mapping[int, int]) -> int:
    """Pairs of voices that go on in a fifth or an octave, both moving the same way."""
    found = 0
    for place, (one, upper) in enumerate(line):
        for other, lower in line[place + 1 :]:
            if one not in before or other not in before:
                continue
            moves = upper - before[one], lower - before[other]
            gap = (upper - lower) % 12
            alike = gap in (0, 7) and (before[one] - before[other]) % 12 == gap
            found += alike and moves[0] * moves[1] > 0
    return found
