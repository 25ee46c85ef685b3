"""A control: its name with the letter that turns it, its value, and a dot while that is on its way.

A click on the left half turns it down or back, on the right half up or on; so does the wheel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events

from ripieno_app.keys import Action, Layer
from ripieno_app.messages import Asked, View
from ripieno_app.widgets.line import Line, Words
from ripieno_app.wishes import State

ROOMY = 96
"""Columns of the screen from which on keys that are no letters of a title stand behind it."""
DOTS = {State.ASKED: "○", State.COMING: "●"}


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """What a control shows and does. `letter` is a letter of `title`, '' when it has other keys:
    `keys`, told behind the title where letters are commands and the screen is wide."""

    name: str
    title: str
    letter: str
    value: Callable[[View], str]
    down: Action
    up: Action
    keys: str = ""


class Control(Line):
    """One thing that can be turned while the music plays."""

    def __init__(self, spec: ControlSpec) -> None:
        super().__init__(id=f"control-{spec.name.replace(' ', '-')}")
        self.spec = spec

    def write(self, view: View) -> Words:
        state = view.pending.get(self.spec.name)
        value = self.spec.value(view)
        dot = (DOTS[state], "$flag") if state else (" ", "")
        command = view.hands.layer is Layer.COMMAND
        return (*self._title(command), ("‹", "$quiet"), (value, "bold"), ("›", "$quiet"), dot)

    def _title(self, command: bool) -> Words:
        if not self.spec.letter:
            told = command and self.spec.keys and self.screen.size.width >= ROOMY
            keys = f"{self.spec.keys} " if told else ""
            return ((f"{self.spec.title} ", "$label"), (keys, "bold $command"))
        before, letter, after = self.spec.title.partition(self.spec.letter)
        style = "bold underline $command" if command else "$label"
        return ((before, "$label"), (letter, style), (f"{after} ", "$label"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        up = event.x >= self.size.width / 2
        self.post_message(Asked(self.spec.up if up else self.spec.down))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(Asked(self.spec.up))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(Asked(self.spec.down))
