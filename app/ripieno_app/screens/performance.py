"""The performance: keys and clicks go to the desk, and its views to the widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from ripieno_app.desk import Desk
from ripieno_app.exchange import GONE
from ripieno_app.keys import Action, Cycle, Deed, Dial, Layer, action_of, key_name
from ripieno_app.messages import Asked, Struck, Words
from ripieno_app.roll.page import WIDE
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.controls import ControlsScreen
from ripieno_app.screens.help import HelpScreen
from ripieno_app.screens.models import ModelsScreen
from ripieno_app.screens.phrases import PhrasesScreen
from ripieno_app.screens.presets import PresetsScreen
from ripieno_app.screens.takes import TakesScreen
from ripieno_app.widgets.clock import ClockLine
from ripieno_app.widgets.control import Control
from ripieno_app.widgets.controls import (
    FIRST_ROW,
    SECOND_ROW,
    TIME_ROW,
    TRANSPORT_CONTROLS,
    TURNS_ROW,
)
from ripieno_app.widgets.ensemble import PLACES, PartnerStrip
from ripieno_app.widgets.keys_bar import KeysBar, LayerBadge
from ripieno_app.widgets.line import Line
from ripieno_app.widgets.roll import Roll
from ripieno_app.widgets.status import LatencyLine, Legend, NoticeLine, RouteLine
from ripieno_app.widgets.transport import PhaseLine, Position
from ripieno_app.widgets.voices import VoiceStrip, VoiceSwitches

NOTICE_ROWS = 3
VOICE_COUNT = 4
SHELVES: dict[Deed, Callable[[Desk], Browser[Any]]] = {
    Deed.PHRASES: PhrasesScreen,
    Deed.PRESETS: PresetsScreen,
    Deed.MODELS: ModelsScreen,
    Deed.TAKES: TakesScreen,
    Deed.CONTROLS: ControlsScreen,
}
WAYS_OUT = frozenset({"q", "escape", "enter", "ctrl+c", "ctrl+q"})
"""Keys that leave once the engine is gone, in either layer."""


class Performance(Screen[None]):
    """The one page on which everything happens."""

    class Change(Message):
        """The player wants another theme."""

    class Leave(Message):
        """The player wants to go."""

    def __init__(self, desk: Desk, *, compact: bool = False) -> None:
        super().__init__(classes="-compact" if compact else None)
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-tiny"), (16, "-short"), (28, "-middle"), (35, "-tall")]
        self.desk = desk
        self._release: Timer | None = None
        self._parts: list[Line | Roll] = []

    def compose(self) -> ComposeResult:
        with Horizontal(id="transport", classes="row"):
            yield Position()
            yield from map(Control, TRANSPORT_CONTROLS)
            yield PhaseLine()
        with Vertical(id="controls"):
            with Horizontal(classes="row"):
                yield from map(Control, FIRST_ROW)
            with Horizontal(classes="row"):
                yield from map(Control, SECOND_ROW)
        with Vertical(id="more-controls"):
            with Horizontal(classes="row"):
                yield from map(Control, TURNS_ROW)
            with Horizontal(classes="row"):
                yield from map(Control, TIME_ROW)
        yield Legend(id="legend")
        yield Roll(id="roll")
        with Horizontal(id="ensemble"):
            yield from map(PartnerStrip, range(PLACES))
        with Horizontal(id="voices"):
            yield from map(VoiceStrip, range(VOICE_COUNT))
        with Horizontal(id="switches"):
            yield from map(VoiceSwitches, range(VOICE_COUNT))
        with Vertical(id="status"):
            with Horizontal(classes="row"):
                yield RouteLine(id="route")
            with Horizontal(id="figures", classes="row"):
                yield LatencyLine(id="latency")
                yield ClockLine(id="clock")
            yield from map(NoticeLine, range(NOTICE_ROWS))
        with Horizontal(id="keys"):
            yield LayerBadge()
            yield KeysBar()

    def on_mount(self) -> None:
        self._parts = [*self.query(Line), *self.query(Roll)]
        self.query_one("#notice-0", NoticeLine).say(Words("Starting the engine…"))
        self.show()

    def show(self) -> None:
        """Bring every widget up to date."""
        view = self.desk.view()
        if view is None:
            if not self.desk.alive:
                self.query_one("#notice-0", NoticeLine).say(Words(GONE, urgent=True))
            return
        self.set_class(len(view.telemetry.partners) > 1, "-ensemble")
        for part in self._parts:
            part.show(view)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        name = key_name(event)
        if not self.desk.alive:
            if name in WAYS_OUT:
                self.post_message(self.Leave())
            return
        action = action_of(name, self.desk.layer)
        if action is not None:
            self.act(action, events.Event().time - event.time)
        elif self.desk.layer is Layer.PLAY:
            self.press(name)

    def press(self, letter: str) -> None:
        """Play a letter of the computer's keyboard."""
        self.desk.press(letter)
        self._await_release()
        self.show()

    @on(Asked)
    def _asked(self, message: Asked) -> None:
        message.stop()
        self.act(message.action)

    @on(Struck)
    def _struck(self, message: Struck) -> None:
        message.stop()
        self.press(message.letter)

    def act(self, action: Action | None, age: float = 0.0) -> None:
        """Do `action`, asked for `age` seconds ago, and show it at once."""
        if action is Deed.QUIT:
            self.post_message(self.Leave())
        elif action is Deed.HELP:
            view = self.desk.view()
            words, telemetry = (view.words, view.telemetry) if view else ((), None)
            self.app.push_screen(HelpScreen(words, telemetry), self.act)
        elif action is Deed.THEME:
            self.post_message(self.Change())
        elif action is Deed.COMPACT:
            self.toggle_class("-compact")
            self.call_after_refresh(self.show)
        elif action is Deed.PHRASES and self.desk.repertoire.slot is not None:
            self.desk.finish_recording()
            self.show()
        elif isinstance(action, Deed) and (shelf := SHELVES.get(action)) is not None:
            self.app.push_screen(shelf(self.desk), self._back)
        elif action is not None:
            self.desk.act(action, age)
            if isinstance(action, Dial | Cycle) and not self._in_sight(action.name):
                self.desk.read_out(action)
            self.show()

    def _back(self, action: Action | None) -> None:
        """A shelf has closed, and something may be different."""
        self.show()
        self.act(action)

    def _in_sight(self, name: str) -> bool:
        return any(part.spec.name == name and part.is_on_screen for part in self.query(Control))

    def release_due(self) -> None:
        """End the letters whose time is over, and wait for the next."""
        self.desk.release_due()
        self._await_release()
        self.show()

    def _await_release(self) -> None:
        if self._release is not None:
            self._release.stop()
            self._release = None
        wait = self.desk.release_in
        if wait is not None:
            self._release = self.set_timer(max(wait, 0.005), self.release_due)
