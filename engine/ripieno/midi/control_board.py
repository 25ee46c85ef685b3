"""Footswitches, pads and knobs at work: what was learned is loaded, heard, acted on and kept.

A controller that has lamps or motors is told where everything stands. Each controller has a board
of its own; what is to be learned is learned by the one that is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ripieno import surface
from ripieno.clock import Seconds
from ripieno.commands import FOOTSWITCHES, Action, Command
from ripieno.errors import SettingError
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, Stamped
from ripieno.midi import controls_file
from ripieno.midi.controls import Control, Controls, Kind, Touch, Waiting, Way, told_of
from ripieno.midi.controls_keeper import Keeper
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
    back to the controller, None where there is none; `keeper` writes the file.
    """

    def __init__(
        self,
        port: str,
        do: Do,
        say: Say,
        lamps: Lamps | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._port, self._do, self._say, self._lamps = port, do, say, lamps
        self._keeper = keeper or Keeper()
        self._controls = Controls()
        self._turning = Turning()
        self._shown: dict[Control, int] = {}
        try:
            self._controls = Controls(controls_file.load(port))
        except SettingError as error:
            say(str(error))

    def hear(self, stamped: Stamped, settings: Settings) -> bool:
        """Act on a control; whether it was one, and not music."""
        waiting = self._controls.waiting
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
        if waiting != self._controls.waiting:
            self._keep()
        return consumed

    @property
    def waiting(self) -> Waiting:
        """What waits for a control to be touched."""
        return self._controls.waiting

    def wait_for(self, wanted: Waiting) -> None:
        """The next controls that are touched do this; () calls it off."""
        self._controls.wait_for(wanted)

    def forget(self) -> None:
        """Nothing does anything any more."""
        self._controls.forget()
        self._keep()

    def learn(self, action: Action | str | None) -> None:
        """The next control that is touched does `action`; None forgets all that was learned.

        A text names what is turned, and after a space the way, such as 'temperature pick-up'.
        """
        if action is None:
            self.forget()
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
        self._keeper.keep(self._port, self._controls.bindings)


class ControlBoards:
    """The boards of all controllers, in the order of the inputs: one that nobody plugged in, too.

    `controllers` are their names, each with the way back to it.
    """

    def __init__(self, controllers: Sequence[tuple[str, Lamps | None]], do: Do, say: Say) -> None:
        self._keeper, self._say = Keeper(), say
        self._boards = [
            ControlBoard(port, do, say, lamps, self._keeper)
            for port, lamps in controllers or (("", None),)
        ]

    def hear(self, stamped: Stamped, settings: Settings) -> bool:
        """Act on a control; whether it was one, and not music."""
        board = self._boards[stamped.source if stamped.source < len(self._boards) else 0]
        waiting = board.waiting
        consumed = board.hear(stamped, settings)
        if board.waiting != waiting:
            self._share(board)
        return consumed

    def learn(self, action: Action | str | None) -> None:
        """The next control that is touched, on whichever controller, does `action`."""
        first, *others = self._boards
        first.learn(action)
        if action is None:
            for board in others:
                board.forget()
        self._share(first)

    def learn_all(self) -> None:
        """The next eight switches that are touched become the footswitch set."""
        self._boards[0].learn_all()
        self._share(self._boards[0])

    def show(self, settings: Settings, lit: frozenset[Action]) -> None:
        """Let lamps and motors say where everything stands; say what could not be kept."""
        for board in self._boards:
            board.show(settings, lit)
        for problem in self._keeper.problems():
            self._say(problem)

    def wait(self) -> None:
        """Until all that was learned is written."""
        self._keeper.wait()

    def _share(self, board: ControlBoard) -> None:
        """What waits to be learned waits on every controller."""
        for other in self._boards:
            other.wait_for(board.waiting)
