"""The parts that every shelf is made of: its head, its list with lines, and facts in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from ripieno_app.widgets.line import Words

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Row(Generic[ItemT]):
    """A line of the list: what it stands for, its text, and what a search looks through."""

    item: ItemT
    words: Words
    found_by: str

    @property
    def is_playing(self) -> bool:
        """Whether it has the sign of what plays now."""
        return self.words[:1] != () and self.words[0][0].startswith("●")


class Header(Static):
    """The shelf's name and its keys. A click on one presses it."""

    def on_click(self, event: events.Click) -> None:
        key = event.style.meta.get("key")
        if isinstance(key, str):
            event.stop()
            self.post_message(Pressed(key))


class Pressed(Message):
    """A key was pressed with the mouse."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__()


class Listing(OptionList):
    """The list. `clicked` is the column of the click that chose a line, None after Enter."""

    clicked: int | None = None

    def on_click(self, event: events.Click) -> None:
        self.clicked = event.x  # the list itself hears the click after us, and selects


def facts(pairs: Sequence[tuple[str, str]], more: str = "") -> Content:
    """Names and values, a line for each that has one, then running text."""
    parts: list[tuple[str, str]] = []
    for name, value in pairs:
        if value:
            parts += [(f"{name} ", "$label"), (f"{value}\n", "")]
    return Content.assemble(*parts, ("\n" + more if more else "", ""))
