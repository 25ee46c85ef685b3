"""Every key sends exactly its commands, in its layer, and the screen answers at once."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats
from ripieno.commands import (
    Action,
    AnswerNow,
    Cadence,
    Choose,
    Command,
    Do,
    Keep,
    KeyPlayed,
    LearnAll,
    Locate,
    Loop,
    Mutate,
    Mute,
    Nudge,
    Panic,
    Play,
    Quit,
    Rate,
    SaveLast,
    SeedFromPlayed,
    Stop,
    Turn,
    Undo,
)
from ripieno_app.keyboard import LOWER, TOUCH, UPPER
from ripieno_app.keys import KEYS, Layer, turns_back
from ripieno_app.screens.help import HelpScreen, help_text

from tests.app.scenes import stopped
from tests.app.stage import PHRASES, on_stage

EVERYWHERE: dict[str, list[Command]] = {
    "space": [Stop()],
    "enter": [AnswerNow()],
    "escape": [Panic()],
    "f12": [Panic()],
    "backspace": [Panic()],
    "tab": [],
    "?": [],
    "f1": [],
    "up": [Turn("tempo", 85.0)],
    "down": [Turn("tempo", 83.0)],
    "shift+up": [Turn("tempo", 94.0)],
    "shift+down": [Turn("tempo", 74.0)],
    "right": [Turn("temperature", 1.0)],
    "left": [Turn("temperature", 0.9)],
    "]": [],
    "[": [],
    "f7": [],
    "f8": [],
    "f9": [Do(Action.NEXT)],
}
LEAVING = ("ctrl+c", "ctrl+q")
COMMAND: dict[str, list[Command]] = {
    "q": [Quit()],
    "m": [Choose("mode", "accompany")],
    "M": [Choose("mode", "solo")],
    "e": [Choose("meter", "3/4")],
    "E": [Choose("meter", "3/2")],
    "p": [PHRASES[1]],
    "P": [PHRASES[2]],
    "r": [SeedFromPlayed()],
    "c": [Cadence()],
    "k": [Choose("key", "Ab major")],
    "K": [Choose("key", "F# major")],
    "o": [Choose("key_lock", "hard")],
    "O": [Choose("key_lock", "off")],
    "t": [Turn("top_p", 0.98)],
    "T": [Turn("top_p", 0.96)],
    "i": [Turn("stability", 0.25)],
    "I": [Turn("stability", 0.0)],
    "s": [Turn("space", 0.05)],
    "S": [],  # it leaves nothing for the player already
    "h": [Choose("hand_over", "next-bar")],
    "H": [Choose("hand_over", "freeze")],
    "d": [Choose("source", "midi")],
    "D": [Choose("source", "link")],
    "f": [Turn("swing", 0.51)],
    "F": [],  # straight
    "u": [Turn("count_in", 1.0)],
    "U": [],
    ".": [Choose("metronome", "on")],
    "V": [],
    "R": [],
    "{": [Turn("soprano_lowest", 56.0)],
    "}": [Turn("soprano_lowest", 58.0)],
    ",": [Turn("max_leap", 11.0)],
    ";": [Turn("max_leap", 13.0)],
    "+": [Turn("candidates", 2.0)],
    "-": [],
    "5": [Choose("assign", "channel")],
    "6": [Choose("follow", "on")],
    "7": [Choose("from_phrase", "on")],
    "8": [Choose("send", "on")],
    "9": [Choose("speculate", "off")],
    "/": [Choose("late", "play")],
    "g": [Loop()],
    "x": [Mutate()],
    "z": [Undo()],
    "w": [Keep()],
    "v": [SaveLast(16)],
    "0": [Locate(Beats(0.0))],
    ">": [Nudge(Beats(0.125))],
    "<": [Nudge(Beats(-0.125))],
    "a": [Turn("lookahead", 3.25)],
    "A": [Turn("lookahead", 2.75)],
    "y": [Turn("player_voice", 1.0)],
    "Y": [],  # the soprano is the highest already
    "l": [],
    "=": [],
    "n": [],
    "N": [],
    "1": [Mute(0, True)],
    "2": [Mute(1, True)],
    "3": [Mute(2, True)],
    "4": [Mute(3, True)],
    "alt+1": [Mute(1, True), Mute(2, True), Mute(3, True)],
    "alt+2": [Mute(0, True), Mute(2, True), Mute(3, True)],
    "alt+3": [Mute(0, True), Mute(1, True), Mute(3, True)],
    "alt+4": [Mute(0, True), Mute(1, True), Mute(2, True)],
    ")": [Turn("density", 1.05)],
    "(": [Turn("density", 0.95)],
    "#": [Turn("seed", 2.0)],
    "L": [Rate(1)],
    "X": [Rate(-1)],
    "J": [LearnAll()],
}
SHELVES = {"f2", "f3", "f4", "f5", "f6"}
IN_TESTS_OF_THEIR_OWN = {"b", "j", "Z"}
IDLE_KEYS = ("&", "~", "%")
"""They are commands in neither layer."""


def test_the_tables_of_this_test_name_every_key() -> None:
    assert {key.name for key in KEYS if key.everywhere} == {
        *EVERYWHERE,
        *LEAVING,
        *SHELVES,
    }
    assert {key.name for key in KEYS if not key.everywhere} == {*COMMAND, *IN_TESTS_OF_THEIR_OWN}


def test_no_key_does_two_things() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("layer", Layer)
async def test_keys_that_work_everywhere(layer: Layer) -> None:
    async with on_stage() as stage:
        for key, commands in EVERYWHERE.items():
            stage.app.desk.layer = layer
            assert await stage.press(key) == commands, key
            if isinstance(stage.app.screen, HelpScreen):
                await stage.press("?")
            await stage.forget()


async def test_every_key_of_the_command_layer() -> None:
    async with on_stage() as stage:
        await stage.press("tab")
        for key, commands in reversed(COMMAND.items()):
            assert await stage.press(key) == commands, key
            await stage.forget()


@pytest.mark.parametrize("key", LEAVING)
async def test_control_keys_leave_the_play_layer(key: str) -> None:
    async with on_stage() as stage:
        assert await stage.press(key) == [Quit()]


async def test_every_letter_of_the_play_layer_is_a_note() -> None:
    async with on_stage() as stage:
        for row, lowest in ((LOWER, 60), (UPPER, 72)):
            for pitch, key in enumerate(row, lowest):
                assert await stage.press(key) == [KeyPlayed(pitch, TOUCH, True)], key
                assert await stage.wait(60.0) == [KeyPlayed(pitch, 0, False)], key


async def test_tab_changes_what_letters_do_and_says_so() -> None:
    async with on_stage() as stage:
        assert "PLAY" in stage.words("LayerBadge")
        assert await stage.press("tab") == []
        assert "COMMAND" in stage.words("LayerBadge")
        assert await stage.press(*IDLE_KEYS) == []
        await stage.press("tab")
        assert "PLAY" in stage.words("LayerBadge")
        assert await stage.press("r") == [KeyPlayed(77, TOUCH, True)]


async def test_a_letters_note_lasts_a_beat_at_the_tempo_shown() -> None:
    async with on_stage() as stage:  # 84 bpm: a beat lasts 0.714 s
        assert await stage.press("z") == [KeyPlayed(60, TOUCH, True)]
        assert await stage.wait(0.70) == []
        assert await stage.wait(0.02) == [KeyPlayed(60, 0, False)]


async def test_the_latch_holds_and_letting_it_go_releases() -> None:
    async with on_stage() as stage:
        await stage.press("tab", "l")
        assert "on" in stage.words("#control-latch")
        await stage.press("tab")
        assert await stage.press("z", "x") == [
            KeyPlayed(60, TOUCH, True),
            KeyPlayed(62, TOUCH, True),
        ]
        assert await stage.wait(60.0) == []
        await stage.press("tab")
        assert await stage.press("l") == [KeyPlayed(60, 0, False), KeyPlayed(62, 0, False)]


async def test_panic_forgets_the_letters_that_are_down() -> None:
    async with on_stage() as stage:
        await stage.press("z")
        assert await stage.press("escape") == [Panic()]
        assert stage.words("Position").startswith("■")
        assert await stage.press("escape") == [Panic()]  # again and again, if need be
        assert await stage.wait(60.0) == []


@pytest.mark.parametrize("key", ["escape", "f12", "backspace"])
async def test_panic_works_over_the_help_too(key: str) -> None:
    async with on_stage() as stage:
        await stage.press("?")
        assert isinstance(stage.app.screen, HelpScreen)
        assert await stage.press(key) == [Panic()]
        assert stage.app.screen is stage.app.performance


@pytest.mark.parametrize("key", ["?", "f1", "q", "enter"])
async def test_the_help_closes_without_a_sound(key: str) -> None:
    async with on_stage() as stage:
        await stage.press("f1")
        assert await stage.press(key) == []
        assert stage.app.screen is stage.app.performance


def test_the_help_tells_every_key() -> None:
    text = help_text().plain
    for key in KEYS:
        assert any(
            line.split("  ")[1:2] == [key.label] or f" {key.label} " in f"{line} "
            for line in text.splitlines()
        ) or turns_back(key), key
    assert "the same letter with Shift goes down" in text


async def test_space_plays_when_it_is_stopped() -> None:
    async with on_stage(telemetry=stopped()) as stage:
        assert await stage.press("space") == [Play()]
        assert stage.words("Position").startswith("▶")


async def test_a_control_shows_its_new_value_before_the_engine_answers() -> None:
    async with on_stage() as stage:
        await stage.press("right", "up", "up")
        assert stage.words("#control-temperature") == "temp ‹1.00›○"
        assert stage.words("#control-tempo") == "tempo ‹86›○"
        assert stage.client.commands == [
            Turn("temperature", 1.0),
            Turn("tempo", 85.0),
            Turn("tempo", 86.0),
        ]


async def test_a_lock_without_a_key_is_explained_and_not_sent() -> None:
    async with on_stage() as stage:
        await stage.press("tab", "O")  # off, and then no key at all
        while "‹≈" not in stage.words("#control-key"):
            await stage.press("K")
        assert await stage.press("o") == []
        assert "key_lock needs a key" in stage.words("#notice-0")
