"""The player's rules as bounds for event tokens: which pitches may come, and by when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.tokens.states import Bounds
from ripieno.settings import Rules, Strength

Choices = tuple[tuple[Bounds, tuple[str, ...]], ...]
"""Bounds from the strictest on, each with the names of the soft rules that are given up in it."""
LOOP, KEY, REST = "no_endless_loop", "key_lock", "no_endless_rest"


def choices(
    plain: Bounds, rules: Rules, *, part: int, last: int | None, loop: int | None, latest: int
) -> Choices:
    """`plain` within the rules of the voice `part`.

    last: the pitch from which a leap is counted, None where there is none. loop: the pitch with
    which a beat would come once more. latest: the tick by which a rest should be over.
    """
    hard = _pitches(plain.pitches, rules, part, last)
    soft = [(LOOP, frozenset() if loop is None else frozenset((loop,)))]
    if rules.key is not None and rules.key_lock is Strength.SOFT:
        outside = frozenset(p for p in hard if p % 12 not in rules.key.pitch_classes)
        soft.append((KEY, outside))
    found: list[tuple[Bounds, tuple[str, ...]]] = []
    for count in range(len(soft) + 1):
        pitches = hard.difference(*(forbidden for _, forbidden in soft[count:]))
        names = tuple(name for name, forbidden in soft[:count] if forbidden & hard)
        found.append((_within(plain, pitches, latest), names))
    found.append((_within(plain, hard, None), (*found[-1][1], REST)))
    return tuple(found)


def looping(beats: Sequence[Sequence[tuple[int | None, bool]]]) -> int | None:
    """The pitch with which a beat would begin once more, if `beats`, each four (pitch, struck),
    were all the same."""
    alike = bool(beats) and all(beat == beats[0] for beat in beats)
    pitch, struck = beats[0][0] if alike else (None, False)
    return pitch if struck else None


@lru_cache(maxsize=256)
def _pitches(known: frozenset[int], rules: Rules, part: int, last: int | None) -> frozenset[int]:
    """What the hard rules leave. A line that stands so far outside its range that nothing in it is
    within reach starts anew."""
    low, high = rules.ranges[part]
    home = frozenset(p for p in known if low <= p <= high)
    if rules.key is not None and rules.key_lock is Strength.HARD:
        home = frozenset(p for p in home if p % 12 in rules.key.pitch_classes)
    if last is None:
        return home
    return frozenset(p for p in home if abs(p - last) <= rules.max_leap) or home


def _within(plain: Bounds, pitches: frozenset[int], latest: int | None) -> Bounds:
    return Bounds(
        pitches=pitches,
        earliest=plain.earliest,
        latest=latest,
        program=plain.program,
        most=plain.most,
        grid=plain.grid,
        origin=plain.origin,
        meter=plain.meter,
        part=plain.part,
    )


def longest_rest(rules: Rules) -> int:
    """In sixteenths."""
    return round(rules.longest_rest * STEPS_PER_BEAT)
