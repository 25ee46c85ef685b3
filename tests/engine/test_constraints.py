from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats
from ripieno.grammar.grid import HIGHEST, LOWEST, REST, token_of
from ripieno.inference.constraints import (
    ANY,
    HOLDS,
    RESTS,
    Situation,
    Tokens,
    broken,
    crossing,
    grammar,
    key_lock,
    largest_leap,
    no_endless_loop,
    no_endless_rest,
    parallels,
    room,
    rule_book,
    spacing,
    voice_range,
)
from ripieno.settings import Key, Rules, Strength

ALTO = 1
NOBODY: list[int | None] = [None, None, None, None]
OFF, SOFT, HARD = Strength.OFF, Strength.SOFT, Strength.HARD


def situation(**changes: object) -> Situation:
    """An alto that sounds 65, with nobody else there."""
    plain = Situation(
        rules=Rules(),
        voice=ALTO,
        held=65,
        last=65,
        rested=0,
        decided=NOBODY,
        waiting=NOBODY,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def strikes(tokens: Tokens) -> set[int]:
    return {p for p in range(LOWEST, HIGHEST + 1) if tokens >> token_of(p) & 1}


def test_only_a_sounding_pitch_is_held() -> None:
    assert grammar(situation()) == ANY
    assert grammar(situation(held=None)) == ANY & ~HOLDS


def test_a_range_binds_strikes_and_holds() -> None:
    rules = Rules(ranges=((57, 81), (60, 64), (48, 69), (36, 64)))
    assert strikes(voice_range(situation(rules=rules, held=64))) == set(range(60, 65))
    assert voice_range(situation(rules=rules, held=64)) & HOLDS
    assert not voice_range(situation(rules=rules, held=65)) & HOLDS
    assert voice_range(situation(rules=rules, held=65)) & RESTS


def test_a_range_beyond_the_vocabulary_is_cut_to_it() -> None:
    rules = Rules(ranges=((0, 127), (82, 127), (48, 69), (36, 64)))
    assert strikes(voice_range(situation(rules=rules, voice=0))) == set(range(36, 82))
    assert voice_range(situation(rules=rules)) == RESTS
    assert voice_range(situation(rules=rules, held=90)) == RESTS | HOLDS


def test_a_leap_counts_from_the_last_pitch_also_across_a_rest() -> None:
    rules = Rules(max_leap=3)
    assert strikes(largest_leap(situation(rules=rules))) == set(range(62, 69))
    assert strikes(largest_leap(situation(rules=rules, held=None))) == set(range(62, 69))
    assert largest_leap(situation(rules=rules, last=None, held=None)) == ANY


def test_a_voice_far_from_home_rests_and_then_starts_anew() -> None:
    rules = Rules(ranges=((57, 81), (70, 74), (48, 69), (36, 64)), max_leap=4)
    book = rule_book(rules)
    assert book.must(situation(rules=rules)) == RESTS
    assert strikes(book.must(situation(rules=rules, held=None))) == set(range(70, 75))
    near = situation(rules=rules, held=None, last=66)
    assert strikes(book.must(near)) == {70}


def test_no_crossing_with_whoever_sounds_even_beyond_a_rest() -> None:
    between = crossing(situation(decided=[67, None, None, 60]))
    assert strikes(between) == set(range(60, 68))  # a unison is no crossing
    assert between & HOLDS
    assert not crossing(situation(decided=[64, None, None, None])) & HOLDS
    assert crossing(situation(decided=[59, None, None, 60])) == RESTS


def test_spacing_looks_at_the_nearest_voices_only() -> None:
    assert strikes(spacing(situation(decided=[72, None, 58, None]))) == set(range(60, 71))
    assert spacing(situation(decided=[None, None, None, 36])) == ANY
    tenor = situation(voice=2, held=60, decided=[None, None, None, 36])
    assert strikes(spacing(tenor)) == set(range(36, 61))
    assert spacing(tenor) & HOLDS
    assert not spacing(replace(tenor, held=61)) & HOLDS


def test_a_fifth_does_not_follow_a_fifth() -> None:
    """The alto held 65 over a tenor on 58, a fifth below, that has gone to 60."""
    here = situation(before=[None, 65, 58, None], decided=[None, None, 60, None])
    allowed = parallels(here)
    assert strikes(allowed) == set(range(LOWEST, HIGHEST + 1)) - {43, 55, 67, 79}
    assert allowed & HOLDS
    assert allowed & RESTS


def test_octaves_and_unisons_count_and_fourths_do_not() -> None:
    octave = situation(before=[77, 65, None, None], decided=[79, None, None, None])
    assert 67 not in strikes(parallels(octave))
    fourth = situation(before=[70, 65, None, None], decided=[72, None, None, None])
    assert parallels(fourth) == ANY


def test_who_stays_makes_no_parallels() -> None:
    stays = situation(before=[None, 65, 58, None], decided=[None, None, 58, None])
    assert parallels(stays) == ANY
    moves = situation(before=[None, 65, 58, None], decided=[None, None, 53, None])
    assert 65 in strikes(parallels(moves)), "the alto may strike its own pitch again"


def test_the_key_binds_holds_too() -> None:
    rules = Rules(key=Key.parse("C major"), key_lock=HARD)
    white = {p for p in range(LOWEST, HIGHEST + 1) if p % 12 in (0, 2, 4, 5, 7, 9, 11)}
    assert strikes(key_lock(situation(rules=rules))) == white
    assert key_lock(situation(rules=rules)) & HOLDS
    assert not key_lock(situation(rules=rules, held=66)) & HOLDS
    assert key_lock(situation(rules=rules, held=66)) & RESTS


def test_room_looks_at_those_who_can_still_move() -> None:
    alto = situation(waiting=[70, None, 62, 50], held=64)
    assert strikes(room(alto)) == set(range(62, 71))
    free = Rules(crossing=OFF, spacing=OFF)
    assert room(replace(alto, rules=free)) == ANY
    assert strikes(room(replace(alto, rules=Rules(spacing=OFF)))) == set(range(62, 71))
    wide = situation(waiting=[81, None, None, None])
    assert min(strikes(room(wide))) == 69


def test_a_rest_ends_when_it_has_lasted_long_enough() -> None:
    rules = Rules(longest_rest=Beats(0.5))
    assert no_endless_rest(situation(rules=rules, held=None, rested=1)) & RESTS
    assert not no_endless_rest(situation(rules=rules, held=None, rested=2)) & RESTS
    assert no_endless_rest(situation(rules=rules, held=65, rested=0)) & RESTS


def test_a_loop_is_not_closed() -> None:
    assert no_endless_loop(situation(loop=None)) == ANY
    assert no_endless_loop(situation(loop=12)) == ANY & ~(1 << 12)


def test_strengths_put_rules_in_their_place() -> None:
    names = [rule.__name__ for rule in rule_book(Rules()).hard]
    assert names == ["grammar", "voice_range", "largest_leap", "crossing"]
    rules = Rules(crossing=SOFT, spacing=HARD, key=Key(0, "major"), key_lock=SOFT)
    book = rule_book(rules)
    assert [r.__name__ for r in book.hard] == [
        "grammar",
        "voice_range",
        "largest_leap",
        "spacing",
    ]
    assert [r.__name__ for r in book.soft] == [
        "no_endless_loop",
        "room",
        "parallels",
        "key_lock",
        "crossing",
        "no_endless_rest",
    ]
    quiet = rule_book(Rules(crossing=OFF, parallels=OFF, spacing=OFF))
    assert [r.__name__ for r in quiet.soft] == ["no_endless_loop", "room", "no_endless_rest"]


def names_broken(here: Situation) -> set[tuple[str, ...]]:
    """What is reported for each of the tokens that may be drawn."""
    allowed, given_up = rule_book(here.rules).may(here)
    assert allowed
    return {broken(token, given_up) for token in range(48) if allowed >> token & 1}


def test_nothing_is_given_up_while_something_is_left() -> None:
    rules = Rules(key=Key.parse("C major"), key_lock=SOFT)
    here = situation(rules=rules, decided=[67, None, 62, None])
    allowed, given_up = rule_book(rules).may(here)
    assert given_up == ()
    assert strikes(allowed) == {62, 64, 65, 67}
    assert allowed & HOLDS
    assert allowed & RESTS


def test_soft_rules_go_one_by_one_in_their_order() -> None:
    # Between 66 and 66 there is one pitch, and it is not in the key.
    rules = Rules(key=Key.parse("C major"), key_lock=SOFT)
    here = situation(rules=rules, decided=[66, None, 66, None])
    allowed, _ = rule_book(rules).may(here)
    assert strikes(allowed) == {66}
    assert names_broken(here) == {("key_lock",), ()}  # () is the rest, which breaks nothing
    softer = replace(rules, crossing=SOFT)
    # The key goes before the crossing does.
    assert strikes(rule_book(softer).may(replace(here, rules=softer))[0]) == {66}


def test_room_is_the_first_to_go_after_the_loop() -> None:
    # The soprano has come down to 60, the tenor still waits at 64: nobody fits in between.
    here = situation(decided=[60, None, None, None], waiting=[None, None, 64, None])
    allowed, _ = rule_book(here.rules).may(here)
    assert strikes(allowed) == set(range(53, 61))
    assert names_broken(here) == {("room",), ()}


def test_a_rest_that_is_too_long_is_told_when_hard_rules_force_it() -> None:
    here = situation(held=None, rested=99, decided=[59, None, 60, None])
    allowed, given_up = rule_book(here.rules).may(here)
    assert allowed == RESTS
    assert broken(REST, given_up) == ("no_endless_rest",)


def test_a_long_rest_outlasts_the_softer_rules() -> None:
    rules = Rules(key=Key.parse("C major"), key_lock=SOFT)
    here = situation(rules=rules, held=None, rested=99, decided=[66, None, 66, None])
    assert names_broken(here) == {("key_lock",)}


@pytest.mark.parametrize("rested", [0, 99])
@pytest.mark.parametrize("held", [None, 40, 65, 100])
def test_hard_rules_always_leave_a_rest(held: int | None, rested: int) -> None:
    rules = Rules(ranges=((127, 127),) * 4, spacing=HARD, key=Key(1, "major"), key_lock=HARD)
    here = situation(rules=rules, held=held, rested=rested)
    assert rule_book(rules).must(here) == RESTS
    assert rule_book(rules).may(here)[0] == RESTS
