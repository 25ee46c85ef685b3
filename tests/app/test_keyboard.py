"""The computer keyboard as an instrument: pitches, lengths, repeats and the latch."""

from __future__ import annotations

import pytest
from ripieno.clock import Seconds
from ripieno.commands import KeyPlayed
from ripieno_app.keyboard import ACCENT, LINGER, LOWER, TOUCH, UPPER, Keyboard

BEAT = Seconds(0.7)
FIRST_GAP, GAP = 0.5, 0.033


def on(pitch: int, velocity: int = TOUCH) -> KeyPlayed:
    return KeyPlayed(pitch, velocity, True)


def off(pitch: int) -> KeyPlayed:
    return KeyPlayed(pitch, 0, False)


def press(keyboard: Keyboard, key: str, at: float) -> list[KeyPlayed]:
    return keyboard.press(key, Seconds(at), BEAT)


def hold(keyboard: Keyboard, key: str, at: float, until: float) -> list[KeyPlayed]:
    """Everything that is played when the system repeats a held key, with releases in time."""
    played = press(keyboard, key, at)
    moment = at + FIRST_GAP
    while moment < until:
        played += keyboard.due(Seconds(moment))
        played += press(keyboard, key, moment)
        moment += GAP
    return played


def test_both_rows_are_chromatic_from_the_octaves_c() -> None:
    keyboard = Keyboard()
    assert [keyboard.pitch_of(key) for key in LOWER] == list(range(60, 77))
    assert [keyboard.pitch_of(key) for key in UPPER] == list(range(72, 89))


@pytest.mark.parametrize("key", ["a", "f", "k", "1", "4", "8", "[", "tab", "-"])
def test_keys_between_the_piano_keys_are_silent(key: str) -> None:
    assert press(Keyboard(), key, 0.0) == []


def test_a_note_starts_at_the_press_and_ends_a_beat_later() -> None:
    keyboard = Keyboard()
    assert press(keyboard, "z", 1.0) == [on(60)]
    assert keyboard.next_due == pytest.approx(1.7)
    assert keyboard.due(Seconds(1.69)) == []
    assert keyboard.due(Seconds(1.71)) == [off(60)]
    assert keyboard.next_due is None


def test_lengths_are_a_quarter_of_a_beat_to_a_bar() -> None:
    keyboard = Keyboard()
    keyboard.lengthen(-9)
    press(keyboard, "z", 0.0)
    assert keyboard.next_due == pytest.approx(0.25 * BEAT)
    keyboard.lengthen(9)
    press(keyboard, "x", 0.0)
    assert keyboard.due(Seconds(4 * BEAT)) == [off(60), off(62)]


def test_shift_is_an_accent() -> None:
    assert press(Keyboard(), "Z", 0.0) == [on(60, ACCENT)]


def test_octaves_stop_at_the_ends_and_what_sounds_keeps_its_pitch() -> None:
    keyboard = Keyboard()
    press(keyboard, "z", 0.0)
    keyboard.move(1)
    assert press(keyboard, "z", 0.2) == [on(72)]
    assert keyboard.due(Seconds(5.0)) == [off(60), off(72)]
    keyboard.move(99)
    assert keyboard.octave == 7
    keyboard.move(-99)
    assert keyboard.octave == 0


def test_a_second_stroke_of_the_same_key_strikes_again() -> None:
    keyboard = Keyboard()
    assert press(keyboard, "z", 0.0) == [on(60)]
    assert press(keyboard, "z", 0.35) == [off(60), on(60)]
    assert press(keyboard, "z", 0.70) == [off(60), on(60)]


def test_repeats_of_a_held_key_hold_the_note_and_strike_nothing() -> None:
    keyboard = Keyboard()
    hold(keyboard, "z", 0.0, 1.2)  # the first held key teaches how long the first pause is
    keyboard.due(Seconds(9.0))
    assert hold(keyboard, "x", 10.0, 13.0) == [on(62)]
    last = 10.0 + FIRST_GAP + int((3.0 - FIRST_GAP) / GAP) * GAP
    assert keyboard.next_due == pytest.approx(last + LINGER, abs=1e-6)
    assert keyboard.due(Seconds(last + LINGER)) == [off(62)]


def test_before_the_pause_is_learnt_a_held_key_strikes_twice_at_most() -> None:
    assert hold(Keyboard(), "z", 0.0, 3.0) == [on(60), off(60), on(60)]


def test_another_key_between_makes_it_a_stroke_again() -> None:
    keyboard = Keyboard()
    hold(keyboard, "z", 0.0, 1.2)
    keyboard.due(Seconds(9.0))
    press(keyboard, "z", 10.0)
    press(keyboard, "c", 10.3)
    assert press(keyboard, "z", 10.5) == [off(60), on(60)]


def test_latched_notes_sound_until_their_key_comes_again() -> None:
    keyboard = Keyboard()
    keyboard.latch = True
    assert press(keyboard, "z", 0.0) == [on(60)]
    assert keyboard.next_due is None
    assert keyboard.due(Seconds(99.0)) == []
    assert press(keyboard, "z", 100.0) == [off(60)]
    assert keyboard.sounding == frozenset()


def test_repeats_do_not_unlatch() -> None:
    keyboard = Keyboard()
    keyboard.latch = True
    press(keyboard, "z", 0.0)
    assert press(keyboard, "z", GAP) == []
    assert keyboard.sounding == {60}


def test_two_keys_of_one_pitch_never_leave_it_hanging() -> None:
    keyboard = Keyboard()
    press(keyboard, ",", 0.0)
    assert press(keyboard, "q", 0.3) == [off(72), on(72)]
    assert keyboard.due(Seconds(5.0)) == [off(72)]


def test_release_all_pairs_every_note_and_forget_owes_none() -> None:
    keyboard = Keyboard()
    keyboard.latch = True
    for at, key in enumerate("zxc"):
        press(keyboard, key, float(at))
    assert sorted(keyboard.release_all(), key=lambda key: key.pitch) == [off(60), off(62), off(64)]
    press(keyboard, "v", 9.0)
    keyboard.forget()
    assert keyboard.release_all() == []
