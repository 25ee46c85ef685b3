"""Every knob and switch: what it reads it writes, and what is out of bounds is refused."""

from __future__ import annotations

import math

import pytest
from ripieno import knobs
from ripieno.errors import SettingError
from ripieno.knobs import KNOBS, SWITCHES
from ripieno.settings import Key, Settings, Strength
from ripieno.turnable import Knob, Switch

MOVES_WITH = {
    "stability": {"stability", "commit", "lookahead"},
    "commit": {"stability", "commit"},
}
"""One knob stands for two: it shows where they stand, and sets them."""


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
class TestEveryKnob:
    def test_reads_what_was_written_and_changes_nothing_else(self, knob: Knob) -> None:
        before = Settings()
        target = knobs.nudged(before, knob.name, 1)
        if target == knob.read(before):  # it stands at its upper end already
            target = knobs.nudged(before, knob.name, -1)
        after = knobs.turn(before, knob.name, target)
        assert knob.read(after) == pytest.approx(target)
        changed = {each.name for each in KNOBS if each.read(after) != each.read(before)}
        assert changed == MOVES_WITH.get(knob.name, {knob.name})
        assert [each.read(after) for each in SWITCHES] == [each.read(before) for each in SWITCHES]

    def test_takes_both_ends_and_refuses_what_lies_beyond(self, knob: Knob) -> None:
        settings = Settings()
        low, high = knob.bounds(settings)
        for end in (low, high):
            assert knob.read(knobs.turn(settings, knob.name, end)) == end
        for beyond in (knob.low - 1, knob.high + 1, math.inf, math.nan):
            with pytest.raises(SettingError):
                knobs.turn(settings, knob.name, beyond)

    def test_clamped_is_always_taken(self, knob: Knob) -> None:
        settings = Settings()
        for value in (-1e12, knob.low, knob.high, 1e12):
            near = knobs.clamped(settings, knob.name, value)
            assert knob.read(knobs.turn(settings, knob.name, near)) == near

    def test_a_thousand_clicks_stop_at_the_end(self, knob: Knob) -> None:
        settings = Settings()
        low, high = knob.bounds(settings)
        assert knobs.nudged(settings, knob.name, -(2**40)) == low
        assert knobs.nudged(settings, knob.name, 2**40, big=True) == high

    def test_has_a_name_that_a_musician_can_read(self, knob: Knob) -> None:
        assert knob.title == knob.title.strip() != ""
        assert 0 < knob.step <= knob.big_step


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_every_value_of_a_switch_can_be_chosen(switch: Switch) -> None:
    settings = knobs.choose(Settings(), "key", "C major")  # so that a lock has a key
    for value in switch.values:
        assert switch.read(knobs.choose(settings, switch.name, value)) == value
    assert len(set(switch.values)) == len(switch.values)


def test_cycling_a_switch_comes_round_to_where_it_began() -> None:
    settings = knobs.choose(Settings(), "meter", "7/8")  # not among the offered ones
    seen = []
    for _ in range(len(knobs.METERS) + 1):
        settings = knobs.choose(settings, "meter", knobs.cycled(settings, "meter"))
        seen.append(str(settings.meter))
    assert tuple(seen) == (*knobs.METERS, knobs.METERS[0])


def test_commit_and_lookahead_stop_at_each_other() -> None:
    settings = knobs.turn(Settings(), "lookahead", 1)
    assert knobs.clamped(settings, "commit", 4) == 1
    settings = knobs.turn(settings, "commit", 1)
    assert knobs.clamped(settings, "lookahead", 0.5) == 1
    with pytest.raises(SettingError, match="commit ≤ lookahead"):
        knobs.turn(settings, "lookahead", 0.5)


def test_taking_away_the_key_takes_away_its_lock() -> None:
    settings = knobs.choose(knobs.choose(Settings(), "key", "G major"), "key_lock", "hard")
    assert (settings.rules.key, settings.rules.key_lock) == (Key(7, "major"), Strength.HARD)
    settings = knobs.choose(settings, "key", "none")
    assert (settings.rules.key, settings.rules.key_lock) == (None, Strength.OFF)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("key_lock", "hard", "key_lock needs a key"),
        ("key", "H major", "'H major' is not a key"),
        ("mode", "anwser", "Did you mean 'answer'?"),
        ("meter", "4", "'4' is not a meter"),
        ("modus", "solo", "Did you mean 'mode'?"),
    ],
)
def test_a_wrong_choice_is_refused_in_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        knobs.choose(Settings(), name, value)
    assert sentence in str(caught.value)


def test_a_wrong_turn_names_the_nearest_value_and_the_nearest_knob() -> None:
    with pytest.raises(SettingError, match=r"The nearest is 20\."):
        knobs.turn(Settings(), "tempo", 0)
    with pytest.raises(SettingError, match="Did you mean 'temperature'"):
        knobs.turn(Settings(), "temperatur", 1)


def test_clicks_land_on_the_step() -> None:
    settings = knobs.turn(Settings(), "temperature", 0.87)
    assert knobs.nudged(settings, "temperature", 1) == 0.9
    assert knobs.nudged(settings, "temperature", -1) == 0.8
