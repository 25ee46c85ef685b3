"""A shelf on the screen: a list, what is chosen in full, and keys. The music goes on behind it.

Panic works as everywhere; what goes wrong is said in the shelf itself, in words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from ripieno.errors import RipienoError
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ripieno_app.desk import Desk
from ripieno_app.keys import Action, Deed, Layer, action_of, key_name
from ripieno_app.screens.shelf import Header, Listing, Pressed, Row
from ripieno_app.widgets.line import Line
from ripieno_app.widgets.status import NoticeLine
from ripieno_app.widgets.transport import PhaseLine, Position

ItemT = TypeVar("ItemT")
T = TypeVar("T")
EVERYWHERE = (("/", "search"), ("q", "close"), ("Esc", "panic"))
"""Keys of every shelf, and what they do."""
NOT_FOUND = "Nothing here has “{}”. / searches for something else, an empty line shows all."
_MOVES = {
    "up": "cursor_up",
    "down": "cursor_down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "first",
    "end": "last",
    "enter": "select",
}
"""Keys of the list itself, and the actions that they are."""


class Browser(ModalScreen[Action | None], Generic[ItemT]):
    """The base of all shelves: who derives from it says what is listed and what keys do."""

    TITLE: ClassVar[str | None] = ""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Keys and what they do, for the head of the shelf."""
    EMPTY: ClassVar[str] = "There is nothing here."
    OWN_KEY: ClassVar[str] = ""
    """The key that opens this shelf closes it as well."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._items: tuple[ItemT, ...] = ()
        self._shown: list[Row[ItemT]] = []
        self._search = ""
        self._left = False
        self.clicked: int | None = None  # the column of the click that chose, None for Enter
        self._answer: Callable[[str], None] | None = None

    # ---- what a shelf says of itself

    def load(self) -> Sequence[ItemT]:
        """What is listed. Called in a thread; may raise RipienoError."""
        return ()

    def row(self, item: ItemT) -> Row[ItemT]:
        """The line of `item`."""
        raise TypeError("a shelf says how its lines look")

    def detail(self, item: ItemT) -> Content:
        """All that there is to say of `item`."""
        return Content("")

    def choose(self, item: ItemT) -> None:
        """Enter, or a click on the chosen line."""

    def press(self, key: str, item: ItemT | None) -> bool:
        """A letter of the shelf's own; whether it has one."""
        return False

    def leave(self, action: Action | None) -> None:
        """Close the shelf, once: a key that comes while it closes must not close what is below."""
        if not self._left:
            self._left = True
            self.dismiss(action)

    # ---- how it looks

    def compose(self) -> ComposeResult:
        with Vertical(classes="shelf"):
            yield Header(self.TITLE or "", (*self.KEYS, *EVERYWHERE))
            with Horizontal(classes="shelf-body"):
                yield Listing(id="list")
                with VerticalScroll(id="detail"):
                    yield Static(id="detail-text")
            yield Input(id="ask", select_on_focus=False)
            yield NoticeLine(0)
            with Horizontal(classes="row"):
                yield Position()
                yield PhaseLine()

    def on_mount(self) -> None:
        self.query_one("#ask", Input).display = False
        self.query_one("#detail", VerticalScroll).can_focus = False
        self.query_one("#list", OptionList).focus()
        self.reload()
        self.call_after_refresh(self.refresh_view)

    def refresh_view(self) -> None:
        """Show where the music is, and what there is to read."""
        view = self.desk.view()
        if view is not None and self.is_mounted:
            for line in self.query(Line):
                line.show(view)

    def reload(self) -> None:
        """List everything anew."""
        self.ask(self.load, self._take)

    def _take(self, items: Sequence[ItemT]) -> None:
        self._items = tuple(items)
        self.fill()

    def fill(self) -> None:
        """List what the search leaves, the same line chosen as before if it is there."""
        listing = self.query_one("#list", OptionList)
        before = listing.highlighted
        wanted = self._search.casefold().split()
        rows = [self.row(item) for item in self._items]
        self._shown = [row for row in rows if all(w in row.found_by.casefold() for w in wanted)]
        listing.clear_options()
        listing.add_options([Option(Content.assemble(*row.words)) for row in self._shown])
        if self._shown:
            here = self._playing if before is None else before
            listing.highlighted = min(here, len(self._shown) - 1)
        self._show_detail()

    @property
    def _playing(self) -> int:
        """Where it opens: on what plays, or at the top."""
        return next((place for place, row in enumerate(self._shown) if row.is_playing), 0)

    @property
    def chosen(self) -> ItemT | None:
        """What the list stands on."""
        place = self.query_one("#list", OptionList).highlighted
        return self._shown[place].item if place is not None and place < len(self._shown) else None

    def _show_detail(self) -> None:
        item = self.chosen
        nothing = NOT_FOUND.format(self._search) if self._search else self.EMPTY
        text = Content(nothing) if item is None else self.detail(item)
        self.query_one("#detail-text", Static).update(text)

    # ---- what it does

    def ask(self, call: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do what may take a while in a thread, and go on with what comes of it."""

        async def run() -> None:
            try:
                found = await asyncio.to_thread(call)
            except RipienoError as error:
                self.say(str(error), urgent=True)
                return
            if self.is_mounted:
                then(found)

        self.run_worker(run())

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something, here and on the live screen."""
        self.desk.say(text, urgent=urgent)
        self.refresh_view()

    def prompt(self, question: str, text: str, answer: Callable[[str], None] | None) -> None:
        """Ask for a line of text, `text` being there already; Enter answers. None: it searches."""
        field = self.query_one("#ask", Input)
        field.placeholder, field.value, field.display = question, text, True
        self._answer = answer
        field.cursor_position = len(text)
        field.focus()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._show_detail()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        listing = self.query_one("#list", Listing)
        self.clicked, listing.clicked = listing.clicked, None
        if (item := self.chosen) is not None:
            self.choose(item)

    @on(Pressed)
    def _pressed(self, message: Pressed) -> None:
        """A key of the head was clicked; of several that stand together, the first."""
        if self.asking and message.key not in ("Esc", "q"):
            return
        if message.key == "Esc":
            self.leave(Deed.PANIC)
        elif message.key == "q":
            self.leave(None)
        elif message.key == "/":
            self.prompt("search", self._search, None)
        elif message.key == "Enter":
            if (item := self.chosen) is not None:
                self.choose(item)
        else:
            self.press(message.key.partition("-")[0] or message.key, self.chosen)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._answer is None:
            before, self._search = self.chosen, event.value
            self.fill()
            places = [at for at, row in enumerate(self._shown) if row.item is before]
            if self._shown:
                here = places[0] if places else self._playing
                self.query_one("#list", OptionList).highlighted = here

    @on(Input.Submitted)
    def _answered(self, event: Input.Submitted) -> None:
        answer = self._answer
        self._close_prompt()
        if answer is not None:
            answer(event.value)

    def _close_prompt(self) -> None:
        self._answer = None
        field = self.query_one("#ask", Input)
        field.display = False
        self.query_one("#list", OptionList).focus()

    def _everywhere(self, event: events.Key) -> bool:
        action = action_of(event.key, Layer.COMMAND)
        if action is Deed.PANIC and event.key != "backspace":
            self.leave(Deed.PANIC)
            return True
        if action is Deed.QUIT and event.key != "q":
            self.leave(Deed.QUIT)
            return True
        return False

    @property
    def asking(self) -> bool:
        """Whether a line of text is being typed."""
        return bool(self.query_one("#ask", Input).display)

    def _type_ahead(self, event: events.Key) -> None:
        """A key that comes before the field has the focus belongs to the field all the same."""
        field = self.query_one("#ask", Input)
        if field.has_focus:
            return
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            field.post_message(Input.Submitted(field, field.value))
        elif event.character is not None and event.is_printable:
            field.insert_text_at_cursor(event.character)

    def on_key(self, event: events.Key) -> None:
        """What the list and the field have left: panic and leaving work in both."""
        if self._everywhere(event):
            return
        if self.asking:
            self._type_ahead(event)
            return
        if event.key in _MOVES:
            listing = self.query_one("#list", OptionList)
            if not listing.has_focus:  # it is about to have it: a key so soon is not lost
                event.stop()
                getattr(listing, f"action_{_MOVES[event.key]}")()
            return
        event.stop()
        event.prevent_default()
        name = key_name(event)
        action = action_of(name, Layer.COMMAND)
        if name == "q" or event.key == self.OWN_KEY:
            self.leave(None)
        elif name == "/":
            self.prompt("search", self._search, None)
        elif self.press(name, self.chosen):
            return
        elif event.key in ("left", "right"):
            text = self.query_one("#detail", VerticalScroll)
            (text.scroll_page_down if event.key == "right" else text.scroll_page_up)()
        elif action is Deed.TRANSPORT:
            self.desk.act(Deed.TRANSPORT)
            self.refresh_view()
        elif event.key.startswith("f") and event.key[1:].isdigit() and action is not None:
            self.leave(action)
