"""The parts that every shelf is made of: its head, its list with lines, and facts in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
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
    """The shelf's name and its keys, each beside what it does. A click on one presses it."""

    def __init__(self, title: str, hints: Sequence[tuple[str, str]]) -> None:
        super().__init__(classes="shelf-head")
        self._title, self._hints = title, tuple(hints)

    def on_resize(self) -> None:
        self.update(self._rows(self.size.width))

    def _rows(self, width: int) -> Content:
        """As many rows as it takes: a key is never parted from its words."""
        head, used = Content.assemble((self._title, "bold $accent")), len(self._title)
        gap = "   "
        for key, does in self._hints:
            needed = len(f"{gap}{key} {does}")
            if used + needed > width:
                gap, used = "\n", -1
            head += Content(gap) + _hint(key, does)
            used += len(f"{gap}{key} {does}")
            gap = "  "
        return head

    def on_click(self, event: events.Click) -> None:
        key = event.style.meta.get("key")
        if isinstance(key, str):
            event.stop()
            self.post_message(Pressed(key))


def _hint(key: str, does: str) -> Content:
    hint = Content.assemble((key, "bold $command"), (f" {does}", "$label"))
    return hint.stylize(Style.from_meta({"key": key}))


class Pressed(Message):
    """A key was pressed with the mouse."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__()


class Listing(OptionList):
    """The list. `clicked` is the column of the click that chose a line, None after Enter."""

    clicked: int | None = None
    HERE = "▸"
    """Before the line on which it stands: that must be seen without colours too."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        first = next(iter(strip), None)
        style = first.style if first is not None else None
        if style is None or self.highlighted is None:
            return strip
        if style.meta.get("option") != self.highlighted:
            return strip
        return Strip([Segment(self.HERE, style), *strip.crop(1)])

    def on_click(self, event: events.Click) -> None:
        self.clicked = event.x  # the list itself hears the click after us, and selects


def facts(pairs: Sequence[tuple[str, str]], more: str = "") -> Content:
    """Names and values, a line for each that has one, then running text."""
    parts: list[tuple[str, str]] = []
    for name, value in pairs:
        if value:
            parts += [(f"{name} ", "$label"), (f"{value}\n", "")]
    return Content.assemble(*parts, ("\n" + more if more else "", ""))
