"""Chords voiced under a melody: whole, within the rules, and with as little movement as can be."""

from __future__ import annotations

from random import Random

import pytest
from ripieno.grammar.lead_sheet import ALL_CHORDS, Chord
from ripieno.inference.lead.voicing import Move, legal, voiced
from ripieno.settings import Key, Rules, Strength

BELOW = (1, 2, 3)
C, F, G7, AM = Chord(0, ""), Chord(5, ""), Chord(7, "7"), Chord(9, "m")


def voice(
    chord: Chord,
    melody: int | None,
    before: dict[int, int],
    rules: Rules | None = None,
    held: dict[int, int] | None = None,
) -> dict[int, int | None]:
    move = Move(chord, ((0, melody),), tuple(sorted(before.items())))
    return voiced(move, BELOW, rules or Rules(), held or {})


def sounds(found: dict[int, int | None]) -> dict[int, int]:
    assert all(pitch is not None for pitch in found.values()), found
    return {number: pitch for number, pitch in found.items() if pitch is not None}


def test_random_chords_keep_the_hard_rules_and_have_root_third_and_seventh() -> None:
    chance, rules = Random(1), Rules()
    before: dict[int, int] = {}
    rested = missing = 0
    for _ in range(300):
        chord, melody = chance.choice(ALL_CHORDS), chance.randrange(60, 82)
        found = voice(chord, melody, before, rules)
        assert legal({0: melody, **found}, BELOW, rules)
        line = [p for _, p in sorted({0: melody, **found}.items()) if p is not None]
        assert line == sorted(line, reverse=True)
        for number, pitch in found.items():
            if pitch is not None and number in before:
                assert abs(pitch - before[number]) <= rules.max_leap
        rested += any(pitch is None for pitch in found.values())
        if None not in found.values():
            classes = {pitch % 12 for pitch in (melody, *sounds(found).values())}
            assert found[3] is not None
            assert found[3] % 12 == chord.root
            missing += not {*chord.classes[1:2], *chord.classes[3:]} <= classes
        before = {n: p for n, p in {0: melody, **found}.items() if p is not None}
    assert rested <= 3, "under a low melody a voice may have to rest, but seldom"
    assert missing <= 9, "third and seventh are there, unless all is too far away"


def test_common_notes_stay_and_the_others_go_to_their_neighbours() -> None:
    first = sounds(voice(C, 72, {}))
    second = sounds(voice(AM, 72, {0: 72, **first}))
    upper = [abs(second[number] - first[number]) for number in (1, 2)]
    assert sum(upper) <= 2, "C, E, G to C, E, A: one voice moves, by a tone"
    third = sounds(voice(G7, 71, {0: 72, **second}))
    assert all(abs(third[number] - second[number]) <= 5 for number in (1, 2)), (second, third)


def test_a_long_progression_moves_little() -> None:
    before: dict[int, int] = {}
    moved: list[int] = []
    for chord, melody in zip((C, AM, F, G7) * 8, (72, 76, 77, 74) * 8, strict=True):
        found = sounds(voice(chord, melody, before))
        moved += [abs(found[number] - before[number]) for number in (1, 2) if number in before]
        before = {0: melody, **found}
    assert sum(moved) / len(moved) < 2.5, "semitones per inner voice and chord"


def test_a_held_voice_stays_and_a_locked_key_is_kept() -> None:
    first = sounds(voice(C, 72, {}))
    assert voice(F, 72, {0: 72, **first}, held={2: first[2]})[2] == first[2]
    rules = Rules(key=Key(0, "major"), key_lock=Strength.HARD)
    found = voice(Chord(2, "7"), 74, {}, rules)
    assert all(p is None or p % 12 in rules.key.pitch_classes for p in found.values())  # type: ignore[union-attr]


@pytest.mark.parametrize("melody", [36, 41, 50])
def test_under_a_very_low_melody_voices_rest_rather_than_cross(melody: int) -> None:
    found = voice(C, melody, {})
    assert all(pitch is None or pitch <= melody for pitch in found.values())
    assert found[1] is None
