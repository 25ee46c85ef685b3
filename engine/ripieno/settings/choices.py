"""What can be chosen by name, and how a value out of bounds is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from ripieno.errors import SettingError, nearest_name


class Mode(StrEnum):
    """Who plays when."""

    SOLO = "solo"
    """The machine plays on from a seed phrase."""
    ANSWER = "answer"
    """You play a phrase, the machine answers it; play again and it yields."""
    ACCOMPANY = "accompany"
    """You are one voice, the machine is the others."""


class Strength(StrEnum):
    """How much a musical rule weighs."""

    OFF = "off"
    SOFT = "soft"
    """Kept as long as something is left to play."""
    HARD = "hard"
    """Never broken: rather a rest."""


class ClockSource(StrEnum):
    """Who keeps the time."""

    INTERNAL = "internal"
    MIDI = "midi"
    """A MIDI clock that comes in: ticks, start, stop and song position."""
    LINK = "link"
    """Ableton Link, where `ripieno[link]` is installed."""


class OnLoss(StrEnum):
    """What the transport does when the clock that it follows falls silent."""

    GO_ON = "go-on"
    """At the last tempo."""
    STOP = "stop"


class HandOver(StrEnum):
    """How your phrase becomes the machine's turn."""

    CATCH_UP = "catch-up"
    """The answer continues your grid; what lies in the past is generated and not played."""
    NEXT_BAR = "next-bar"
    """The answer begins on the next bar line."""
    SNAP = "snap"
    """The answer begins at once, and its first beat is there."""
    FREEZE = "freeze"
    """The music waits: the answer begins at once, just where your phrase ended on the score."""


class Late(StrEnum):
    """What becomes of a note that comes too late."""

    HOLD = "hold"
    """What sounds goes on sounding for this step, and the model is told so."""
    PLAY = "play"
    """It sounds at once, and ends where it should."""
    STRETCH = "stretch"
    """It sounds at once, for as long as it should."""
    NEXT = "next"
    """It sounds with the next sixteenth."""
    DROP = "drop"
    """It does not sound."""


class Assign(StrEnum):
    """Which voice a note of yours is."""

    LINE = "line"
    """A single line is `player_voice`; chords are spread."""
    CHANNEL = "channel"
    """By its MIDI channel; see `voice_channels`."""
    SPLIT = "split"
    """By where it lies on the keyboard; see `split`."""
    RANGE = "range"
    """The voice whose range is nearest, and that moves least."""


def check(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Refuse a `value` outside `low` … `high`. Raises SettingError."""
    if not low <= value <= high:
        unit = f" {unit}" if unit else ""
        raise SettingError(
            f"{name} = {value:g} is out of range",
            allowed=f"{low:g}…{high:g}{unit}",
            nearest=f"The nearest is {min(high, max(low, value)):g}.",
        )


EnumT = TypeVar("EnumT", bound=StrEnum)


def one_of(kind: type[EnumT], name: str, value: Any) -> EnumT:
    """The member of `kind` called `value`. Raises SettingError with the nearest right one."""
    try:
        return kind(value)
    except ValueError:
        names = [member.value for member in kind]
        raise SettingError(
            f"{name} cannot be {value!r}",
            allowed=", ".join(names),
            nearest=nearest_name(str(value), names),
        ) from None
