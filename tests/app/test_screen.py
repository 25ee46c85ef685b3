"""The screen under the mouse, in small terminals, and when the engine ends or dies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from ripieno.clock import Beats, Meter, Seconds
from ripieno.commands import (
    AnswerNow,
    Choose,
    Command,
    KeyPlayed,
    Learn,
    Loop,
    Mute,
    Panic,
    Quit,
    Stop,
    Turn,
)
from ripieno.events import Notice, Phase, Telemetry
from ripieno.settings import (
    ClockSource,
    HandOver,
    Horizon,
    Key,
    Late,
    Mode,
    Rules,
    Sampling,
    Settings,
    Strength,
    Sync,
    Turns,
)
from ripieno_app.exchange import GONE
from ripieno_app.keyboard import TOUCH
from ripieno_app.screens.help import HelpScreen
from ripieno_app.widgets.control import Control
from ripieno_app.widgets.controls import TIME_ROW, TURNS_ROW
from ripieno_app.widgets.line import Line
from ripieno_app.widgets.roll import Roll
from ripieno_app.wishes import Controls
from textual import events
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tests.app.fakes import FakeClient
from tests.app.scenes import answering, counting_in, following
from tests.app.stage import LARGE, MIDDLE, PHRASES, SMALL, Stage, new_app, on_stage

WIDEST = Settings(
    mode=Mode.ACCOMPANY,
    bpm=300,
    meter=Meter(12, 8),
    sampling=Sampling(temperature=2.0, top_p=0.95, candidates=64),
    rules=Rules(key=Key.parse("C# minor"), key_lock=Strength.HARD),
    horizon=Horizon(commit=Beats(3.75), lookahead=Beats(31.75), late=Late.STRETCH),
    turns=Turns(hand_over=HandOver.CATCH_UP, space=0.95),
    sync=Sync(source=ClockSource.INTERNAL, swing=0.67, count_in=4),
    muted=frozenset({1}),
)
HIDDEN_WHERE_LOW = {f"control-{spec.name}" for spec in (*TURNS_ROW, *TIME_ROW)} | {
    f"switches-{voice}" for voice in range(4)
}
ELLIPSIS_ALLOWED = {"route", "notice-0", "notice-1", "notice-2", "latency"}


def widest() -> Telemetry:
    return replace(
        answering(4000.0, WIDEST, 3990.0), phrase="a-phrase-with-a-long-name", phase=Phase.LISTENING
    )


@pytest.mark.parametrize(
    "telemetry",
    [answering(), widest(), following(12.4), counting_in()],
    ids=["usual", "widest", "following", "counting in"],
)
@pytest.mark.parametrize("size", [SMALL, MIDDLE, (110, 35), LARGE])
async def test_nothing_is_cut_off(telemetry: Telemetry, size: tuple[int, int]) -> None:
    async with on_stage(size, telemetry) as stage:
        for keys in ((), ("tab",), ("l", "right", "k", "2")):
            await stage.press(*keys)
            assert not list(_cut_off(stage))
        assert stage.app.performance.query_one(Roll).size.height >= 15


def _cut_off(stage: Stage) -> Iterator[Widget]:
    screen = stage.app.performance
    for widget in (*screen.query(Line), screen.query_one(Roll)):
        if not widget.display:
            continue
        if not widget.is_on_screen and widget.id in HIDDEN_WHERE_LOW:
            continue
        if not widget.size.area or not screen.region.contains_region(widget.region):
            yield widget
        if isinstance(widget, Line) and widget.id not in ELLIPSIS_ALLOWED:
            rows = widget.render().plain.split("\n")
            if max(len(row.rstrip(" ")) for row in rows) > widget.size.width:
                yield widget


@pytest.mark.parametrize("size", [(60, 16), (30, 8), (10, 3), (240, 67)])
async def test_any_size_can_be_played(size: tuple[int, int]) -> None:
    async with on_stage(size) as stage:
        assert await stage.press("z") == [KeyPlayed(60, TOUCH, True)]
        await stage.tell(answering(21.0))


async def test_resizing_redraws_the_roll() -> None:
    async with on_stage() as stage:
        await stage.pilot.resize_terminal(120, 40)
        await stage.settle()
        roll = stage.app.performance.query_one(Roll)
        strips = [roll.render_line(y) for y in range(roll.size.height)]
        assert {strip.cell_length for strip in strips} == {120}
        assert "▼" in strips[0].text


CLICKS: tuple[tuple[str, int, list[Command]], ...] = (
    ("#control-tempo", 1, [Turn("tempo", 83.0)]),
    ("#control-tempo", 9, [Turn("tempo", 85.0)]),
    ("#control-temperature", 1, [Turn("temperature", 0.9)]),
    ("#control-mode", 12, [Choose("mode", "accompany")]),
    ("#control-key", 1, [Choose("key", "F# major")]),
    ("#control-phrase", 20, [PHRASES[1]]),
    ("#voice-2", 3, [Mute(2, True)]),
    ("Position", 0, [Stop()]),
    ("PhaseLine", 2, [AnswerNow()]),
    ("LayerBadge", 2, []),
    ("#control-octave", 9, []),
    ("#control-latch", 2, []),
)


async def test_the_keys_bar_is_pressed_with_the_mouse() -> None:
    async with on_stage(LARGE) as stage:
        bar = "KeysBar"
        row = stage.words(bar).split("\n")
        assert await stage.click(bar, (row[0].index("s"), 0)) == [KeyPlayed(61, TOUCH, True)]
        assert await stage.click(bar, (row[1].index("z"), 1)) == [KeyPlayed(60, TOUCH, True)]
        assert await stage.click(bar, (row[1].index("panic"), 1)) == [Panic()]
        await stage.click(bar, (row[0].index("commands"), 0))
        row = stage.words(bar).split("\n")
        await stage.forget()
        assert await stage.click(bar, (row[0].index("↓"), 0)) == [Turn("tempo", 83.0)]
        assert await stage.click(bar, (row[1].index("loop"), 1)) == [Loop()]
        await stage.click(bar, (row[0].index("help"), 0))
        assert isinstance(stage.app.screen, HelpScreen)


async def test_a_shelf_can_be_used_with_the_mouse_alone() -> None:
    async with on_stage(LARGE) as stage:
        await stage.press("f6")
        shelf = stage.app.screen
        listing = shelf.query_one("#list")
        assert await stage.pilot.click(listing, offset=(24, 3))
        assert await stage.pilot.click(listing, offset=(33, 3))
        await stage.settle()
        assert stage.client.commands == [Turn("soprano_lowest", 56.0), Turn("soprano_lowest", 57.0)]
        head = shelf.query_one(".shelf-head")
        shown = head.render()
        assert isinstance(shown, Content)
        row = shown.plain
        assert await stage.pilot.click(head, offset=(row.index("learn"), 0))
        await stage.settle()
        assert stage.client.commands[-1] == Learn("soprano_lowest")
        lines = [head.render_line(y).text for y in range(head.size.height)]
        (close,) = [(line.index("close"), y) for y, line in enumerate(lines) if "close" in line]
        assert await stage.pilot.click(head, offset=close)
        await stage.settle()
        assert stage.app.screen is stage.app.performance


async def test_clicks() -> None:
    async with on_stage() as stage:
        for selector, column, commands in CLICKS:
            assert await stage.click(selector, (column, 0)) == commands, selector
            await stage.forget()


@pytest.mark.parametrize(
    ("kind", "bpm"), [(events.MouseScrollUp, 85.0), (events.MouseScrollDown, 83.0)]
)
async def test_the_wheel_turns_knobs(kind: type[events.MouseEvent], bpm: float) -> None:
    async with on_stage() as stage:
        tempo = stage.app.performance.query_one("#control-tempo", Control)
        tempo.post_message(kind(tempo, 3, 0, 0, 0, 0, False, False, False))
        await stage.settle()
        assert stage.client.commands == [Turn("tempo", bpm)]


async def test_local_controls_obey_the_mouse() -> None:
    async with on_stage() as stage:
        await stage.click("#control-octave", (9, 0))
        await stage.click("#control-length", (1, 0))
        assert stage.words("#control-octave") == "octave ‹C5› "
        assert stage.words("#control-length") == "notes ‹½› "
        assert await stage.press("z") == [KeyPlayed(72, TOUCH, True)]


async def test_every_control_has_room_for_a_click_on_each_half() -> None:
    async with on_stage(MIDDLE) as stage:
        for control in stage.app.performance.query(Control):
            assert control.size.width >= 9, control
            assert control.is_on_screen, control


async def test_a_muted_voice_says_so_at_once_and_sounds_again() -> None:
    async with on_stage() as stage:
        await stage.press("tab")
        assert await stage.press("3") == [Mute(2, True)]
        assert "mute" in stage.words("#voice-2")
        assert await stage.press("3") == [Mute(2, False)]
        assert "mute" not in stage.words("#voice-2")


async def test_meters_rise_with_the_velocity() -> None:
    async with on_stage(telemetry=replace(answering(), levels=(0, 16, 64, 127))) as stage:
        full = [stage.words(f"#voice-{voice}").count("▮") for voice in range(4)]
        assert full == [0, 2, 5, 8]


async def test_your_own_voice_is_marked_in_accompany() -> None:
    settings = replace(WIDEST, muted=frozenset(), player_voice=2)
    async with on_stage(telemetry=replace(answering(), settings=settings)) as stage:
        assert ["you" in stage.words(f"#voice-{voice}") for voice in range(4)] == [
            False,
            False,
            True,
            False,
        ]


async def test_dots_go_when_the_change_is_confirmed_and_heard() -> None:
    async with on_stage() as stage:
        now = answering()
        await stage.press("right")
        settings = Controls.of(now).after(Turn("temperature", 1.0)).settings
        await stage.tell(replace(now, settings=settings))
        assert stage.words("#control-temperature").endswith("●")
        await stage.tell(answering(now.beat + 0.8, settings))
        assert stage.words("#control-temperature").endswith("› ")


async def test_a_refused_change_comes_back_with_a_word() -> None:
    async with on_stage() as stage:
        await stage.press("right")
        await stage.tell(answering(23.0))
        assert stage.words("#control-temperature") == "temp ‹0.95› "
        assert "did not take temperature 1" in stage.words("#notice-0")


async def test_a_refusal_that_the_engine_explains_is_not_told_twice() -> None:
    why = Notice(3, "Ableton Link is not installed.", True)
    async with on_stage() as stage:
        await stage.press("tab", "D")
        now = answering()
        await stage.tell(replace(now, notices=(why,), at=Seconds(now.at + 0.1)))
        await stage.forget()
        assert "not installed" in stage.words("#notice-0")
        assert stage.words("#clock") == "clock internal"


async def test_notices_are_numbered_and_urgent_ones_keep_their_place() -> None:
    urgent = Notice(7, "The port ‘Digital Piano’ has gone.", True)
    async with on_stage(LARGE) as stage:
        now = answering()
        await stage.tell(replace(now, notices=(urgent,)))
        await stage.tell(replace(now, notices=(urgent, Notice(8, "Answering in G major.", False))))
        assert stage.words("#notice-0").split() == ["!", "7", *urgent.text.split()]
        assert stage.words("#notice-1").split()[0] == "8"
        late = replace(now, at=Seconds(now.at + 11.0))
        await stage.tell(late)
        assert stage.words("#notice-0").split()[0] == "8"


async def test_the_help_has_long_notices_in_full() -> None:
    text = "The output ‘Synth’ cannot be opened: " + "it is in use by another program, " * 4
    async with on_stage(telemetry=replace(answering(), notices=(Notice(4, text, True),))) as stage:
        await stage.press("?")
        shown = stage.app.screen.query_one("#help-text", Static).render()
        assert isinstance(shown, Content)
        assert " ".join(text.split()) in " ".join(shown.plain.split())


async def test_the_first_word_is_what_to_do() -> None:
    for mode, hint in ((Mode.ANSWER, "wait"), (Mode.ACCOMPANY, "join"), (Mode.SOLO, "Space")):
        settings = replace(answering().settings, mode=mode)
        async with on_stage(telemetry=replace(answering(), settings=settings)) as stage:
            assert hint in stage.words("#notice-0")
            assert "? is help" in stage.words("#notice-0")


async def test_quitting_waits_for_the_engines_last_word() -> None:
    async with on_stage() as stage:
        assert await stage.press("ctrl+c") == [Quit()]
        assert stage.app.is_running
        await stage.tell(answering(21.0))
        assert stage.app.return_value is None
        await stage.tell(replace(answering(21.1), ended=True))
        assert stage.app.return_value == 0


async def test_quitting_twice_does_not_wait() -> None:
    async with on_stage() as stage:
        await stage.press("ctrl+c", "ctrl+c")
        assert stage.client.commands == [Quit()]
        assert stage.app.return_value == 0


async def test_a_performance_that_ends_by_itself_closes_the_screen() -> None:
    async with on_stage() as stage:
        await stage.tell(replace(answering(), ended=True))
        assert stage.app.return_value == 0
        assert stage.client.commands == []


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c", "enter"])
async def test_a_dead_engine_is_told_in_a_sentence_and_any_way_out_leads_out(key: str) -> None:
    async with on_stage() as stage:
        stage.client.die()
        await stage.settle()
        assert GONE in stage.words("#notice-0")
        assert stage.app.return_value is None
        await stage.press(key)
        assert stage.app.return_value == 1
        assert stage.client.commands == []


async def test_an_engine_that_dies_under_a_key_is_noticed() -> None:
    async with on_stage() as stage:
        stage.client.break_sending()
        await stage.press("right")
        assert GONE in stage.words("#notice-0")


async def test_an_engine_that_dies_before_its_first_word_is_noticed() -> None:
    client = FakeClient()
    async with new_app(client).run_test(size=SMALL) as pilot:
        await pilot.pause()
        assert "Starting" in pilot.app.screen.query_one("#notice-0", Line).render().plain
        client.die()
        for _ in range(3):
            await pilot.pause()
        assert GONE in pilot.app.screen.query_one("#notice-0", Line).render().plain
