"""The lead-sheet grammar: tokens, what sounds, and what a model is shown of it."""

from __future__ import annotations

from random import Random

import pytest
from ripieno.grammar.lead_sheet import (
    ALL_CHORDS,
    CHORD,
    CHORD_TOKENS,
    CHORDS,
    FEATURES,
    FIRST_CHORD,
    HIGHEST,
    HOLD,
    KINDS,
    LOWEST,
    MELODY,
    MELODY_TOKENS,
    METERS,
    NO_CHORD,
    REST,
    STAY,
    UNKNOWN_KEY,
    Chord,
    Frame,
    Hand,
    bar_steps,
    chord_token,
    features,
    inside,
    melody_token,
)

NAMES = [feature.name for feature in FEATURES]


def shown(stream: int, hand: Hand, frame: Frame) -> dict[str, int]:
    return dict(zip(NAMES, features(stream, hand, frame), strict=True))


def test_a_pitch_is_moved_by_octaves_and_no_further_than_it_must() -> None:
    for pitch in range(128):
        moved = inside(pitch)
        assert LOWEST <= moved <= HIGHEST
        assert (moved - pitch) % 12 == 0
        assert moved == pitch or abs(moved - pitch) < 12 + max(LOWEST - pitch, pitch - HIGHEST)


def test_each_symbol_has_a_number_and_a_token_of_its_own() -> None:
    assert [chord.number for chord in ALL_CHORDS] == list(range(CHORDS))
    assert {chord_token(chord) for chord in ALL_CHORDS} == set(range(FIRST_CHORD, CHORD_TOKENS))
    assert len({str(chord) for chord in ALL_CHORDS}) == CHORDS == 12 * len(KINDS)
    assert chord_token(None) == NO_CHORD
    assert str(Chord(10, "m7b5")) == "Bbm7b5"
    assert Chord(7, "7").classes == (7, 11, 2, 5)
    assert Chord(7, "7").transposed(6) == Chord(1, "7")


def test_what_sounds_follows_the_tokens() -> None:
    hand = Hand().melody(melody_token(64, True)).harmony(chord_token(Chord(0, "")))
    assert (hand.pitch, hand.pitch_age, hand.chord, hand.chord_age) == (64, 0, Chord(0, ""), 0)
    hand = hand.melody(HOLD).harmony(STAY)
    assert (hand.pitch, hand.pitch_age, hand.chord, hand.chord_age) == (64, 1, Chord(0, ""), 1)
    hand = hand.melody(REST).harmony(NO_CHORD)
    assert (hand.pitch, hand.pitch_age, hand.chord, hand.chord_age) == (None, 0, None, 0)
    assert hand.melody(REST).pitch_age == 1


@pytest.mark.parametrize("meter", [*METERS, (5, 4)])
def test_features_lie_within_their_sizes_whatever_happens(meter: tuple[int, int]) -> None:
    chance, hand = Random(3), Hand()
    for step in range(600):
        place: int | None = step % bar_steps(meter)
        frame = Frame(
            chance.choice([place, None]),
            chance.choice([meter, None]),
            chance.choice([step // bar_steps(meter), None]),
            chance.choice([None, *range(-7, 8)]),
        )
        seen = features(MELODY, hand, frame)
        hand = hand.melody(chance.choice([HOLD if hand.pitch else REST, *range(1, MELODY_TOKENS)]))
        seen_too = features(CHORD, hand, frame)
        hand = hand.harmony(chance.randrange(CHORD_TOKENS))
        for row in (seen, seen_too):
            assert all(0 <= at < f.size for at, f in zip(row, FEATURES, strict=True)), row


def test_a_model_is_told_what_the_note_is_to_the_chord_and_to_the_key() -> None:
    hand = Hand().harmony(chord_token(Chord(2, "7"))).melody(melody_token(66, True))
    seen = shown(CHORD, hand, Frame(4, (3, 4), 9, 1))
    assert seen["melody_above_root"] == 4 + 1, "F# is a third above D"
    assert seen["melody_degree"] == 11 + 1, "and the leading note of G"
    assert seen["root_degree"] == 7 + 1
    assert (seen["place"], seen["meter"], seen["bar"], seen["key"]) == (5, 2, 2, 8)
    unknown = shown(CHORD, hand, Frame(None, None, None, None))
    assert (unknown["place"], unknown["meter"], unknown["bar"]) == (0, 0, 0)
    assert (unknown["key"], unknown["root_degree"]) == (UNKNOWN_KEY, 0)
