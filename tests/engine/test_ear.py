"""What the player plays, heard as lines on the grid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Beats
from ripieno.ear import Ear
from ripieno.events import Note
from ripieno.grammar import grid
from ripieno.modes.mode import nearest_step
from ripieno.voicing import Voicing

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
