"""The range of each voice and the largest leap: letters, mouse, learning, and where they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Seconds
from ripieno.commands import Become, Command, Learn, Turn
from ripieno_app import ranges
from ripieno_app.ranges import ENDS
from ripieno_app.wishes import Controls
from textual import events

from tests.app.scenes import answering
from tests.app.stage import LARGE, MIDDLE, SMALL, Stage, on_stage

PLACES = {"soprano": 0, "alto": 1, "tenor": 2, "bass": 3}


def test_the_next_voice_and_the_other_end_go_around() -> None:
    seen = [ranges.FIRST]
    for _ in range(3):
        seen.append(ranges.next_voice(seen[-1]))
    assert seen == [f"{voice}_lowest" for voice in PLACES]
    assert ranges.next_voice(seen[-1]) == ranges.FIRST
    assert ranges.other_end("alto_lowest") == "alto_highest"
    assert ranges.other_end("alto_highest") == "alto_lowest"
    assert [ranges.place_of(name) for name in seen] == [(voice, 0) for voice in range(4)]


async def test_every_end_of_every_range_is_turned_by_its_keys() -> None:
    settings = answering().settings
    async with on_stage() as stage:
        await stage.press("tab")
        for voice, place in PLACES.items():
            for end, name in enumerate(ENDS):
                now = settings.rules.ranges[place][end]
                turns = [Turn(f"{voice}_{name}", float(pitch)) for pitch in (now - 1, now)]
                assert await stage.press("{", "}") == turns
                assert await stage.press("R") == []
            assert await stage.press("V") == []


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_what_is_in_hand_stands_in_braces_where_letters_are_controls(
    size: tuple[int, int],
) -> None:
    async with on_stage(size) as stage:
        assert "{" not in _strips(stage)
        await stage.press("tab")
        assert "{A3}–" in stage.words("#voice-0")
        await stage.press("V", "R")
        assert "–{D5}" in stage.words("#voice-1")
        assert "The alto's highest note: { and } turn it." in stage.words("#notice-0")
        assert _strips(stage).count("{") == 1
        await stage.press("}")
        assert "–{Eb5}○" in stage.words("#voice-1")
        await stage.press("tab")
        assert "–Eb5○" in stage.words("#voice-1")
        assert "{" not in _strips(stage)


def _strips(stage: Stage) -> str:
    return "".join(stage.words(f"#voice-{voice}") for voice in PLACES.values())


async def test_a_range_is_shown_as_asked_confirmed_and_heard() -> None:
    async with on_stage() as stage:
        await stage.press("tab", "{")
        now = answering()
        settings = Controls.of(now).after(Turn("soprano_lowest", 56.0)).settings
        await stage.tell(replace(now, settings=settings))
        assert "{Ab3}●–" in stage.words("#voice-0")
        await stage.tell(answering(now.beat + 0.8, settings))
        assert "{Ab3}–" in stage.words("#voice-0")


async def test_an_end_stops_at_the_other_end_and_is_taken_back() -> None:
    settings = answering().settings
    narrow = replace(
        settings, rules=replace(settings.rules, ranges=((60, 60), *settings.rules.ranges[1:]))
    )
    async with on_stage(telemetry=replace(answering(), settings=narrow)) as stage:
        await stage.press("tab")
        assert await stage.press("}") == []
        assert await stage.press("{") == [Turn("soprano_lowest", 59.0)]
        assert await stage.press("Z") == [Become(narrow)]


async def test_a_knob_learns_the_end_that_is_in_hand() -> None:
    async with on_stage() as stage:
        await stage.press("tab", "j")
        assert await stage.press("V", "V", "R", "}") == [Learn("tenor_highest")]
        assert await stage.press("j", ";") == [Learn("max_leap")]
        assert await stage.press(";") == [Turn("max_leap", 13.0)]


async def test_a_click_takes_an_end_in_hand_and_the_wheel_turns_it() -> None:
    async with on_stage(LARGE) as stage:
        await stage.press("tab")
        strip = stage.words("#voice-2")
        low, high = strip.index("C3"), strip.index("A4")
        assert await stage.click("#voice-2", (high, 0)) == []
        assert "{A4}" in stage.words("#voice-2")
        assert await stage.click("#voice-2", (low, 0)) == []
        assert "{C3}" in stage.words("#voice-2")
        assert await _wheel(stage, low, up=True) == [Turn("tenor_lowest", 49.0)]
        assert await _wheel(stage, high + 2, up=False) == [Turn("tenor_highest", 68.0)]
        assert await _wheel(stage, 3, up=True) == []


async def _wheel(stage: Stage, column: int, *, up: bool) -> list[Command]:
    """Turn the wheel over a column of the tenor's strip; the commands that this sent."""
    await stage.forget()
    before = len(stage.client.commands)
    strip = stage.app.performance.query_one("#voice-2")
    kind = events.MouseScrollUp if up else events.MouseScrollDown
    strip.post_message(kind(strip, column, 0, 0, 0, 0, False, False, False))
    await stage.settle()
    return stage.client.commands[before:]


async def test_the_leap_stands_on_the_screen_with_its_keys_or_is_told() -> None:
    async with on_stage(MIDDLE) as stage:
        assert stage.words("#control-max_leap") == "leap ‹12› "
        await stage.press("tab", ";")
        assert stage.words("#control-max_leap") == "leap , ; ‹13›○"
    async with on_stage(SMALL) as stage:
        await stage.press("tab", ",")
        assert "Largest leap 11." in stage.words("#notice-0")


async def test_keys_that_are_no_letters_stand_behind_their_controls() -> None:
    async with on_stage(LARGE) as stage:
        assert stage.words("#control-density") == "density ‹1.00› "
        await stage.press("tab")
        for control, told in (
            ("tempo", "tempo ↑↓ "),
            ("temperature", "temp ←→ "),
            ("density", "density ( ) "),
            ("candidates", "candidates + - "),
            ("octave", "octave [ ] "),
            ("metronome", "metronome . "),
            ("source", "clock d "),
        ):
            assert stage.words(f"#control-{control}").startswith(f"{told}‹"), control


async def test_an_engine_that_refuses_a_range_gives_the_old_one_back() -> None:
    async with on_stage() as stage:
        now = answering()
        await stage.press("tab", "{")
        await stage.tell(replace(now, at=Seconds(now.at + 2.0)))
        assert "{A3}–" in stage.words("#voice-0")
        assert "did not take soprano: lowest Ab3" in stage.words("#notice-0")
