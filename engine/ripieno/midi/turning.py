"""Knobs, faders and encoders: what a touch asks for, and when it has picked a value up. Pure."""

from __future__ import annotations

from ripieno import surface
from ripieno.commands import Command
from ripieno.midi.controls import PRESSED, Control, Kind, Touch, Way
from ripieno.settings import Settings

NEAR = 1.5 / 127
"""A control that stands so near to a value has picked it up."""


class Turning:
    """Remembers where the controls stand, and which of them hold the value that they turn."""

    def __init__(self) -> None:
        self._stands: dict[Control, float] = {}
        self._left: dict[Control, float] = {}  # the position at which a control left its value

    def commands(self, touch: Touch, settings: Settings) -> tuple[Command, ...]:
        """What `touch` asks for, where `settings` are in force."""
        binding, value = touch.binding, touch.value
        name = str(binding.action)
        if binding.control.kind is Kind.NOTE:
            return surface.pressed(settings, name)
        if binding.way in _CLICKS:
            clicks = _CLICKS[binding.way](value)
            return surface.nudged(settings, name, clicks) if clicks else ()
        if binding.way is Way.PICK_UP and not self._holds(touch, settings):
            return ()
        where = value / 127
        asked = surface.moved_to(settings, name, where, binding.low, binding.high)
        self._left[binding.control] = where
        return asked

    def _holds(self, touch: Touch, settings: Settings) -> bool:
        """Whether the control has the value in its hand, or just passes it."""
        binding = touch.binding
        here = touch.value / 127
        before = self._stands.get(binding.control)
        self._stands[binding.control] = here
        name = str(binding.action)
        target = surface.position(settings, name, binding.low, binding.high)
        left = self._left.get(binding.control)
        step = 0.5 if surface.is_stepped(name) else NEAR
        if left is not None and abs(left - target) <= step:
            return True
        passed = before is not None and min(before, here) <= target <= max(before, here)
        return passed or abs(here - target) <= NEAR


def light(touchable: Control, position: float) -> int:
    """The value 0…127 that a control shows where its value stands at `position`, 0…1."""
    if touchable.kind is Kind.NOTE:
        return 127 if position * 127 >= PRESSED else 0
    return round(position * 127)


def _twos(value: int) -> int:
    return value if value < 64 else value - 128


def _offset(value: int) -> int:
    return value - 64


def _sign(value: int) -> int:
    return value if value < 64 else 64 - value


_CLICKS = {Way.RELATIVE: _twos, Way.RELATIVE_64: _offset, Way.RELATIVE_SIGN: _sign}
