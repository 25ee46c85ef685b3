"""What sounds: states become note-ons and note-offs, and every note-on gets its note-off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds
from ripieno.events import Planned, Sounding
from ripieno.ledger import Ledger
from ripieno.outputs.lane import Lane, velocity_table
from ripieno.routing import Routing
from ripieno.sound import Sound, When

from tests.fakes import FakeOutput, FakeRecorder

NOW = When(Beats(0.0), Seconds(0.0), Seconds(0.0))


def at(moment: float) -> When:
    return When(Beats(0.0), Seconds(moment), Seconds(moment))


def stage(
    routing: Routing | None = None, *, told: bool = False
) -> tuple[Sound, FakeOutput, Ledger]:
    """A sound with one output; what that was `told` before the first note is forgotten, or not."""
    output, ledger = FakeOutput(), Ledger()
    sound = Sound((output,), ledger, routing or Routing(), FakeRecorder())
    if not told:
        output.calls.clear()
        output.moments.clear()
    return sound, output, ledger


def step(begin: float, *voices: Sounding) -> Planned:
    return Planned(
        0, Beats(begin), Beats(begin + 0.25), voices, False, Seconds(0), Seconds(0), True
    )


def play(sound: Sound, planned: Planned, when: When) -> None:
    """Let the first section play a step."""
    sound.sections[0].perform(planned, when)


def later(sound: Sound) -> None:
    """Let all that is on its way arrive."""
    sound.pump(Seconds(1000.0))


def test_what_ends_is_released_before_what_begins_is_struck() -> None:
    sound, output, _ = stage()
    play(sound, step(0, Sounding(0, 72, True, 80), Sounding(3, 48, True, 80)), at(0.0))
    play(sound, step(1, Sounding(0, 74, True, 80), Sounding(3, 48, False, 80)), at(1.0))
    later_by_steps(sound, 2.0)
    assert output.calls == [("on", 0, 72), ("on", 3, 48), ("off", 0, 72), ("on", 0, 74)]


def test_a_step_told_ahead_sounds_in_its_time() -> None:
    sound, output, _ = stage()
    play(sound, step(0, Sounding(0, 72, True, 80)), at(5.0))
    assert sound.wake() == 5.0
    sound.pump(Seconds(4.999))
    assert output.calls == []
    sound.pump(Seconds(5.0))
    assert output.calls == [("on", 0, 72)]
    assert sound.wake() is None


def test_a_note_struck_again_has_ended_a_millisecond_before() -> None:
    sound, output, _ = stage()
    play(sound, step(0, Sounding(0, 72, True, 80)), at(0.0))
    play(sound, step(1, Sounding(0, 72, True, 80)), at(1.0))
    later_by_steps(sound, 2.0)
    assert output.calls == [("on", 0, 72), ("off", 0, 72), ("on", 0, 72)]
    assert output.moments == pytest.approx([0.0, 0.999, 1.0], abs=1e-4)


def test_a_note_struck_again_at_once_waits_for_its_end() -> None:
    sound, output, _ = stage()
    sound.thru_on(60, 60, 90, at(1.0))
    sound.thru_on(60, 60, 91, at(2.0))
    assert output.calls == [("on", 4, 60), ("off", 4, 60)]
    assert sound.wake() == pytest.approx(2.001)
    later_by_steps(sound, 2.002)
    assert output.calls[2:] == [("on", 4, 60)]
    assert output.sounding == {(4, 60): 91}


def later_by_steps(sound: Sound, end: float) -> None:
    """As the loop does it: wake when there is something to do."""
    while (wake := sound.wake()) is not None and wake <= end:
        sound.pump(wake)


def test_a_step_told_twice_sounds_once() -> None:
    sound, output, _ = stage()
    for _ in range(2):
        play(sound, step(0, Sounding(0, 72, True, 80)), NOW)
    later(sound)
    assert output.calls == [("on", 0, 72)]


def test_a_voice_that_should_sound_and_does_not_is_struck_even_if_held() -> None:
    sound, output, _ = stage()
    play(sound, step(0, Sounding(1, 65, False, 80)), NOW)
    later(sound)
    assert output.calls == [("on", 1, 65)]


def test_muting_silences_at_once_and_the_others_go_on() -> None:
    sound, output, _ = stage()
    play(sound, step(0, Sounding(0, 72, True, 80), Sounding(1, 65, True, 80)), NOW)
    sound.pump(Seconds(0.0))
    sound.sections[0].mute(frozenset({0}), at(1.0))
    assert set(output.sounding) == {(1, 65)}
    play(sound, step(1, Sounding(0, 74, True, 80), Sounding(1, 67, True, 80)), at(2.0))
    sound.pump(Seconds(2.0))
    assert set(output.sounding) == {(1, 67)}
    sound.sections[0].mute(frozenset(), at(3.0))
    play(sound, step(2, Sounding(0, 74, False, 80)), at(4.0))
    later(sound)
    assert (0, 74) in output.sounding


def test_two_voices_on_one_channel_share_a_pitch() -> None:
    sound, output, ledger = stage(Routing(channels=(0, 0, 0, 0)))
    play(sound, step(0, Sounding(0, 60, True, 80), Sounding(1, 60, True, 70)), at(0.0))
    play(sound, step(1, Sounding(0, 62, True, 80), Sounding(1, 60, False, 70)), at(1.0))
    sound.pump(Seconds(1.0))
    assert (0, 60) in output.sounding, "the other voice still holds it"
    sound.sections[0].hush(at(2.0))
    assert not output.sounding
    assert ledger.count == 0


def test_a_hush_drops_what_has_not_begun() -> None:
    sound, output, ledger = stage()
    play(sound, step(0, Sounding(0, 72, True, 80)), at(1.0))
    sound.pump(Seconds(1.0))
    play(sound, step(1, Sounding(0, 74, True, 80), Sounding(1, 65, True, 80)), at(2.0))
    sound.sections[0].hush(at(1.995))
    assert output.calls == [("on", 0, 72), ("off", 0, 72)]
    assert output.moments[1] == pytest.approx(1.995), "its end was to come at 2, and comes now"
    later(sound)
    assert len(output.calls) == 2
    assert ledger.count == 0


def test_the_players_notes_pass_unaltered_or_not_at_all() -> None:
    sound, output, _ = stage()
    sound.thru_on(60, 60, 101, at(0.0))
    assert output.sounding == {(4, 60): 101}
    sound.thru_on(60, 60, 50, at(1.0))
    sound.pump(Seconds(1.5))
    sound.thru_off(60, at(2.0))
    sound.thru_off(60, at(2.0))
    assert not output.sounding
    quiet, silent_output, _ = stage(Routing(thru=False))
    quiet.thru_on(60, 60, 101, NOW)
    quiet.thru_bend(100, NOW)
    quiet.thru_control(64, 127, NOW)
    later(quiet)
    assert silent_output.calls == []
    assert quiet.ledger.pedals() == []


def test_the_wheel_and_the_pedal_pass_and_a_pedal_is_in_the_ledger() -> None:
    sound, output, ledger = stage()
    sound.thru_bend(-8192, at(0.0))
    sound.thru_bend(8191, at(0.1))
    sound.thru_control(64, 127, at(0.2))
    assert output.calls == [("bend", 4, -8192), ("bend", 4, 8191), ("control", 64, 127)]
    assert ledger.pedals() == [4]
    sound.thru_control(64, 0, at(0.3))
    assert ledger.pedals() == []
    sound.thru_control(64, 127, at(0.4))
    sound.release_all(at(0.5))
    assert output.calls[-1] == ("control", 64, 0)
    assert ledger.pedals() == []


def test_a_sound_that_the_player_chooses_passes_and_stays_for_who_comes_later() -> None:
    sound, output, _ = stage()
    sound.thru_program(48, at(0.1))
    assert output.programs == {0: 19, 1: 19, 2: 19, 3: 19, 4: 48}
    late = FakeOutput()
    sound.greet(late)
    assert late.programs[4] == 48
    quiet, silent_output, _ = stage(Routing(thru=False))
    quiet.thru_program(48, at(0.1))
    assert silent_output.programs[4] == 19


def test_a_note_is_in_the_ledger_until_its_end_has_surely_left() -> None:
    output, ledger = FakeOutput(lead=0.01), Ledger()
    sound = Sound((output,), ledger, Routing(), FakeRecorder())
    assert sound.lead == 0.01
    sound.thru_on(60, 60, 90, at(1.0))
    sound.thru_control(64, 127, at(1.0))
    sound.thru_off(60, at(2.0))
    sound.thru_control(64, 0, at(2.0))
    assert output.calls[-2:] == [("off", 4, 60), ("control", 64, 0)]
    assert (ledger.sounding(), ledger.pedals()) == ([(4, 60)], [4]), "it may be on its way"
    sound.pump(Seconds(2.021))
    assert (ledger.sounding(), ledger.pedals()) == ([], [])


def test_panic_tells_every_channel() -> None:
    sound, output, ledger = stage()
    play(sound, step(0, Sounding(0, 72, True, 80)), NOW)
    sound.thru_on(60, 60, 101, NOW)
    ledger.strike(9, 99)  # something that nobody remembers
    sound.panic(at(1.0))
    assert ("off", 9, 99) in output.calls
    assert output.calls[-1] == ("silence", 0, 0)
    assert not output.sounding
    assert ledger.count == 0


@pytest.mark.parametrize("struck", [0.0, 0.9985, 0.9995, 1.0])
def test_panic_silences_after_every_release_wherever_a_message_is_on_its_way(
    struck: float,
) -> None:
    """Outputs that look ahead, are slow, or get a note that has just been struck."""
    ahead, slow, plain = FakeOutput(lead=0.012), FakeOutput(lead=0.012), FakeOutput()
    lanes = (Lane(ahead), Lane(slow, Seconds(0.02)), Lane(plain))
    sound = Sound(lanes, Ledger(), Routing(), FakeRecorder())
    chord = (Sounding(0, 72, True, 80), Sounding(3, 48, True, 80))
    play(sound, step(0, *chord), at(struck))
    sound.thru_on(60, 60, 101, at(struck))
    sound.pump(Seconds(struck))
    sound.panic(at(1.0))
    sound.pump(Seconds(1.01))  # what waits for its moment: the next thing that the loop does
    for output in (ahead, slow, plain):
        assert output.sounding == {}
        assert [kind for kind, _, _ in output.calls].count("off") == 3
        silenced = output.moments[-1]
        assert output.calls[-1] == ("silence", 0, 0)
        releases = zip(output.calls, output.moments, strict=True)
        ends = [moment for (kind, _, _), moment in releases if kind == "off"]
        assert silenced is not None
        assert all(moment is not None and moment <= silenced for moment in ends)


def test_patches_are_told_before_the_first_note_and_to_who_comes_later() -> None:
    routing = Routing(
        programs=(1, 2, 3, 4),
        thru_program=7,
        banks=(None, 129, None, None),
        volumes=(100, None, None, None),
        pans=(None, None, None, 127),
    )
    sound, output, _ = stage(routing, told=True)
    assert output.programs == {0: 1, 1: 2, 2: 3, 3: 4, 4: 7}
    controls = [("control", 7, 100), ("control", 0, 1), ("control", 32, 1), ("control", 10, 127)]
    assert output.calls == controls
    sound.greet(output)
    assert output.calls == 2 * controls


def test_a_slow_instrument_is_told_earlier_and_a_loud_one_more_softly() -> None:
    slow, soft = FakeOutput(), FakeOutput()
    table = velocity_table(((1, 1), (127, 64)))
    lanes = (Lane(slow, Seconds(0.02)), Lane(soft, Seconds(0.0), table))
    sound = Sound(lanes, Ledger(), Routing(), FakeRecorder())
    assert sound.lead == 0.02
    play(sound, step(0, Sounding(0, 72, True, 127)), at(1.0))
    assert sound.wake() == pytest.approx(0.98)
    sound.pump(Seconds(0.98))
    assert (slow.sounding, soft.sounding) == ({(0, 72): 127}, {})
    sound.pump(Seconds(1.0))
    assert soft.sounding == {(0, 72): 64}


def test_a_velocity_table_is_straight_between_its_points() -> None:
    table = velocity_table(((20, 40), (100, 120)))
    assert [table[played] for played in (0, 1, 20, 21, 60, 100, 127)] == [
        40, 40, 40, 41, 80, 120, 120,
    ]  # fmt: skip
    assert velocity_table(()) == bytes(range(128))


def test_clicks_and_ticks_come_in_their_time() -> None:
    sound, output, ledger = stage()
    sound.click(9, 76, 100, at(1.0), Seconds(0.05))
    sound.clock((0xF8,), Seconds(1.02))
    sound.pump(Seconds(1.01))
    assert output.calls == [("on", 9, 76)]
    assert ledger.sounding() == [(9, 76)]
    later(sound)
    assert output.calls[1:] == [("clock", 0xF8, 0), ("off", 9, 76)]
    assert ledger.count == 0


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


@given(moves, st.booleans(), st.sampled_from([0.0, 0.011]), st.sampled_from([0.0, 0.0004, 0.3]))
def test_no_note_hangs_whatever_comes(
    moves: list[object], shared: bool, lead: float, pace: float
) -> None:
    channels = (0, 0, 0, 0) if shared else (0, 1, 2, 3)
    outputs, ledger = (FakeOutput(lead), FakeOutput()), Ledger()
    lanes = (Lane(outputs[0], Seconds(0.003)), Lane(outputs[1]))
    sound = Sound(lanes, ledger, Routing(channels=channels, thru_channel=0), FakeRecorder())
    now = 1.0
    for place, move in enumerate(moves):
        now += pace
        if isinstance(move, list):
            play(sound, step(place, *move), at(now + sound.lead))
        elif isinstance(move, frozenset):
            sound.sections[0].mute(move, at(now))
        elif isinstance(move, tuple):
            down, pitch = move
            if down:
                sound.thru_on(pitch, pitch, 90, at(now))
            else:
                sound.thru_off(pitch, at(now))
        sound.pump(Seconds(now))
        for output in outputs:  # what an output sounds is in the ledger, or else it would hang
            assert set(output.sounding) <= set(ledger.sounding())
        assert ledger.count == len(ledger.sounding())
    sound.release_all(at(now))
    later_by_steps(sound, now + 1.0)
    sound.pump(Seconds(now + 1.0))
    for output in outputs:
        assert not output.sounding
        check_pairs(output)
    assert ledger.sounding() == []
    assert sound.wake() is None


def check_pairs(output: FakeOutput) -> None:
    """Each note begins and ends by turns, a millisecond apart, and ends as often as it begins."""
    last: dict[tuple[int, int], tuple[str, float]] = {}
    for (what, *cell), moment in zip(output.calls, output.moments, strict=True):
        assert moment is not None
        before, then = last.get((cell[0], cell[1]), ("off", 0.0))
        assert what != before, f"{what} twice: {cell}"
        assert moment >= then + 0.001 - 1e-9
        last[cell[0], cell[1]] = (what, moment)
    assert all(what == "off" for what, _ in last.values())
