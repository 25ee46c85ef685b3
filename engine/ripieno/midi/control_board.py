"""Footswitches, pads and knobs at work: what was learned is loaded, heard, acted on and kept.

A controller that has lamps or motors is told where everything stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ripieno import surface
from ripieno.clock import Seconds
from ripieno.commands import FOOTSWITCHES, Action, Command
from ripieno.errors import SettingError
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, Stamped
from ripieno.midi import controls_file
from ripieno.midi.controls import Control, Controls, Kind, Touch, Way, told_of
from ripieno.midi.turning import Turning, light
from ripieno.settings import Settings

Do = Callable[[Action | Command, Seconds], None]
Say = Callable[[str], None]


class Lamps(Protocol):
    """A way back to the controller."""

    def control(self, channel: int, controller: int, value: int) -> None: ...

    def note_on(self, channel: int, pitch: int, velocity: int) -> None: ...

    def note_off(self, channel: int, pitch: int) -> None: ...


class ControlBoard:
    """What is bound on the controller called `port`; its file is written when something is learned.

    `do` carries out an action or a command at a moment, `say` tells the player, `lamps` is the way
    back to the controller, None where there is none.
    """

    def __init__(self, port: str, do: Do, say: Say, lamps: Lamps | None = None) -> None:
        self._port, self._do, self._say, self._lamps = port, do, say, lamps
        self._controls = Controls()
        self._turning = Turning()
        self._shown: dict[Control, int] = {}
        try:
            self._controls = Controls(controls_file.load(port))
        except SettingError as error:
            say(str(error))

    def hear(self, stamped: Stamped, settings: Settings) -> bool:
        """Act on a control; whether it was one, and not music."""
        learning = self._controls.learning
        consumed, done, told = self._controls.hear(stamped.message)
        for what in done:
            if isinstance(what, Touch):
                for command in self._turning.commands(what, settings):
                    self._do(command, stamped.at)
            else:
                self._do(what, stamped.at)
        if consumed:
            self._stands(stamped.message)
        if told:
            self._say(told)
        if learning is not None and self._controls.learning is None:
            self._keep()
        return consumed

    def learn(self, action: Action | str | None) -> None:
        """The next control that is touched does `action`; None forgets all that was learned.

        A text names what is turned, and after a space the way, such as 'temperature pick-up'.
        """
        if action is None:
            self._controls.forget()
            self._keep()
            self._say("All controls are forgotten")
            return
        way = Way.ABSOLUTE
        try:
            if not isinstance(action, Action):
                name, _, manner = action.partition(" ")
                action = surface.target_from(name)
                way = controls_file.way_from(manner) if manner else way
        except SettingError as error:
            self._say(str(error))
            return
        self._controls.learn(action, way)
        self._say(f"Touch the control that is to do this: {told_of(action)}")

    def learn_all(self) -> None:
        """The next eight switches that are touched become the footswitch set."""
        self._controls.learn_all(FOOTSWITCHES)
        order = ", ".join(action.value for action in FOOTSWITCHES)
        self._say(f"Press eight switches, in this order: {order}")

    def show(self, settings: Settings, lit: frozenset[Action]) -> None:
        """Let lamps and motors say where everything stands; `lit` are the actions under way."""
        if self._lamps is None:
            return
        for binding in self._controls.bindings:
            if isinstance(binding.action, Action):
                position = float(binding.action in lit)
            else:
                name = binding.action
                position = surface.position(settings, name, binding.low, binding.high)
            value = light(binding.control, position)
            if self._shown.get(binding.control) != value:
                self._shown[binding.control] = value
                self._send(self._lamps, binding.control, value)

    def _send(self, lamps: Lamps, control: Control, value: int) -> None:
        channel = control.channel or 0
        if control.kind is Kind.CONTROLLER:
            lamps.control(channel, control.number, value)
        elif value:
            lamps.note_on(channel, control.number, value)
        else:
            lamps.note_off(channel, control.number)

    def _stands(self, message: MidiMessage) -> None:
        """A motor that a hand has moved stands there: it is not told so again."""
        match message:
            case ControlChange(channel, number, value):
                self._remember(Kind.CONTROLLER, number, channel, value)
            case NoteOn(channel, pitch, _) | NoteOff(channel, pitch):
                # the controller may switch its own lamp: it is told anew what it is to show
                for heard in (channel, None):
                    self._shown.pop(Control(Kind.NOTE, pitch, heard), None)

    def _remember(self, kind: Kind, number: int, channel: int, value: int) -> None:
        for heard in (channel, None):
            control = Control(kind, number, heard)
            if control in self._shown:
                self._shown[control] = value

    def _keep(self) -> None:
        self._shown.clear()
        try:
            controls_file.save(self._port, self._controls.bindings)
        except SettingError as error:
            self._say(str(error))
