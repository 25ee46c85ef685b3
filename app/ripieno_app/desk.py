"""Between the hands and the engine: actions in, commands out, telemetry in, views out.

No Textual here. Whatever is done shows in the next `view` at once; the engine confirms it later.
"""

from __future__ import annotations

from collections.abc import Sequence

from ripieno import knobs
from ripieno.channel import Closed
from ripieno.clock import Clock, Seconds
from ripieno.commands import Choose, Command, Learn, Mute, Panic, Play, Quit, Seed, Stop, Tap, Turn
from ripieno.errors import SettingError
from ripieno.events import Telemetry
from ripieno.settings import ClockSource, Mode, Settings

from ripieno_app.keyboard import Keyboard
from ripieno_app.keys import (
    LEARNABLE,
    Action,
    ChangeLength,
    Cycle,
    Deed,
    Dial,
    Layer,
    MoveOctave,
    PickPhrase,
    Send,
    ToggleMute,
)
from ripieno_app.messages import Client, Hands, View
from ripieno_app.noticeboard import ANSWER_STAYS, Noticeboard
from ripieno_app.wishes import Controls, Wishes, control_of, label

GONE = "The engine has stopped, so nothing sounds any more. The take is kept. Press q to leave."
WELCOME = {
    Mode.ANSWER: "Play a few letters (z x c v b …), then wait: four voices answer. ? is help.",
    Mode.ACCOMPANY: "Play letters (q w e r t …): the other voices join you at once. ? is help.",
    Mode.SOLO: "It plays on from the seed phrase: turn what you like. Space starts, ? is help.",
}
WELCOME_STAYS = Seconds(12.0)
TAPPING = "Tap the beat a few times: the tempo follows."
LEARNING = "Learn: now an action's key (Enter c g x z w b Space Esc), or j to forget."
UNTEACHABLE = "That cannot be learnt: Enter, c, g, x, z, w, b, Space and Esc can."


class Desk:
    """The screen without its looks."""

    def __init__(self, client: Client, phrases: Sequence[Seed], preset: str, clock: Clock) -> None:
        self.alive = True
        self.layer = Layer.PLAY
        self.keyboard = Keyboard()
        self._client = client
        self._phrases = tuple(phrases)
        self._preset = preset
        self._clock = clock
        self._telemetry: Telemetry | None = None
        self._learning = False
        self._wishes = Wishes()
        self._board = Noticeboard()

    @property
    def ended(self) -> bool:
        """Whether the engine has said its last word."""
        return self._telemetry is not None and self._telemetry.ended

    @property
    def release_in(self) -> float | None:
        """Seconds until the next letter's note ends, None if none does by itself."""
        due = self.keyboard.next_due
        return None if due is None else max(0.0, due - self._clock.now())

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
                self.layer, keyboard.octave, keyboard.length, keyboard.latch, keyboard.sounding
            ),
            words=board.words(telemetry.at),
            preset=self._preset,
        )

    def press(self, key: str) -> None:
        """A letter was pressed in the play layer."""
        bpm = self._controls.settings.bpm if self._controls else 90.0
        for played in self.keyboard.press(key, self._clock.now(), Seconds(60.0 / bpm)):
            self._send(played)

    def release_due(self) -> None:
        """Send the releases of the letters whose time is over."""
        for played in self.keyboard.due(self._clock.now()):
            self._send(played)

    def quit(self) -> None:
        """Ask the engine to end in order."""
        self._send(Quit())

    def act(self, action: Action, age: float = 0.0) -> None:
        """Do what a key or the mouse asked for, `age` seconds ago."""
        if self._learning and self._learn(action):
            return
        controls = self._controls
        match action:
            case Deed():
                self._do(action, controls, age)
            case Send(command, said):
                self._send(command)
                if said:
                    self._answer(said)
            case MoveOctave(octaves):
                self.keyboard.move(octaves)
            case ChangeLength(clicks):
                self.keyboard.lengthen(clicks)
            case _ if controls is None:
                return
            case Dial(name, clicks, big):
                value = knobs.nudged(controls.settings, name, clicks, big)
                self._wish(Turn(name, value), controls)
            case Cycle(name, clicks):
                self._wish(Choose(name, knobs.cycled(controls.settings, name, clicks)), controls)
            case ToggleMute(voice):
                self._wish(Mute(voice, voice not in controls.settings.muted), controls)
            case PickPhrase(clicks):
                self._pick(clicks, controls)

    def read_out(self, action: Dial | Cycle) -> None:
        """Say the value of the control that `action` turns, where it is not to be seen."""
        controls = self._controls
        if controls is None:
            return
        settings, name = controls.settings, action.name
        if isinstance(action, Dial):
            text = label(Turn(name, knobs.knob(name).read(settings)))
        else:
            text = label(Choose(name, knobs.switch(name).read(settings)))
        self._answer(f"{text[:1].upper()}{text[1:]}.")

    def _do(self, deed: Deed, controls: Controls | None, age: float) -> None:
        match deed:
            case Deed.PANIC:
                self.keyboard.forget()
                self._send(Panic())
                self._answer("Panic.")
                if self._telemetry is not None:
                    self._wishes.want(Panic(), self._telemetry)
            case Deed.TRANSPORT if controls is not None:
                self._wish(Stop() if controls.playing else Play(), controls)
            case Deed.TAP:
                self._send(Tap(Seconds(self._clock.now() - age)))
                self._answer(TAPPING)
            case Deed.LEARN:
                self._learning = True
                self._answer(LEARNING, stays=WELCOME_STAYS)
            case Deed.LAYER:
                self.layer = Layer.COMMAND if self.layer is Layer.PLAY else Layer.PLAY
            case Deed.LATCH:
                self._latch()

    def _learn(self, action: Action) -> bool:
        """The key after 'learn' names what is learnt. Whether that is all it does: panic panics."""
        if action is Deed.LAYER:
            return False
        self._learning = False
        trigger = LEARNABLE.get(action)
        if trigger is None and action is not Deed.LEARN:
            self._answer(UNTEACHABLE)
        else:
            self._send(Learn(trigger))
        return action is not Deed.PANIC

    def _latch(self) -> None:
        self.keyboard.latch = not self.keyboard.latch
        if not self.keyboard.latch:
            for played in self.keyboard.release_all():
                self._send(played)

    def _pick(self, clicks: int, controls: Controls) -> None:
        if not self._phrases:
            self._answer("There are no seed phrases to choose from.")
            return
        names = [phrase.name for phrase in self._phrases]
        if controls.phrase in names:
            place = names.index(controls.phrase) + clicks
        else:
            place = 0 if clicks > 0 else -1
        self._wish(self._phrases[place % len(names)], controls)

    def _wish(self, command: Command, controls: Controls) -> None:
        """Send a command that sets a control, unless it sets nothing or may not be."""
        try:
            if controls.after(command) == controls:
                return
        except SettingError as error:
            self._answer(str(error), urgent=True)
            return
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
