"""The base of the small widgets: some words in styles, repainted only when they change."""

from __future__ import annotations

from ripieno.clock import Seconds
from textual.content import Content
from textual.widget import Widget

from ripieno_app.messages import View

Words = tuple[tuple[str, str], ...]
"""Pieces of text, each with a Textual style such as 'bold $accent', or ''."""


class Line(Widget):
    """A widget whose content is a function of the view, `write`."""

    DEFAULT_CSS = "Line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._words: Words = ()

    def write(self, view: View) -> Words:
        """The words for `view`; a plain line has none."""
        return ()

    def show(self, view: View) -> None:
        """Show `view`; nothing is repainted when the words are the same."""
        words = self.write(view)
        if words == self._words:
            return
        longer = sum(map(_length, words)) != sum(map(_length, self._words))
        self._words = words
        self.refresh(layout=longer and self.styles.is_auto_width)

    def render(self) -> Content:
        return Content.assemble(*self._words)


class Pace:
    """Lets a line of figures change a few times a second, and not at every frame."""

    PER_SECOND = 3
    ROOMY, VAST = 110, 140
    """Columns of the screen from which on more is said, and everything in full."""

    def __init__(self) -> None:
        self.roomy = self.vast = False
        self._last: tuple[object, ...] = ()

    def due(self, at: Seconds, width: int, *urgent: object) -> bool:
        """Whether to write anew at `at`, on a screen of `width`; at once where `urgent` differs."""
        now = (int(at * self.PER_SECOND), width, *urgent)
        same, self._last = now == self._last, now
        self.roomy, self.vast = width >= self.ROOMY, width >= self.VAST
        return not same


def _length(word: tuple[str, str]) -> int:
    return len(word[0])
