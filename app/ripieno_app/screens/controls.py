"""Every control that there is: turn it here, or teach it to a knob of your controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ripieno import knobs, surface
from ripieno.commands import Learn
from ripieno.grammar.grid import VOICES
from textual.content import Content

from ripieno_app.keys import (
    KEYS,
    Action,
    ChangeSound,
    Cycle,
    Dial,
    ToggleMute,
    ToggleSolo,
)
from ripieno_app.learnable import turned_by
from ripieno_app.messages import View
from ripieno_app.notation import beats_text, pitch_name
from ripieno_app.screens.browser import Browser
from ripieno_app.screens.shelf import Row, facts
from ripieno_app.sounds import sound_name

TITLE_WIDTH, VALUE_WIDTH = 22, 9
"""Columns of a line: what it is, and where it stands. A click left of that turns it down."""
_WAYS = {"l": "", "p": " pick-up", "r": " relative"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A control: its name for learning ('' cannot be learned), and what turns it up and down."""

    name: str
    title: str
    up: Action
    down: Action


def entries() -> tuple[_Entry, ...]:
    """All controls, the four voices first."""
    found: list[_Entry] = []
    for number, voice in enumerate(VOICES):
        mute, solo = ToggleMute(number), ToggleSolo(number)
        found.append(_Entry(f"mute_{voice}", f"{voice}: mute", mute, mute))
        found.append(_Entry(f"solo_{voice}", f"{voice}: solo", solo, solo))
        hold = f"hold_{voice}"
        found.append(_Entry(hold, f"{voice}: hold", Cycle(hold, 1), Cycle(hold, -1)))
        for end in ("lowest", "highest"):
            name = f"{voice}_{end}"
            found.append(_Entry(name, f"{voice}: {end}", Dial(name, 1), Dial(name, -1)))
        sound = ChangeSound(number, 1), ChangeSound(number, -1)
        found.append(_Entry("", f"{voice}: instrument", *sound))
    known = {entry.name for entry in found}
    for knob in knobs.KNOBS:
        if knob.name not in known:
            found.append(_Entry(knob.name, knob.title, Dial(knob.name, 1), Dial(knob.name, -1)))
    for switch in knobs.SWITCHES:
        if switch.name not in known:
            up, down = Cycle(switch.name, 1), Cycle(switch.name, -1)
            found.append(_Entry(switch.name, switch.title, up, down))
    return tuple(found)


class ControlsScreen(Browser[_Entry]):
    """The shelf of everything that can be turned."""

    TITLE: ClassVar[str | None] = "Controls"
    OWN_KEY = "f6"
    KEYS = (
        ("←→", "turn"),
        ("l", "learn"),
        ("p", "learn, pick-up"),
        ("r", "learn, endless"),
        ("J", "footswitches"),
    )

    def load(self) -> Sequence[_Entry]:
        return entries()

    def row(self, item: _Entry) -> Row[_Entry]:
        view = self.desk.view()
        value = "" if view is None else _value(view, item)
        words = (
            (f"{item.title:<{TITLE_WIDTH}}", ""),
            ("‹ ", "$quiet"),
            (f"{value:^{VALUE_WIDTH}}", "bold"),
            (" ›", "$quiet"),
        )
        return Row(item, words, f"{item.name} {item.title}")

    def detail(self, item: _Entry) -> Content:
        keys = [key.label for key in KEYS if item.name and turned_by(key.action) == item.name]
        if isinstance(item.up, Dial) and knobs.knob(item.name).unit == "pitch":
            keys = ["{ }", "after", "V", "R"]
        return facts(
            (
                ("name", item.name),
                ("keys", " ".join(keys)),
                ("allowed", _allowed(item.name)),
                ("OSC", f"/ripieno/{item.name}" if item.name else ""),
            ),
            _about(item.name),
        )

    def choose(self, item: _Entry) -> None:
        middle = TITLE_WIDTH + 2 + VALUE_WIDTH // 2
        lower = self.clicked is not None and self.clicked < middle
        self._turn(item.down if lower else item.up)

    def press(self, key: str, item: _Entry | None) -> bool:
        if key in ("left", "right") and item is not None:
            self._turn(item.up if key == "right" else item.down)
            return True
        if key in _WAYS and item is not None:
            if not item.name:
                self.say("A controller cannot turn this; its own keys do.", urgent=True)
                return True
            self.desk.send(Learn(f"{item.name}{_WAYS[key]}"))
            return True
        action = {each.name: each.action for each in KEYS if each.name == "J"}.get(key)
        if action is not None:
            self.desk.act(action)
        return action is not None

    def _turn(self, action: Action) -> None:
        self.desk.act(action)
        self.fill()
        self.refresh_view()


def _value(view: View, item: _Entry) -> str:
    settings = view.controls.settings
    if isinstance(item.up, ChangeSound):
        programs = view.telemetry.programs
        return sound_name(programs[item.up.voice]) if programs else ""
    if isinstance(item.up, Dial):
        knob = knobs.knob(item.name)
        value = knob.read(settings)
        if knob.unit == "pitch":
            return pitch_name(int(value))
        if knob.name == "player_voice":
            return VOICES[int(value)]
        if knob.unit == "beats":
            return beats_text(value)
        number = f"{round(value, 2):g}"
        unit = knob.unit.removesuffix("s") if value == 1 else knob.unit
        told = f"{number} {unit}".strip()
        return told if len(told) <= VALUE_WIDTH else number  # what is allowed has it, too
    if isinstance(item.up, Cycle):
        return knobs.switch(item.name).read(settings)
    return "on" if surface.position(settings, item.name) else "off"


def _allowed(name: str) -> str:
    for knob in knobs.KNOBS:
        if knob.name == name:
            if knob.unit == "pitch":
                return f"{pitch_name(int(knob.low))}…{pitch_name(int(knob.high))}"
            return f"{knob.low:g}…{knob.high:g} {knob.unit}".strip()
    for switch in knobs.SWITCHES:
        if switch.name == name:
            return ", ".join(switch.values)
    return "off, on" if name else ""


def _about(name: str) -> str:
    """What it means, in the words of the page about presets."""
    from ripieno.preset.keys import KEYS as PRESET_KEYS

    return next((key.about for key in PRESET_KEYS if name in (key.name, key.field)), "")
