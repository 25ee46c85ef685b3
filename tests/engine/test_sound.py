"""What sounds: states become note-ons and note-offs, and every note-on gets its note-off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds
from ripieno.events import Planned, Sounding
from ripieno.ledger import Ledger
from ripieno.routing import Routing
from ripieno.sound import Sound, When

from tests.fakes import FakeOutput, FakeRecorder

NOW = When(Beats(0.0), Seconds(0.0), Seconds(0.0))


def stage(routing: Routing | None = None) -> tuple[Sound, FakeOutput, Ledger]:
    output, ledger = FakeOutput(), Ledger()
    return Sound((output,), ledger, routing or Routing(), FakeRecorder()), output, ledger


def step(begin: float, *voices: Sounding) -> Planned:
    return Planned(
        0, Beats(begin), Beats(begin + 0.25), voices, False, Seconds(0), Seconds(0), True
    )


def test_what_ends_is_released_before_what_begins_is_struck() -> None:
    sound, output, _ = stage()
    sound.perform(step(0, Sounding(0, 72, True, 80), Sounding(3, 48, True, 80)), NOW)
    sound.perform(step(1, Sounding(0, 74, True, 80), Sounding(3, 48, False, 80)), NOW)
    assert output.calls == [("on", 0, 72), ("on", 3, 48), ("off", 0, 72), ("on", 0, 74)]


def test_a_note_struck_again_is_released_first() -> None:
    sound, output, _ = stage()
    sound.perform(step(0, Sounding(0, 72, True, 80)), NOW)
    sound.perform(step(1, Sounding(0, 72, True, 80)), NOW)
    assert output.calls == [("on", 0, 72), ("off", 0, 72), ("on", 0, 72)]


def test_a_step_told_twice_sounds_once() -> None:
    sound, output, _ = stage()
    for _ in range(2):
        sound.perform(step(0, Sounding(0, 72, True, 80)), NOW)
    assert output.calls == [("on", 0, 72)]


def test_a_voice_that_should_sound_and_does_not_is_struck_even_if_held() -> None:
    sound, output, _ = stage()
    sound.perform(step(0, Sounding(1, 65, False, 80)), NOW)
    assert output.calls == [("on", 1, 65)]


def test_muting_silences_at_once_and_the_others_go_on() -> None:
    sound, output, _ = stage()
    sound.perform(step(0, Sounding(0, 72, True, 80), Sounding(1, 65, True, 80)), NOW)
    sound.mute(frozenset({0}), NOW)
    sound.perform(step(1, Sounding(0, 74, True, 80), Sounding(1, 67, True, 80)), NOW)
    assert set(output.sounding) == {(1, 67)}
    sound.mute(frozenset(), NOW)
    sound.perform(step(2, Sounding(0, 74, False, 80)), NOW)
    assert (0, 74) in output.sounding


def test_two_voices_on_one_channel_share_a_pitch() -> None:
    sound, output, ledger = stage(Routing(channels=(0, 0, 0, 0)))
    sound.perform(step(0, Sounding(0, 60, True, 80), Sounding(1, 60, True, 70)), NOW)
    sound.perform(step(1, Sounding(0, 62, True, 80), Sounding(1, 60, False, 70)), NOW)
    assert (0, 60) in output.sounding, "the other voice still holds it"
    sound.hush(NOW)
    assert not output.sounding
    assert ledger.count == 0


def test_the_players_notes_pass_unaltered_or_not_at_all() -> None:
    sound, output, _ = stage()
    sound.thru_on(60, 60, 101, NOW)
    assert output.sounding == {(4, 60): 101}
    sound.thru_on(60, 60, 50, NOW)
    sound.thru_off(60, NOW)
    sound.thru_off(60, NOW)
    assert not output.sounding
    quiet, silent_output, _ = stage(Routing(thru=False))
    quiet.thru_on(60, 60, 101, NOW)
    assert silent_output.calls == []


def test_panic_tells_every_channel() -> None:
    sound, output, ledger = stage()
    sound.perform(step(0, Sounding(0, 72, True, 80)), NOW)
    sound.thru_on(60, 60, 101, NOW)
    ledger.strike(9, 99)  # something that nobody remembers
    sound.panic(NOW)
    assert ("off", 9, 99) in output.calls
    assert output.calls[-1] == ("silence", 0, 0)
    assert not output.sounding
    assert ledger.count == 0


def test_programs_are_told_before_the_first_note() -> None:
    _, output, _ = stage(Routing(programs=(1, 2, 3, 4), thru_program=7))
    assert output.programs == {0: 1, 1: 2, 2: 3, 3: 4, 4: 7}


voices = st.builds(
    Sounding, st.integers(0, 3), st.none() | st.integers(36, 40), st.booleans(), st.just(80)
)
moves = st.lists(
    st.one_of(
        st.lists(voices, max_size=4, unique_by=lambda v: v.voice),
        st.tuples(st.booleans(), st.integers(36, 40)),
        st.frozensets(st.integers(0, 3)),
    ),
    max_size=40,
)


@given(moves, st.booleans())
def test_no_note_hangs_whatever_comes(moves: list[object], shared: bool) -> None:
    channels = (0, 0, 0, 0) if shared else (0, 1, 2, 3)
    sound, output, ledger = stage(Routing(channels=channels, thru_channel=0))
    for place, move in enumerate(moves):
        if isinstance(move, list):
            sound.perform(step(place, *move), NOW)
        elif isinstance(move, frozenset):
            sound.mute(move, NOW)
        elif isinstance(move, tuple):
            down, pitch = move
            if down:
                sound.thru_on(pitch, pitch, 90, NOW)
            else:
                sound.thru_off(pitch, NOW)
        assert set(ledger.sounding()) == set(output.sounding), "the ledger is what sounds"
        assert ledger.count == len(output.sounding)
    sound.release_all(NOW)
    assert not output.sounding
    assert ledger.sounding() == []
