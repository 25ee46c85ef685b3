"""The shelves under the hands: every key of each does what it says, and panic works over all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import (
    Audition,
    Become,
    Choose,
    Learn,
    LearnAll,
    Mute,
    Panic,
    Programs,
    Quit,
    Rate,
    Recall,
    Seed,
    Stop,
    Turn,
)
from ripieno.events import Look, RollNote
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.controls import entries
from ripieno_app.screens.guide import Guide
from ripieno_app.screens.models import fit
from ripieno_app.widgets.line import Line
from textual import events
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from tests.app.scenes import SETTINGS, answering
from tests.app.shelves import PHRASES, PRESETS
from tests.app.stage import LARGE, LOOKS, SMALL, Stage, on_stage

SHELVES = ("f2", "f3", "f4", "f5", "f6")


def shelf(stage: Stage) -> Browser[object]:
    screen = stage.app.screen
    assert isinstance(screen, Browser)
    return screen


def said(stage: Stage) -> str:
    """The notice line of the shelf."""
    return shelf(stage).query_one("#notice-0", Line).render().plain


def detail(stage: Stage) -> str:
    shown = shelf(stage).query_one("#detail-text", Static).render()
    assert isinstance(shown, Content)
    return shown.plain


def listed(stage: Stage) -> int:
    return shelf(stage).query_one("#list", OptionList).option_count


@pytest.mark.parametrize("key", SHELVES)
async def test_every_shelf_opens_in_both_layers_and_panic_works_over_it(key: str) -> None:
    async with on_stage(SMALL) as stage:
        for layer in ("play", "command"):
            await stage.press(key)
            assert listed(stage) > 1, layer
            head = shelf(stage).query_one(".shelf-head", Static).render().plain  # type: ignore[union-attr]
            assert "Esc panic" in head
            assert await stage.press("escape") == [Panic()]
            assert stage.app.screen is stage.app.performance
            await stage.press("tab")


async def test_a_shelf_closes_by_its_own_key_by_q_and_leaving_leaves() -> None:
    async with on_stage() as stage:
        for closing in ("f2", "q"):
            await stage.press("f2")
            assert await stage.press(closing) == []
            assert stage.app.screen is stage.app.performance
        await stage.press("f2")
        assert await stage.press("space") == [Stop()]
        await stage.press("f4")  # from shelf to shelf
        assert "Models" in shelf(stage).query_one(".shelf-head", Static).render().plain  # type: ignore[union-attr]
        assert await stage.press("ctrl+q") == [Quit()]


@pytest.mark.parametrize("key", [*SHELVES, "?"])
async def test_a_key_too_many_does_not_close_what_is_below(key: str) -> None:
    async with on_stage() as stage:
        await stage.press(key)
        closing = stage.app.screen
        for _ in range(2):
            closing.post_message(events.Key("q", "q"))
        await stage.settle()
        assert stage.app.screen is stage.app.performance


async def test_the_music_is_in_sight_over_a_shelf_and_goes_on() -> None:
    async with on_stage(LARGE) as stage:
        await stage.press("f2")
        await stage.tell(answering(24.2))
        assert "7.1" in shelf(stage).query_one("Position", Line).render().plain


async def test_a_search_finds_by_name_source_and_year() -> None:
    async with on_stage() as stage:
        await stage.press("f2", "/", "1", "8", "2", "4", "enter")
        assert listed(stage) == 1
        assert "Beethoven" in detail(stage)
        await stage.press("/", "x")
        assert listed(stage) == 0
        assert "Nothing here has “1824x”" in detail(stage)


async def test_fast_fingers_type_into_the_search_and_press_no_keys_of_the_shelf() -> None:
    async with on_stage() as stage:
        await stage.press("f5", "down")
        screen = shelf(stage)
        for key in "/ddvening":  # all of them before the field has the focus
            screen.on_key(events.Key(key, key))
        assert stage.shelves.binned == []
        await stage.settle()
        assert screen.query_one("#ask", Input).value == "ddvening"
        assert listed(stage) == 0


async def test_a_phrase_is_heard_taken_and_deleted_if_it_is_yours() -> None:
    async with on_stage() as stage:
        await stage.press("f2", "down")
        assert await stage.press("a") == [Audition(PHRASES[1].notes, 84.0)]
        assert await stage.press("A") == [Audition((), 90.0)]
        assert "▄" in detail(stage) or "▀" in detail(stage)
        assert await stage.press("enter") == [Seed(PHRASES[1].name, PHRASES[1].notes)]
        await stage.press("d")
        assert "ships with Ripieno" in said(stage)
        await stage.press("i", *"tune.txt", "enter")
        assert "not a MIDI file" in said(stage)
        await stage.press("i", *"tune.mid", "enter")
        assert listed(stage) == 4
        await stage.press("end", "d")
        assert listed(stage) == 3


async def test_a_phrase_is_recorded_into_a_slot_and_is_the_seed() -> None:
    async with on_stage() as stage:
        now = answering()
        await stage.press("tab", "f2", "3")
        assert stage.app.screen is stage.app.performance
        assert "PLAY" in stage.words("LayerBadge"), "letters are notes again"
        await stage.tell(now)
        played = RollNote(0, 64, Beats(21.0), Beats(0.5), Look.PLAYER)
        later = replace(answering(22.0), roll=(played,), at=Seconds(now.at + 1.0))
        await stage.tell(later)
        assert "recording into slot 3" in stage.words("#route")
        (seed,) = await stage.press("f2")
        assert isinstance(seed, Seed)
        assert seed.name == "slot-3"
        assert [(n.pitch, n.onset, n.duration) for n in seed.notes] == [(64, 0.0, 0.5)]
        await stage.press("f2", "4")
        assert await stage.press("f2") == []
        assert "nothing was played" in stage.words("#notice-0")


async def test_a_preset_comes_with_its_model_only_where_that_is_another_one() -> None:
    solo = PRESETS[1].recall
    assert solo is not None
    async with on_stage() as stage:
        await stage.press("f3")
        plain = Recall(solo.name, solo.settings, solo.programs, "")
        assert await stage.press("1") == [plain], "the first of the set list"
        assert "next bar" in said(stage)
        assert await stage.press("home", "down", "enter") == [PRESETS[0].scenes[0]]
        assert await stage.press("9") == []
        assert "no place 9" in said(stage)
        await stage.press("end", "enter")
        assert "no key 'tempoo'" in said(stage)
        await stage.press("q")
        await stage.tell(replace(answering(), scene="chorale-solo"))
        assert stage.words("#route").startswith("Chorale solo ")
        (back,) = await stage.press("f3", "u")
        assert isinstance(back, Recall) and back.name == "first-jam"
        await stage.tell(replace(answering(), scene="first-jam"))
        assert await stage.press("u") == [], "nothing differs from before"


async def test_what_differs_is_marked_and_saving_keeps_it() -> None:
    async with on_stage(LARGE) as stage:
        assert "First jam*" not in stage.words("#route")
        await stage.press("right")
        assert "First jam* " in stage.words("#route")
        await stage.press("f3")
        assert "temperature 0.95 → 1" in detail(stage)
        await stage.press("S", *"my jam", "enter")
        assert stage.shelves.done == [("save", "first-jam", "my-jam", "1")]
        assert "presets/my-jam.toml" in said(stage)
        await stage.press("S", "/", "enter")
        assert "needs a name" in said(stage)


async def test_a_model_is_measured_and_played() -> None:
    async with on_stage() as stage:
        await stage.press("f4")
        assert "fits easily" in detail(stage)
        await stage.press("down")
        assert "not measured" in detail(stage)
        assert await stage.press("enter") == [Choose("model", "slow-one")]
        await stage.press("b")
        assert stage.shelves.done == [("measure", "slow-one")]
        assert "1.5 ms" in said(stage)


def test_the_fit_to_the_tempo_is_told_in_words() -> None:
    assert "too slow" in fit(140.0, 90.0)
    assert fit(60.0, 90.0).endswith("fits")


async def test_takes_are_heard_renamed_rated_exported_deleted_and_brought_back() -> None:
    async with on_stage() as stage:
        await stage.press("f5", "down")
        (heard,) = await stage.press("enter")
        assert isinstance(heard, Audition)
        assert len(heard.notes) == 3
        await stage.press("e")
        assert "takes/evening.mid" in said(stage)
        await stage.press("r", "2", "enter")
        assert [item.name for item in stage.shelves.take_items][1] == "evening2"
        await stage.press("d")
        assert listed(stage) == 1
        await stage.press("u")
        assert listed(stage) == 2
        await stage.press("u")
        assert "no take is waiting" in said(stage)
        assert await stage.press("home", "+", "-") == [Rate(1), Rate(-1)], "what plays now"
        assert await stage.press("down", "+") == []
        assert stage.shelves.take_items[1].opinion == 1, "one that is over"
        assert "the whole take liked" in detail(stage)
        await stage.press("-", "-")
        assert "you do not like it" in said(stage)


async def test_the_take_that_is_being_made_is_left_alone() -> None:
    async with on_stage() as stage:
        await stage.press("f5", "d")
        assert "being made now" in said(stage)
        assert len(stage.shelves.take_items) == 2


async def test_every_control_can_be_turned_and_learnt() -> None:
    names = [entry.name for entry in entries()]
    assert len(set(names) - {""}) == len([name for name in names if name])
    async with on_stage() as stage:
        await stage.press("f6")
        assert listed(stage) == len(names)
        assert await stage.press("right") == [Mute(0, True)]
        assert await stage.press("l", "p", "r") == [
            Learn("mute_soprano"),
            Learn("mute_soprano pick-up"),
            Learn("mute_soprano relative"),
        ]
        await stage.press(*["down"] * 3)
        assert await stage.press("left") == [Turn("soprano_lowest", 56.0)]
        await stage.press("down", "down")
        assert await stage.press("enter") == [Programs((48, 19, 48, 52))]
        await stage.press("l")
        assert "cannot turn this" in said(stage)
        assert await stage.press("J") == [LearnAll()]


async def test_the_switches_of_a_voice_obey_the_mouse() -> None:
    async with on_stage(LARGE) as stage:
        assert "organ" in stage.words("#switches-0")
        assert await stage.click("#switches-0", (3, 0)) == [Mute(0, True)]
        await stage.forget()
        solo = [Mute(1, True), Mute(2, True), Mute(3, True)]
        assert await stage.click("#switches-0", (8, 0)) == solo
        await stage.forget()
        assert await stage.click("#switches-0", (13, 0)) == [Choose("hold_soprano", "on")]
        await stage.forget()
        assert await stage.click("#switches-0", (19, 0)) == [Programs((48, 19, 48, 52))]


async def test_the_last_turn_is_taken_back_as_one() -> None:
    async with on_stage() as stage:
        await stage.press("right", "right", "tab")
        settings = replace(SETTINGS, sampling=replace(SETTINGS.sampling, temperature=1.05))
        await stage.tell(replace(answering(), settings=settings))
        assert await stage.press("Z") == [Become(SETTINGS)]
        assert "Temperature is as it was" in stage.words("#notice-0")
        await stage.tell(answering())
        assert await stage.press("Z") == []


async def test_a_preset_that_came_and_a_sound_that_was_chosen_are_taken_back() -> None:
    solo = PRESETS[1].recall
    assert solo is not None
    async with on_stage() as stage:
        now = answering()
        await stage.press("f3", "1")
        await stage.tell(
            replace(now, scene=solo.name, settings=solo.settings, programs=solo.programs or ())
        )
        assert await stage.press("u") == [Recall("first-jam", SETTINGS, now.programs)]
        assert "comes back at the next bar" in said(stage)
        await stage.press("q", "tab", "f6", *["down"] * 5)
        assert await stage.press("enter") == [Programs((48, 19, 19, 19))]
        await stage.tell(replace(now, programs=(48, 19, 19, 19)))
        await stage.press("q")
        assert await stage.press("Z") == [Programs((19, 19, 19, 19))]
        assert "Sound soprano is as it was" in stage.words("#notice-0")


async def test_a_compact_screen_keeps_the_music_and_the_notices() -> None:
    async with on_stage((80, 16), looks=replace(LOOKS, compact=True)) as stage:
        performance = stage.app.performance
        shown = {line.id for line in performance.query(Line) if line.is_on_screen and line.size}
        assert {"notice-0", "voice-0"} <= shown
        assert "latency" not in shown
        await stage.press("f8")
        assert "-compact" not in performance.classes


async def test_themes_go_round() -> None:
    async with on_stage() as stage:
        seen = []
        for _ in range(4):
            await stage.press("f7")
            seen.append(stage.app.theme)
        assert len(set(seen)) == 4
        assert seen[-1] == "ripieno-dark"


async def test_the_first_minute_ends_in_a_jam() -> None:
    async with on_stage(looks=replace(LOOKS, guide=True)) as stage:
        assert isinstance(stage.app.screen, Guide)
        (hello,) = await stage.press("p")
        assert isinstance(hello, Audition)
        await stage.press("n")
        text = stage.app.screen.query_one("#guide-text", Static)
        assert "doctor" in text.render().plain  # type: ignore[union-attr]
        await stage.press("enter", "enter")
        commands = await stage.press("z", "x", "c", "v", "b")
        assert len(commands) == 5
        assert text.render().plain.count("✓") == 5  # type: ignore[union-attr]
        await stage.press("enter")
        assert stage.app.screen is stage.app.performance
        assert stage.shelves.seen_welcome


async def test_panic_works_in_the_first_minute() -> None:
    async with on_stage(looks=replace(LOOKS, guide=True)) as stage:
        assert await stage.press("escape") == [Panic()]
        assert stage.app.screen is stage.app.performance
