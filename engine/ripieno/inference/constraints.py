"""The musical rules: one rule, one function, one sentence.

A rule says which tokens a voice may take next, as a set of bits: bit t is set when token t keeps
the rule. A rest keeps every rule but `no_endless_rest`; a hold keeps a rule when the held pitch
does, so a note is not held into a place where it could not be struck.

Hard rules are never broken. Soft ones are given up, the first in `SOFT_ORDER` first, while all
together leave nothing but a rest. Voices are decided one after the other, the player's first: a
voice is bound by those already decided, in their new places, so that whoever comes last settles
each pair, and every pair is settled. Voices still to be decided bind only softly (`room`), because
they can move; should they find no place left, they rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from ripieno.grammar.grid import (
    FIRST_PITCH,
    HIGHEST,
    HOLD,
    LOWEST,
    REST,
    STEPS_PER_BEAT,
    VOCABULARY,
    VOICES,
    pitch_of,
)
from ripieno.inference.foreign_rules import foreign_rules
from ripieno.settings import Key, Rules, Strength

Tokens = int
"""A set of tokens: bit t is set when token t belongs to it."""

HOLDS: Tokens = 1 << HOLD
RESTS: Tokens = 1 << REST
ANY: Tokens = (1 << VOCABULARY) - 1
PERFECT = (0, 7)
"""Intervals, in semitones without octaves, that must not follow themselves."""
WIDEST_GAPS = (12, 12, 24)
"""Semitones allowed between soprano and alto, alto and tenor, tenor and bass."""
_REMEMBERED = 64
_PLACES = 4096
_OCTAVES = tuple(
    sum(1 << token for token in range(FIRST_PITCH + place, VOCABULARY, 12)) for place in range(12)
)


@dataclass(slots=True)
class Situation:
    """What a voice sees before it is decided. Pitches are real ones, MIDI numbers.

    held: the pitch that `voice` sounds, None if it rests. last: the pitch that it sounded last,
    None if none yet. rested: how many steps its rest has lasted. decided: what each voice decided
    in this step sounds, waiting: what each voice still to be decided sounds; None where it rests
    or does not belong there. before: what each voice sounded before this step.
    loop: the token that would go round the loop once more, if any.
    """

    rules: Rules
    voice: int
    held: int | None
    last: int | None
    rested: int
    decided: list[int | None]
    waiting: list[int | None]
    loop: int | None = None
    before: list[int | None] = field(default_factory=lambda: [None] * len(VOICES))


Rule = Callable[[Situation], Tokens]


def grammar(here: Situation) -> Tokens:
    """Only a sounding pitch can be held."""
    return ANY if here.held is not None else ANY & ~HOLDS


def voice_range(here: Situation) -> Tokens:
    """A voice stays within its range."""
    return _between(here.held, *here.rules.ranges[here.voice])


def largest_leap(here: Situation) -> Tokens:
    """A voice moves at most `max_leap` from the pitch it sounded last, also across a rest.

    A voice that rests so far outside its range that nothing in it is within reach starts anew.
    """
    if here.last is None:
        return ANY
    reach = _strikes(here.last - here.rules.max_leap, here.last + here.rules.max_leap)
    if here.held is None and not reach & _home(here.rules, here.voice):
        return ANY
    return reach | HOLDS | RESTS


def crossing(here: Situation) -> Tokens:
    """No voice goes above an upper or below a lower one."""
    return _between(here.held, *_inside(here.decided, here.voice))


def spacing(here: Situation) -> Tokens:
    """At most an octave between soprano and alto, alto and tenor; two between tenor and bass."""
    return _between(here.held, *_near(here.decided, here.voice))


def parallels(here: Situation) -> Tokens:
    """No two voices go from one fifth, octave or unison to another."""
    held = here.held
    if held is None:
        return ANY
    allowed = ANY
    for other, now in enumerate(here.decided):
        before = here.before[other]
        if now is None or before is None or now == before:
            continue
        upward = 1 if other > here.voice else -1  # from the lower voice to the upper one
        interval = (held - before) * upward % 12
        if interval in PERFECT:
            allowed &= ~_octaves(now + interval * upward)
    return allowed | _strikes(held, held)


def key_lock(here: Situation) -> Tokens:
    """Only notes of the key."""
    if here.rules.key is None:
        return ANY
    scale, classes = _scale(here.rules.key)
    return scale | HOLDS if here.held is not None and here.held % 12 in classes else scale


def room(here: Situation) -> Tokens:
    """A voice leaves those that are still to be decided room to stay where they are."""
    rules = here.rules
    allowed = ANY
    if rules.crossing is not Strength.OFF:
        allowed &= _between(here.held, *_inside(here.waiting, here.voice))
    if rules.spacing is not Strength.OFF:
        allowed &= _between(here.held, *_near(here.waiting, here.voice))
    return allowed


def no_endless_rest(here: Situation) -> Tokens:
    """After `longest_rest` a voice sounds again."""
    longest = here.rules.longest_rest * STEPS_PER_BEAT
    return ANY & ~RESTS if here.held is None and here.rested >= longest else ANY


def no_endless_loop(here: Situation) -> Tokens:
    """A beat that came `longest_loop` times in a row does not begin once more."""
    return ANY if here.loop is None else ANY & ~(1 << here.loop)


def stay(here: Situation) -> Tokens:
    """A voice that is held stays on the note that it sounds."""
    return HOLDS if here.voice in here.rules.held and here.held is not None else ANY


SOFT_ORDER: tuple[Rule, ...] = (
    no_endless_loop,
    room,
    parallels,
    spacing,
    key_lock,
    crossing,
    no_endless_rest,
    stay,
)
"""Soft rules, the first to be given up first."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules in force: `hard` are never broken, `soft` stand in the order of `SOFT_ORDER`."""

    hard: tuple[Rule, ...]
    soft: tuple[Rule, ...]

    def must(self, here: Situation) -> Tokens:
        """What the hard rules allow; a rest is always among it."""
        allowed = ANY
        for rule in self.hard:
            allowed &= rule(here)
        return allowed | RESTS

    def may(self, here: Situation) -> tuple[Tokens, tuple[tuple[str, Tokens], ...]]:
        """What may be drawn, and the soft rules given up for it, each with what it would allow."""
        hard = self.must(here)
        allowed = hard
        for rule in self.soft:
            allowed &= rule(here)
        if allowed & ~RESTS:
            return allowed, ()
        masks = [(rule.__name__, rule(here)) for rule in self.soft]
        for given_up in range(1, len(masks) + 1):
            allowed = hard
            for _, mask in masks[given_up:]:
                allowed &= mask
            if allowed & ~RESTS:
                return allowed, tuple(masks[:given_up])
        return hard, tuple(masks)


@lru_cache(maxsize=_REMEMBERED)
def rule_book(rules: Rules) -> RuleBook:
    """The rules that `rules` put in force, in their strengths."""
    chosen: dict[Rule, Strength] = {
        crossing: rules.crossing,
        parallels: rules.parallels,
        spacing: rules.spacing,
        key_lock: rules.key_lock,
    }
    always_soft: tuple[Rule, ...] = (no_endless_loop, room, no_endless_rest)
    if rules.held:
        always_soft = (*always_soft, stay)
    return RuleBook(
        hard=(
            grammar,
            voice_range,
            largest_leap,
            *(rule for rule, strength in chosen.items() if strength is Strength.HARD),
            *foreign_rules(rules.more_hard, ANY),
        ),
        soft=(
            *foreign_rules(rules.more_soft, ANY),
            *(r for r in SOFT_ORDER if r in always_soft or chosen.get(r) is Strength.SOFT),
        ),
    )


def broken(token: int, given_up: tuple[tuple[str, Tokens], ...]) -> tuple[str, ...]:
    """The names of the rules `given_up` that `token` really breaks."""
    return tuple(name for name, mask in given_up if not mask >> token & 1)


@lru_cache(maxsize=_PLACES)
def _strikes(low: int, high: int) -> Tokens:
    """Strike a pitch in `low` … `high`."""
    low, high = max(low, LOWEST), min(high, HIGHEST)
    return ((1 << (high - low + 1)) - 1) << (low - LOWEST + FIRST_PITCH) if low <= high else 0


def _between(held: int | None, low: int, high: int) -> Tokens:
    """Rest, strike a pitch in `low` … `high`, or hold one that lies there."""
    holds = HOLDS if held is not None and low <= held <= high else 0
    return _strikes(low, high) | holds | RESTS


def _inside(pitches: list[int | None], voice: int) -> tuple[int, int]:
    """The lowest and highest pitch that lies between the lower and the upper voices."""
    low, high = 0, 127
    for other, pitch in enumerate(pitches):
        if pitch is not None:
            if other < voice:
                high = min(high, pitch)
            elif other > voice:
                low = max(low, pitch)
    return low, high


def _near(pitches: list[int | None], voice: int) -> tuple[int, int]:
    """The lowest and highest pitch no wider than allowed from the voices next to `voice`."""
    low, high = 0, 127
    if voice > 0 and (upper := pitches[voice - 1]) is not None:
        low = upper - WIDEST_GAPS[voice - 1]
    if voice < len(VOICES) - 1 and (lower := pitches[voice + 1]) is not None:
        high = lower + WIDEST_GAPS[voice]
    return low, high


def _octaves(pitch: int) -> Tokens:
    """Strike `pitch` in any octave."""
    return _OCTAVES[(pitch - LOWEST) % 12]


@lru_cache(maxsize=_REMEMBERED)
def _home(rules: Rules, voice: int) -> Tokens:
    """What `voice` could strike if it stood alone."""
    home = _strikes(*rules.ranges[voice])
    if rules.key is not None and rules.key_lock is Strength.HARD:
        home &= _scale(rules.key)[0]
    return home


@lru_cache(maxsize=_REMEMBERED)
def _scale(key: Key) -> tuple[Tokens, frozenset[int]]:
    """Rest, or strike a note of `key`; and its pitch classes."""
    classes = key.pitch_classes
    pitches = (t for t in range(FIRST_PITCH, VOCABULARY) if pitch_of(t) % 12 in classes)
    return RESTS | sum(1 << token for token in pitches), classes
