"""Between the hands and the engine: actions in, commands out, telemetry in, views out.

No Textual here. Whatever is done shows in the next `view` at once; the engine confirms it later.
"""

from __future__ import annotations

from collections.abc import Sequence

from ripieno import knobs
from ripieno.channel import Closed
from ripieno.clock import Clock, Seconds
from ripieno.errors import SettingError
from ripieno.events import (
    AnswerNow,
    Cadence,
    Choose,
    Command,
    Mute,
    Panic,
    Play,
    Quit,
    Seed,
    SeedFromPlayed,
    Stop,
    Telemetry,
    Turn,
)
from ripieno.settings import Mode

from ripieno_app.keyboard import Keyboard
from ripieno_app.keys import (
    Action,
    ChangeLength,
    Cycle,
    Deed,
    Layer,
    MoveOctave,
    Nudge,
    PickPhrase,
    ToggleMute,
)
from ripieno_app.messages import Client, Hands, View
from ripieno_app.noticeboard import Noticeboard
from ripieno_app.wishes import Controls, Wishes

GONE = "The engine has stopped, so nothing sounds any more. The take is kept. Press q to leave."
WELCOME = {
    Mode.ANSWER: "Play a few letters (z x c v b …), then wait: four voices answer. ? is help.",
    Mode.ACCOMPANY: "Play letters (q w e r t …): the other voices join you at once. ? is help.",
    Mode.SOLO: "It plays on from the seed phrase: turn what you like. Space starts, ? is help.",
}
WELCOME_STAYS = Seconds(12.0)


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

    def act(self, action: Action) -> None:
        """Do what a key or the mouse asked for."""
        controls = self._controls
        match action:
            case Deed():
                self._do(action, controls)
            case MoveOctave(octaves):
                self.keyboard.move(octaves)
            case ChangeLength(clicks):
                self.keyboard.lengthen(clicks)
            case _ if controls is None:
                return
            case Nudge(name, clicks, big):
                value = knobs.nudged(controls.settings, name, clicks, big)
                self._wish(Turn(name, value), controls)
            case Cycle(name, clicks):
                self._wish(Choose(name, knobs.cycled(controls.settings, name, clicks)), controls)
            case ToggleMute(voice):
                self._wish(Mute(voice, voice not in controls.settings.muted), controls)
            case PickPhrase(clicks):
                self._pick(clicks, controls)

    def _do(self, deed: Deed, controls: Controls | None) -> None:
        match deed:
            case Deed.PANIC:
                self.keyboard.forget()
                self._send(Panic())
                self._answer("Panic.")
                if self._telemetry is not None:
                    self._wishes.want(Panic(), self._telemetry)
            case Deed.TRANSPORT if controls is not None:
                self._wish(Stop() if controls.playing else Play(), controls)
            case Deed.ANSWER:
                self._send(AnswerNow())
                self._answer("Answer now, or stop answering: at the next step of the grid.")
            case Deed.CADENCE:
                self._send(Cadence())
                self._answer("A cadence: it closes at the next place where a phrase can end.")
            case Deed.SEED_FROM_PLAYED:
                self._send(SeedFromPlayed())
                self._answer("What you played last is taken as the seed phrase.")
            case Deed.LAYER:
                self.layer = Layer.COMMAND if self.layer is Layer.PLAY else Layer.PLAY
            case Deed.LATCH:
                self._latch()

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
        if self._telemetry is not None:
            self._wishes.want(command, self._telemetry)

    @property
    def _controls(self) -> Controls | None:
        return self._wishes.applied(self._telemetry) if self._telemetry else None

    def _answer(self, text: str, *, urgent: bool = False) -> None:
        if self._telemetry is not None:
            self._board.answer(text, self._telemetry.at, urgent=urgent)

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
