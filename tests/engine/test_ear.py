"""What the player plays, heard as lines on the grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Beats
from ripieno.events import Note
from ripieno.grammar import grid
from ripieno.modes.ear import MEMORY, Ear
from ripieno.modes.mode import nearest_step
from ripieno.modes.voicing import Voicing
from ripieno.settings import Assign

LEGATO = Beats(1.0)


def hear(ear: Ear, pitch: int, begin: float, end: float | None, lone: int = 0) -> None:
    ear.note_on(pitch, 80, Beats(begin), nearest_step(Beats(begin)), Voicing(lone=lone))
    if end is not None:
        ear.note_off(pitch, Beats(end))


def heard(ear: Ear, begin: float, end: float, legato: float = 1.0) -> list[tuple[int, int, float]]:
    notes = ear.heard(Beats(begin), Beats(end), Beats(legato))
    return [(note.voice, note.pitch, note.onset) for note in notes]


def test_a_line_is_one_voice_and_onsets_snap_to_the_nearest_sixteenth() -> None:
    ear = Ear()
    hear(ear, 67, 0.03, 0.9, lone=1)
    hear(ear, 69, 0.93, 1.8, lone=1)
    assert heard(ear, 0, 4) == [(1, 67, 0.0), (1, 69, 1.0)]


def test_small_gaps_are_closed_and_large_ones_are_rests() -> None:
    ear = Ear()
    hear(ear, 60, 0, 0.5)
    hear(ear, 62, 1, 1.5)
    first, second = ear.heard(Beats(0), Beats(4), LEGATO)
    assert first.duration == 1.0, "the gap of half a beat is heard as held"
    assert second.duration == 1.5, "the last note is held on for the legato gap, and no longer"
    apart = ear.heard(Beats(0), Beats(4), Beats(0.25))
    assert apart[0].duration == 0.5, "a gap longer than the legato stays a rest"


def test_a_note_that_is_down_has_no_end() -> None:
    ear = Ear()
    hear(ear, 60, 0, None)
    (note,) = ear.heard(Beats(0), Beats(2), LEGATO)
    assert note.duration is None
    assert ear.last_release is None
    ear.note_off(60, Beats(2.2))
    assert ear.last_release == 2.2


def test_a_chord_is_spread_from_the_top() -> None:
    ear = Ear()
    for pitch in (48, 72, 60, 67):
        hear(ear, pitch, 0, None)
    assert sorted(heard(ear, 0, 1)) == [(0, 72, 0), (1, 67, 0), (2, 60, 0), (3, 48, 0)]
    hear(ear, 55, 0, None)
    assert len(heard(ear, 0, 1)) == 4, "there is no fifth voice"


def test_a_second_voice_beside_a_held_one_keeps_the_order() -> None:
    ear = Ear()
    hear(ear, 72, 0, None)
    hear(ear, 48, 1, None)
    voices = {pitch: voice for voice, pitch, _ in heard(ear, 1, 2)}
    assert voices[72] < voices[48]


def test_the_given_voices_outlast_a_rest() -> None:
    ear = Ear()
    hear(ear, 60, 0, 1, lone=2)
    notes = ear.heard(Beats(0), Beats(1), LEGATO)
    assert ear.given(notes, Voicing(lone=2)) == (2,)
    assert ear.given((), Voicing()) == (2,)
    ear.start_phrase(Beats(8))
    assert ear.given((), Voicing()) == (0,)


def test_a_phrase_counts_from_its_start() -> None:
    ear = Ear()
    hear(ear, 60, 7, 8)
    ear.start_phrase(Beats(8))
    hear(ear, 62, 8, 9)
    hear(ear, 64, 9, None)
    assert ear.phrase(Beats(8), Beats(11)) == (
        Note(0, 62, 80, Beats(0.0), Beats(1.0)),
        Note(0, 64, 80, Beats(1.0), Beats(2.0)),
    )


def test_the_pedal_holds_a_note_until_it_rises() -> None:
    ear = Ear()
    ear.pedal(True, Beats(0))
    hear(ear, 60, 0, 0.4)
    assert ear.last_release is None
    assert [note.pitch for note in ear.held] == [60]
    ear.pedal(False, Beats(2.6))
    assert ear.last_release == 2.6
    assert ear.silent_from == 2.5
    (note,) = ear.heard(Beats(0), Beats(4), Beats(0.0))
    assert note.duration == 2.5


def test_a_key_that_is_down_when_the_pedal_rises_sounds_on() -> None:
    ear = Ear()
    ear.pedal(True, Beats(0))
    hear(ear, 60, 0, None)
    ear.pedal(False, Beats(1))
    assert ear.last_release is None
    ear.note_off(60, Beats(1.9))
    assert ear.last_release == 1.9


def test_under_the_pedal_a_note_struck_again_ends_the_one_before() -> None:
    ear = Ear()
    ear.pedal(True, Beats(0))
    hear(ear, 60, 0, 0.4)
    hear(ear, 60, 1, 1.4)
    assert [(n.onset, n.end) for n in ear.notes] == [(0.0, 1.0), (1.0, None)]


def test_under_the_pedal_a_line_is_a_line() -> None:
    ear = Ear()
    ear.pedal(True, Beats(0))
    for place, pitch in enumerate((60, 64, 67, 72, 76, 79)):
        hear(ear, pitch, place, place + 0.5)
    notes = ear.heard(Beats(0), Beats(8), LEGATO)
    assert [(n.voice, n.pitch, n.duration) for n in notes] == [
        *((0, pitch, 1.0) for pitch in (60, 64, 67, 72, 76)),
        (0, 79, None),
    ]


def test_pedals_are_of_their_channel() -> None:
    ear = Ear()
    ear.pedal(True, Beats(0), 3)
    ear.note_on(60, 80, Beats(0), Beats(0), Voicing(), 3)
    ear.note_on(60, 80, Beats(0), Beats(0), Voicing(), 5)
    ear.note_off(60, Beats(1), 3)
    ear.note_off(60, Beats(1), 5)
    assert [note.channel for note in ear.held] == [3]


def test_fingers_that_play_legato_play_one_line() -> None:
    ear = Ear()
    hear(ear, 67, 0.0, None)
    hear(ear, 65, 1.0, None)
    ear.note_off(67, Beats(1.08))
    hear(ear, 64, 2.0, None)
    ear.note_off(65, Beats(2.05))
    assert [voice for voice, _, _ in heard(ear, 0, 4)] == [0, 0, 0]
    later = Ear()
    hear(later, 67, 0.0, None)
    hear(later, 65, 1.0, None)
    later.note_off(67, Beats(1.5))
    assert {voice for voice, _, _ in heard(later, 0, 4)} == {0, 1}, "so long is a second voice"


def test_a_phrase_in_another_tempo_is_stretched_around_its_beginning() -> None:
    ear = Ear()
    ear.start_phrase(Beats(4.0))
    for place in range(3):
        hear(ear, 60 + place, 4 + 0.75 * place, 4.6 + 0.75 * place)
    ear.rescaled(Beats(4.0), 4 / 3)
    assert [n.onset for n in ear.notes] == [4.0, 5.0, 6.0]
    assert ear.phrase_start == 4.0
    assert ear.last_release == pytest.approx(4 + 2.1 * 4 / 3)


def test_after_a_jump_only_the_keys_that_are_down_are_left() -> None:
    ear = Ear()
    hear(ear, 60, 0, 1)
    hear(ear, 62, 1, None)
    ear.located(Beats(16.1))
    assert [(n.pitch, n.at, n.onset) for n in ear.notes] == [(62, 16.1, 16.0)]
    assert ear.last_release is None
    ear.note_off(62, Beats(17))
    assert ear.last_release == 17.0
    ear.located(Beats(0.0))
    assert ear.notes == [] and ear.last_release is None


def test_a_busy_player_is_told_by_onsets_and_not_by_chords() -> None:
    ear = Ear()
    for place in range(8):
        for pitch in (60, 64, 67):
            hear(ear, pitch, place / 2, place / 2 + 0.4)
    assert ear.activity(Beats(4.0), Beats(4.0)) == 7 / 4, "the one at beat 0 is 4 beats ago"
    assert ear.activity(Beats(20.0), Beats(4.0)) == 0.0


def test_an_accent_is_no_change_of_touch() -> None:
    ear = Ear()
    for place, velocity in enumerate((50, 50, 52, 127, 51)):
        ear.note_on(60 + place, velocity, Beats(place), Beats(place), Voicing())
        ear.note_off(60 + place, Beats(place + 0.5))
    assert ear.velocity == 51


def test_the_past_is_forgotten_in_the_end() -> None:
    ear = Ear()
    hear(ear, 30, 0, None)
    for place in range(5000):
        hear(ear, 60 + place % 12, place / 4, place / 4 + 0.2)
    assert len(ear.notes) <= 2 * MEMORY + 1
    assert 30 in {note.pitch for note in ear.held}, "but not what is still held"


@pytest.mark.parametrize("how", list(Assign))
@given(chord=st.sets(st.integers(36, 96), min_size=1, max_size=6))
def test_no_two_keys_of_a_hand_are_one_voice(how: Assign, chord: set[int]) -> None:
    ear = Ear()
    for place, pitch in enumerate(sorted(chord)):
        ear.note_on(pitch, 80, Beats(0.01 * place), Beats(0.0), Voicing(how=how), place % 16)
    voices = [note.voice for note in ear.notes if note.voice is not None]
    assert all(0 <= voice <= 3 for voice in voices)
    if how is not Assign.SPLIT:
        assert len(voices) == len(set(voices)) == min(4, len(chord))
    if how in (Assign.LINE, Assign.RANGE):
        high_first = sorted((n for n in ear.notes if n.voice is not None), key=lambda n: -n.pitch)
        assert [n.voice for n in high_first] == sorted(voices)


played = st.lists(
    st.tuples(st.integers(40, 90), st.floats(0, 16), st.floats(0.01, 4)), min_size=1, max_size=24
)


@given(played)
def test_what_is_played_becomes_legal_tokens(notes: list[tuple[int, float, float]]) -> None:
    ear = Ear()
    moves = [(begin, 1, pitch) for pitch, begin, _ in notes]
    moves += [(begin + length, 0, pitch) for pitch, begin, length in notes]
    for at, down, pitch in sorted(moves):
        if down:
            hear(ear, pitch, at, None)
        else:
            ear.note_off(pitch, Beats(at))
    facts = ear.heard(Beats(0), Beats(24), LEGATO)
    steps = [
        grid.GridNote(
            n.voice,
            n.pitch,
            round(n.onset * 4),
            96 if n.duration is None else round(n.duration * 4),
        )
        for n in facts
    ]
    frames = grid.encode(steps, 0, 96)
    sounding = [False] * 4
    for frame in frames:
        for voice, token in enumerate(frame):
            assert token != grid.HOLD or sounding[voice], "a hold needs something to hold"
            sounding[voice] = token != grid.REST
