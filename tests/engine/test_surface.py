"""Every control by its name: where it stands, what moves it, and what a knob's touch asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno import knobs, surface
from ripieno.commands import Action, Choose, Command, Mute, Turn
from ripieno.errors import SettingError
from ripieno.midi.controls import Binding, Control, Kind, Touch, Way
from ripieno.midi.turning import Turning, light
from ripieno.settings import Key, Rules, Settings

FADER = Control(Kind.CONTROLLER, 21, 0)
KEYED = Settings(rules=Rules(key=Key.parse("C major")))


def applied(settings: Settings, commands: tuple[Command, ...]) -> Settings:
    for command in commands:
        match command:
            case Turn(name, value):
                settings = knobs.turn(settings, name, value)
            case Choose(name, value):
                settings = knobs.choose(settings, name, value)
            case Mute(voice, muted):
                others = settings.muted - {voice}
                settings = replace(settings, muted=others | {voice} if muted else others)
            case _:
                pytest.fail(f"{command} turns nothing")
    return settings


@pytest.mark.parametrize("name", surface.TURNED)
def test_both_ends_of_everything_can_be_reached_and_are_seen(name: str) -> None:
    for end in (1.0, 0.0):
        after = applied(KEYED, surface.moved_to(KEYED, name, end))
        assert surface.position(after, name) == pytest.approx(end, abs=0.02), end
        assert surface.moved_to(after, name, end) == (), "it stands there"


def test_a_name_that_is_misspelt_is_told_the_nearest() -> None:
    assert surface.target_from("answer") is Action.ANSWER
    assert surface.target_from("temperature") == "temperature"
    with pytest.raises(SettingError, match="Did you mean 'temperature'"):
        surface.target_from("temprature")


def test_solo_silences_the_others_and_gives_them_back() -> None:
    alone = applied(Settings(), surface.solo(Settings(), 2))
    assert alone.muted == {0, 1, 3}
    assert surface.is_solo(alone, 2)
    assert applied(alone, surface.solo(alone, 0)).muted == {1, 2, 3}
    assert applied(alone, surface.solo(alone, 2)).muted == frozenset()


def turned(way: Way, *values: int, begin: float = 1.0) -> list[float]:
    """The temperature after each value of a controller that turns it between 0.5 and 1.5."""
    turning, binding = Turning(), Binding(FADER, "temperature", way, 0.5, 1.5)
    settings = knobs.turn(Settings(), "temperature", begin)
    after = []
    for value in values:
        settings = applied(settings, turning.commands(Touch(binding, value), settings))
        after.append(round(settings.sampling.temperature, 3))
    return after


def test_absolute_is_where_it_stands() -> None:
    assert turned(Way.ABSOLUTE, 0, 127, 64) == [0.5, 1.5, 1.0]


def test_pick_up_waits_until_it_has_passed_the_value() -> None:
    assert turned(Way.PICK_UP, 0, 30, 60, 70, 127) == [1.0, 1.0, 1.0, 1.05, 1.5]
    assert turned(Way.PICK_UP, 127, 90, 30) == [1.0, 1.0, 0.75]


def test_pick_up_lets_go_when_the_value_goes_elsewhere() -> None:
    turning, binding = Turning(), Binding(FADER, "temperature", Way.PICK_UP, 0.5, 1.5)
    settings = knobs.turn(Settings(), "temperature", 1.0)
    settings = applied(settings, turning.commands(Touch(binding, 64), settings))
    settings = knobs.turn(settings, "temperature", 1.5)  # by a key of the screen
    assert turning.commands(Touch(binding, 66), settings) == ()
    assert turning.commands(Touch(binding, 126), settings) == ()
    assert applied(settings, turning.commands(Touch(binding, 127), settings)) == settings
    assert turning.commands(Touch(binding, 100), settings) != (), "it holds the value now"


@pytest.mark.parametrize(
    ("way", "up", "down", "still"),
    [(Way.RELATIVE, 2, 126, 0), (Way.RELATIVE_64, 66, 62, 64), (Way.RELATIVE_SIGN, 2, 66, 0)],
)
def test_encoders_click(way: Way, up: int, down: int, still: int) -> None:
    assert turned(way, up, still, down, down) == [1.1, 1.1, 1.0, 0.9]


def test_a_pad_goes_on_to_the_next_value() -> None:
    pad = Binding(Control(Kind.NOTE, 36, 9), "mode")
    assert Turning().commands(Touch(pad, 127), Settings()) == (Choose("mode", "accompany"),)
    mute = Binding(Control(Kind.NOTE, 37, 9), "mute_bass")
    assert Turning().commands(Touch(mute, 127), Settings()) == (Mute(3, True),)


def test_lamps_are_lit_and_motors_stand_where_the_value_is() -> None:
    assert [light(FADER, where) for where in (0.0, 0.5, 1.0)] == [0, 64, 127]
    assert [light(Control(Kind.NOTE, 36), where) for where in (0.0, 0.5, 1.0)] == [0, 0, 127]
