"""Controls answer at once, are confirmed by telemetry, and come back when the engine refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import AnswerNow, Choose, Command, Mute, Panic, Play, Seed, Stop, Turn
from ripieno.errors import SettingError
from ripieno.events import Telemetry
from ripieno_app.wishes import Controls, State, Wishes

from tests.app.scenes import answering

NOW = answering(beat=20.0)  # committed at 20.75


def confirmed(command: Command, telemetry: Telemetry = NOW) -> Telemetry:
    controls = Controls.of(telemetry).after(command)
    return replace(
        telemetry,
        settings=controls.settings,
        playing=controls.playing,
        phrase=controls.phrase,
    )


def later(telemetry: Telemetry, beats: float) -> Telemetry:
    seconds = beats * 60 / telemetry.settings.bpm
    return replace(
        telemetry, beat=Beats(telemetry.beat + beats), at=Seconds(telemetry.at + seconds)
    )


@pytest.mark.parametrize(
    "command",
    [
        Turn("tempo", 96.0),
        Turn("temperature", 1.2),
        Choose("mode", "solo"),
        Mute(2, True),
        Stop(),
        Panic(),
        Seed("ode-to-joy", ()),
    ],
)
def test_a_wish_shows_before_the_engine_knows(command: Command) -> None:
    wishes = Wishes()
    wishes.want(command, NOW)
    assert wishes.applied(NOW) == Controls.of(confirmed(command))
    assert wishes.applied(NOW) != Controls.of(NOW)


def test_a_confirmed_knob_waits_for_its_horizon() -> None:
    wishes = Wishes()
    wishes.want(Turn("temperature", 1.2), NOW)
    (wish,) = wishes.coming
    assert (wish.state, wish.heard) == (State.ASKED, 20.75)
    told = confirmed(Turn("temperature", 1.2))
    assert wishes.settle(told) == []
    assert wishes.coming[0].state is State.COMING
    assert wishes.settle(later(told, 0.74)) == []
    assert wishes.coming
    assert wishes.settle(later(told, 0.76)) == []
    assert not wishes.coming


@pytest.mark.parametrize(
    "command",
    [
        *(Turn("tempo", 90.0), Turn("swing", 0.6), Turn("count_in", 2.0)),
        *(Choose("hand_over", "snap"), Choose("metronome", "on"), Choose("source", "midi")),
        *(Mute(0, True), Stop()),
    ],
)
def test_what_is_no_matter_of_notes_does_not_wait(command: Command) -> None:
    wishes = Wishes()
    wishes.want(command, NOW)
    wishes.settle(confirmed(command))
    assert not wishes.coming


@pytest.mark.parametrize("command", [Turn("stability", 0.5), Turn("space", 0.5)])
def test_what_changes_the_plan_waits_for_the_horizon(command: Turn) -> None:
    wishes = Wishes()
    wishes.want(command, NOW)
    assert wishes.coming[0].label == f"{command.name} 0.5"
    wishes.settle(confirmed(command))
    assert [wish.state for wish in wishes.coming] == [State.COMING]


def test_a_jump_back_to_the_start_leaves_no_wish_waiting_for_the_place_it_came_from() -> None:
    wishes = Wishes()
    wishes.want(Turn("temperature", 1.2), NOW)
    told = confirmed(Turn("temperature", 1.2))
    wishes.settle(replace(told, beat=Beats(0.0), committed=Beats(0.75)))
    assert [wish.heard for wish in wishes.coming] == [0.75]
    wishes.settle(replace(told, beat=Beats(0.8), committed=Beats(1.5)))
    assert not wishes.coming


def test_a_count_in_that_begins_a_bar_back_leaves_no_wish_waiting() -> None:
    wishes = Wishes()
    stopped = replace(NOW, playing=False)
    wishes.want(Turn("count_in", 1.0), stopped)
    wishes.settle(replace(confirmed(Turn("count_in", 1.0)), beat=Beats(16.0)))
    assert not wishes.coming


def test_a_refused_wish_is_dropped_and_named() -> None:
    wishes = Wishes()
    wishes.want(Turn("temperature", 1.2), NOW)
    assert wishes.settle(later(NOW, 1.0)) == []  # 0.7 s: it may still come
    (lost,) = wishes.settle(later(NOW, 2.0))
    assert lost.label == "temperature 1.2"
    assert wishes.applied(NOW) == Controls.of(NOW)


def test_a_newer_wish_for_a_control_replaces_the_older() -> None:
    wishes = Wishes()
    wishes.want(Turn("tempo", 85.0), NOW)
    wishes.want(Turn("tempo", 86.0), NOW)
    wishes.settle(confirmed(Turn("tempo", 85.0)))
    assert [wish.command for wish in wishes.coming] == [Turn("tempo", 86.0)]


def test_a_wish_that_has_become_impossible_does_no_harm() -> None:
    wishes = Wishes()
    wishes.want(Turn("commit", 2.0), NOW)
    horizon = replace(NOW.settings.horizon, lookahead=Beats(1.0))
    shrunk = replace(NOW, settings=replace(NOW.settings, horizon=horizon))
    assert wishes.settle(shrunk) == []
    assert wishes.applied(shrunk) == Controls.of(shrunk)


def test_a_command_that_sets_nothing_is_no_wish() -> None:
    wishes = Wishes()
    wishes.want(AnswerNow(), NOW)
    assert not wishes.coming


def test_after_refuses_what_may_not_be() -> None:
    with pytest.raises(SettingError):
        Controls.of(NOW).after(Turn("tempo", 0.0))


def test_doing_it_twice_is_once() -> None:
    for command in (Mute(1, True), Mute(1, False), Play(), Choose("key", "none")):
        once = Controls.of(NOW).after(command)
        assert once.after(command) == once
