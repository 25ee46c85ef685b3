"""Footswitches and pads at work: what was learned is loaded, heard, acted on and kept."""

from __future__ import annotations

from collections.abc import Callable

from ripieno.clock import Seconds
from ripieno.commands import Action
from ripieno.errors import SettingError
from ripieno.events import Stamped
from ripieno.midi import controls_file
from ripieno.midi.controls import Controls

Do = Callable[[Action, Seconds], None]
Say = Callable[[str], None]


class ControlBoard:
    """What is bound on the controller called `port`; its file is written when something is learned.

    `do` carries out an action at a moment, `say` tells the player.
    """

    def __init__(self, port: str, do: Do, say: Say) -> None:
        self._port, self._do, self._say = port, do, say
        self._controls = Controls()
        try:
            self._controls = Controls(controls_file.load(port))
        except SettingError as error:
            say(str(error))

    def hear(self, stamped: Stamped) -> bool:
        """Act on a control; whether it was one, and not music."""
        was_learning = self._controls.learning is not None
        consumed, actions, told = self._controls.hear(stamped.message)
        for action in actions:
            self._do(action, stamped.at)
        if told:
            self._say(told)
        if was_learning and self._controls.learning is None:
            self._keep()
        return consumed

    def learn(self, action: Action | None) -> None:
        """The next control that is touched does `action`; None forgets all that was learned."""
        if action is None:
            self._controls.forget()
            self._keep()
            self._say("All controls are forgotten")
        else:
            self._controls.learn(action)
            self._say(f"Touch the control that is to do this: {action.value}")

    def _keep(self) -> None:
        try:
            controls_file.save(self._port, self._controls.bindings)
        except SettingError as error:
            self._say(str(error))
