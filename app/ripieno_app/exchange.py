"""Between screen and engine: telemetry in, commands out; what is asked for is shown at once.

No Textual here. A wish shows in the next `view`; the engine confirms it later, or refuses it.
"""

from __future__ import annotations

from ripieno.channel import Closed
from ripieno.clock import Clock, Seconds
from ripieno.commands import Become, Command, Play
from ripieno.errors import SettingError
from ripieno.events import Telemetry
from ripieno.library.items import Looks
from ripieno.settings import ClockSource, Mode, Settings

from ripieno_app import ranges
from ripieno_app.keyboard import Keyboard
from ripieno_app.keys import Layer
from ripieno_app.messages import Client, Hands, Library, View
from ripieno_app.noticeboard import ANSWER_STAYS, Noticeboard
from ripieno_app.past import Past
from ripieno_app.repertoire import Repertoire
from ripieno_app.wishes import Controls, Wishes, control_of

GONE = "The engine has stopped, so nothing sounds. The take is kept. q leaves."
WELCOME = {
    Mode.ANSWER: "Play a few letters (z x c v b …), then wait: four voices answer. ? is help.",
    Mode.ACCOMPANY: "Play letters (q w e r t …): the other voices join you at once. ? is help.",
    Mode.SOLO: "It plays on from the seed phrase. Space starts and stops. ? is help.",
}
WELCOME_STAYS = Seconds(12.0)


class Exchange:
    """What is known of the engine, what it was asked for, and what there is to say."""

    def __init__(self, client: Client, library: Library, looks: Looks, clock: Clock) -> None:
        self.alive = True
        self.repertoire = Repertoire(library, looks)
        self.layer = Layer.PLAY
        self.keyboard = Keyboard()
        self.range_end = ranges.FIRST
        self._client = client
        self._past = Past()
        self._clock = clock
        self._telemetry: Telemetry | None = None
        self._wishes = Wishes()
        self._board = Noticeboard()

    @property
    def ended(self) -> bool:
        """Whether the engine has said its last word."""
        return self._telemetry is not None and self._telemetry.ended

    def read(self) -> bool:
        """Take in the newest telemetry; whether there is anything new to show."""
        if not self.alive:
            return False
        try:
            telemetry = self._client.latest()
        except Closed:
            self._lose()
            return True
        if telemetry is None:
            return False
        first, self._telemetry = self._telemetry is None, telemetry
        self.repertoire.hear(telemetry)
        self._board.hear(telemetry)
        if first:
            welcome = WELCOME[telemetry.settings.mode]
            self._board.answer(welcome, telemetry.at, stays=WELCOME_STAYS)
        for lost in self._wishes.settle(telemetry):
            if not self._board.warned_since(lost.made):  # else the engine has said why
                self._answer(f"The engine did not take {lost.label or lost.control}.", urgent=True)
        return True

    def view(self) -> View | None:
        """What to show now, None as long as the engine has told nothing."""
        telemetry = self._telemetry
        if telemetry is None:
            return None
        board, keyboard = self._board, self.keyboard
        return View(
            telemetry=telemetry,
            controls=self._wishes.applied(telemetry),
            wishes=self._wishes.coming,
            pending={wish.control: wish.state for wish in self._wishes.coming},
            hands=Hands(
                self.layer,
                keyboard.octave,
                keyboard.length,
                keyboard.latch,
                keyboard.sounding,
                self.range_end,
            ),
            words=board.words(telemetry.at),
            preset=self.repertoire.title,
            changed=self.repertoire.differs(
                self._wishes.applied(telemetry).settings, telemetry.programs
            ),
            recording=self.repertoire.slot,
        )

    def send(self, command: Command) -> None:
        """Send a command that no control of the screen stands for."""
        self._send(command)

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something on the notice line."""
        self._answer(text, urgent=urgent, stays=WELCOME_STAYS)

    def _wish(self, command: Command, controls: Controls, *, remember: bool = True) -> None:
        """Send a command that sets a control, unless it sets nothing or may not be."""
        try:
            if controls.after(command) == controls:
                return
        except SettingError as error:
            self._answer(str(error), urgent=True)
            return
        if remember and (name := control_of(command)) is not None:
            self._past.remember(name, Become(controls.settings))
        self._send(command)
        if self._telemetry is not None and not _elsewhere(command, controls.settings):
            self._wishes.want(command, self._telemetry)

    @property
    def _controls(self) -> Controls | None:
        return self._wishes.applied(self._telemetry) if self._telemetry else None

    def _answer(self, text: str, *, urgent: bool = False, stays: Seconds = ANSWER_STAYS) -> None:
        if self._telemetry is not None:
            self._board.answer(text, self._telemetry.at, urgent=urgent, stays=stays)

    def _send(self, command: Command) -> None:
        if not self.alive:
            return
        try:
            self._client.send(command)
        except Closed:
            self._lose()

    def _lose(self) -> None:
        self.alive = False
        self.keyboard.forget()
        self._board.end(GONE)


def _elsewhere(command: Command, settings: Settings) -> bool:
    """Whether a clock that is followed decides this, so that it is not shown before it happens."""
    if settings.sync.source is ClockSource.INTERNAL:
        return False
    return isinstance(command, Play) or control_of(command) == "tempo"
