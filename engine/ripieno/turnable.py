"""What can be turned, one class for each kind: how it is read, and how it is written. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ripieno.clock import Beats
from ripieno.grammar.grid import VOICES
from ripieno.settings import Settings, check

FARTHEST_COMMIT = 4.0
"""Beats that are settled ahead where the knob 'stability' stands at 1."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A number that can be turned: `step` for a touch, `big_step` for a shove, both in `unit`.

    `part` is the group of `Settings` that holds it ('' for Settings itself), `field` its name
    there. `whole` knobs take whole numbers only.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    step: float
    big_step: float
    part: str
    field: str
    whole: bool = False

    def read(self, settings: Settings) -> float:
        """The knob's value now."""
        owner = getattr(settings, self.part) if self.part else settings
        return float(getattr(owner, self.field))

    def write(self, settings: Settings, value: float) -> Settings:
        """Settings with this knob at `value`. Raises SettingError when that is out of bounds."""
        number = round(value) if self.whole and math.isfinite(value) else float(value)
        return changed(settings, self.part, self.field, number)

    def bounds(self, settings: Settings) -> tuple[float, float]:
        """How far the knob can be turned now: some knobs stop at another one."""
        if self.field == "commit":
            return self.low, min(self.high, settings.horizon.lookahead)
        if self.field == "lookahead":
            return max(self.low, settings.horizon.commit), self.high
        return self.low, self.high


class Stability(Knob):
    """One knob for both horizons: 0 reacts on the next sixteenth, 1 plans far and stays with it."""

    def read(self, settings: Settings) -> float:
        return min(1.0, settings.horizon.commit / FARTHEST_COMMIT)

    def write(self, settings: Settings, value: float) -> Settings:
        check(self.name, value, self.low, self.high)
        commit = Beats(round(value * FARTHEST_COMMIT * 4) / 4)
        lookahead = Beats(2 * commit + 2)
        horizon = replace(settings.horizon, commit=commit, lookahead=lookahead)
        return replace(settings, horizon=horizon)


class RangeEnd(Knob):
    """The lowest or highest pitch of a voice; `field` is the voice's name and which end."""

    def read(self, settings: Settings) -> float:
        voice, end = self._place()
        return float(settings.rules.ranges[voice][end])

    def write(self, settings: Settings, value: float) -> Settings:
        check(self.name, value, self.low, self.high)
        voice, end = self._place()
        ranges = [list(pair) for pair in settings.rules.ranges]
        ranges[voice][end] = round(value)
        pairs = tuple((low, high) for low, high in ranges)
        return replace(settings, rules=replace(settings.rules, ranges=pairs))

    def bounds(self, settings: Settings) -> tuple[float, float]:
        voice, end = self._place()
        low, high = settings.rules.ranges[voice]
        return (low, self.high) if end else (self.low, high)

    def _place(self) -> tuple[int, int]:
        voice, _, end = self.field.partition(" ")
        return VOICES.index(voice), ("lowest", "highest").index(end)


class Direction(Knob):
    """A way to go in the space of a model of blocks; `field` is its number, from 0."""

    def read(self, settings: Settings) -> float:
        return settings.blocks.directions[int(self.field)]

    def write(self, settings: Settings, value: float) -> Settings:
        turned = list(settings.blocks.directions)
        turned[int(self.field)] = float(value)
        return changed(settings, "blocks", "directions", tuple(turned))


@dataclass(frozen=True, slots=True)
class Switch:
    """A choice between `values`; a client may offer only these, `write` may take more."""

    name: str
    title: str
    values: tuple[str, ...]
    read: Callable[[Settings], str]
    write: Callable[[Settings, str], Settings]


def changed(settings: Settings, part: str, name: str, value: Any) -> Settings:
    """`settings` with the field `name` of the group `part` ('' for Settings itself) at `value`."""
    new: dict[str, Any] = {name: value}
    if part:
        new = {part: replace(getattr(settings, part), **new)}
    return replace(settings, **new)
