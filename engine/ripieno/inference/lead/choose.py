"""What a model of lead sheets may choose in a step by the player's rules, and what it draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ripieno.grammar.grid import STEPS_PER_BEAT
from ripieno.grammar.lead_sheet import (
    ALL_CHORDS,
    FIRST_CHORD,
    FIRST_PITCH,
    HIGHEST,
    HOLD,
    LOWEST,
    MELODY_TOKENS,
    NO_CHORD,
    REST,
    STAY,
    Frame,
    Hand,
    may_change,
)
from ripieno.inference.model import Logits
from ripieno.inference.sampling import pick, uniform
from ripieno.settings import Rules, Settings, Strength


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a step; `reroll` counts how often it was decided before."""

    step: int
    frame: Frame
    settings: Settings
    reroll: int


def chord_of(logits: Logits, hand: Hand, wish: Wish) -> int:
    """The token of the chord, drawn from `logits` [VOCABULARY]."""
    allowed = np.array(chords_allowed(hand, wish), np.intp)
    chance = uniform(wish.settings.sampling.seed, wish.step, 1, wish.reroll)
    return int(pick(logits[MELODY_TOKENS:], allowed, wish.settings.sampling, chance))


def chords_allowed(hand: Hand, wish: Wish) -> list[int]:
    """The tokens that the chord may have, rising: changes fall on eighths, and under a melody that
    sounds there is a chord again after the longest rest."""
    if not may_change(wish.frame.place or 0):
        return [STAY]
    rules = wish.settings.rules
    allowed = [
        FIRST_CHORD + number
        for number, chord in enumerate(ALL_CHORDS)
        if chord != hand.chord and _in_key(chord.classes, rules)
    ]
    if hand.chord is not None:
        return [STAY, NO_CHORD, *allowed]
    rested = hand.chord_age + 1 >= _longest_rest(rules)
    overdue = rested and hand.pitch is not None and bool(allowed)
    return allowed if overdue else [STAY, *allowed]


def pitch_of(logits: Logits, hand: Hand, last: int | None, wish: Wish) -> tuple[int | None, bool]:
    """What the melody does, drawn from `logits` [VOCABULARY]: its pitch, and whether it is struck.

    `last` is the pitch that it sounded before, None where it rests.
    """
    allowed = np.array(melody_allowed(hand, last, wish), np.intp)
    chance = uniform(wish.settings.sampling.seed, wish.step, 0, wish.reroll)
    token = int(pick(logits[:MELODY_TOKENS], allowed, wish.settings.sampling, chance))
    if token == HOLD:
        return last, False
    return (None, False) if token == REST else (token - FIRST_PITCH + LOWEST, True)


def melody_allowed(hand: Hand, last: int | None, wish: Wish) -> list[int]:
    """The tokens that a melody of the machine's own may have, rising."""
    rules = wish.settings.rules
    low, high = rules.ranges[wish.settings.player_voice]
    reach = [
        pitch
        for pitch in range(max(low, LOWEST), min(high, HIGHEST) + 1)
        if last is None or abs(pitch - last) <= rules.max_leap
    ]
    allowed = [FIRST_PITCH + pitch - LOWEST for pitch in reach if _in_key((pitch % 12,), rules)]
    if last is not None and low <= last <= high:
        return [HOLD, REST, *allowed]
    rested = last is None and hand.pitch_age + 1 >= _longest_rest(rules)
    return allowed if rested and allowed else [REST, *allowed]


def _in_key(classes: tuple[int, ...], rules: Rules) -> bool:
    """Whether the key lets all of these sound, where it is locked."""
    if rules.key is None or rules.key_lock is not Strength.HARD:
        return True
    return rules.key.pitch_classes.issuperset(classes)


def _longest_rest(rules: Rules) -> int:
    """In sixteenths."""
    return round(rules.longest_rest * STEPS_PER_BEAT)
