"""The rolling piano roll. A frame that moves nothing by a cell repaints nothing."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ripieno_app.messages import View
from ripieno_app.roll.page import Page, lay_out
from ripieno_app.roll.paint import Ink, Run, paint

_PLAIN = {"ground": "background", "pitch": "quiet", "ruler": "quiet", "beat": "grid"}
_LOUD = frozenset({"player", "now", "flag"})


class Roll(Widget):
    """Player, model, committed and planned notes in beats, with the playhead at one third."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: View | None = None
        self._page: Page | None = None
        self._rows: list[tuple[Run, ...]] = []
        self._strips: list[Strip | None] = []
        self._styles: dict[Ink, Style] = {}

    def show(self, view: View) -> None:
        """Show `view`, repainting the rows that differ."""
        self._view = view
        width, height = self.size
        if height < 2 or width < 1:
            return
        page = lay_out(view, width, height - 1)
        if page == self._page:
            return
        self._page = page
        app = self.app
        rows = paint(page, colour=app.is_headless or app.console.color_system is not None)
        if len(rows) != len(self._rows):
            self._rows, self._strips = rows, [None] * len(rows)
            self.refresh()
            return
        changed = [at for at, row in enumerate(rows) if row != self._rows[at]]
        for at in changed:
            self._strips[at] = None
        self._rows = rows
        if changed:
            self.refresh(*(Region(0, at, width, 1) for at in changed))

    def on_resize(self) -> None:
        self._page = None
        if self._view is not None:
            self.show(self._view)

    def notify_style_update(self) -> None:
        """A new theme has new colours."""
        super().notify_style_update()
        self._styles.clear()
        self._strips = [None] * len(self._rows)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, self._style(Ink("ground")))
        strip = self._strips[y]
        if strip is None:
            segments = [Segment(run.text, self._style(run.ink)) for run in self._rows[y]]
            strip = self._strips[y] = Strip(segments).adjust_cell_length(width)
        return strip

    def _style(self, ink: Ink) -> Style:
        style = self._styles.get(ink)
        if style is None:
            ground = "now-ground" if ink.now else "background"
            style = self._styles[ink] = Style(
                color=self._colour(ink.front),
                bgcolor=self._colour(ink.back or ground),
                bold=ink.front in _LOUD,
            )
        return style

    def _colour(self, role: str) -> str:
        return self.app.theme_variables[_PLAIN.get(role, role)]
