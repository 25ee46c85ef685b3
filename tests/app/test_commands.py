"""Keys of the command layer that need a word more: tapping, learning, and what is out of sight."""

from __future__ import annotations

from dataclasses import replace

from ripieno.clock import Seconds
from ripieno.commands import Action, Learn, Loop, Panic, Play, Tap, Turn
from ripieno_app.keys import Deed
from textual import events

from tests.app.scenes import following
from tests.app.stage import LARGE, MIDDLE, SMALL, on_stage


async def test_a_tap_is_stamped_with_the_moment_of_the_key_and_not_of_its_reading() -> None:
    async with on_stage() as stage:
        await stage.press("tab")
        stage.clock.sleep_until(Seconds(100.0))
        stroke = events.Key("b", "b")
        stroke.time -= 0.25  # it lay in the queue while the screen was busy
        stage.app.performance.post_message(stroke)
        await stage.settle()
        (tap,) = stage.client.commands
        assert isinstance(tap, Tap)
        assert tap.at <= 99.75
        stage.app.desk.act(Deed.TAP, age=0.5)
        assert stage.client.commands[1:] == [Tap(Seconds(99.5))]


async def test_taps_say_one_thing_and_not_one_each() -> None:
    async with on_stage(LARGE) as stage:
        await stage.press("tab", "b", "b", "b")
        assert "Tap the beat" in stage.words("#notice-0")
        assert "Tap" not in stage.words("#notice-1")


LEARNT = {
    "enter": Action.ANSWER,
    "c": Action.CADENCE,
    "g": Action.LOOP,
    "x": Action.MUTATE,
    "z": Action.UNDO,
    "w": Action.KEEP,
    "space": Action.PLAY,
    "b": Action.TAP,
    "f9": Action.NEXT,
    "L": Action.LIKE,
    "X": Action.DISLIKE,
}
TURNED = {
    "right": "temperature",
    "i": "stability",
    "m": "mode",
    "2": "mute_alto",
    "alt+3": "solo_tenor",
}


async def test_what_a_pad_learns_is_named_by_its_key() -> None:
    assert {*LEARNT.values(), Action.PANIC} == set(Action)
    async with on_stage() as stage:
        await stage.press("tab", "j")
        assert "the key of an action" in stage.words("#notice-0")
        await stage.press("x")
        for key, action in LEARNT.items():
            assert await stage.press("j", key) == [Learn(action)], key
        for key, name in TURNED.items():
            assert await stage.press("j", key) == [Learn(name)], key
        assert await stage.press("j", "j") == [Learn(None)]
        assert await stage.press("g") == [Loop()]  # and then the keys are themselves again


async def test_panic_is_learnt_and_panics_all_the_same() -> None:
    async with on_stage() as stage:
        await stage.press("tab")
        assert await stage.press("j", "escape") == [Learn(Action.PANIC), Panic()]


async def test_what_cannot_be_learnt_is_said_and_does_nothing() -> None:
    async with on_stage() as stage:
        await stage.press("tab")
        assert await stage.press("j", "v") == []
        assert "cannot be learnt" in stage.words("#notice-0")
        assert await stage.press("right") == [Turn("temperature", 1.0)]


async def test_a_control_that_is_not_to_be_seen_says_its_value() -> None:
    async with on_stage(SMALL) as stage:
        await stage.press("tab", "h")
        assert "Hand-over next-bar." in stage.words("#notice-0")
        await stage.press("s")
        assert "Space" not in stage.words("#notice-0")  # it stands on the screen
    async with on_stage(MIDDLE) as stage:
        await stage.press("tab", "h")
        assert stage.words("#control-hand_over") == "hand-over ‹next-bar›○"
        assert "Hand-over" not in stage.words("#notice-0")


async def test_a_followed_clock_decides_on_tempo_and_start_itself() -> None:
    followed = replace(following(), playing=False)
    async with on_stage(telemetry=followed) as stage:
        assert await stage.press("space", "up") == [Play(), Turn("tempo", 121.0)]
        assert stage.words("Position").startswith("■")
        assert stage.words("#control-tempo") == "tempo ‹120› "
        await stage.forget()
        assert "did not take" not in stage.words("#notice-0")
