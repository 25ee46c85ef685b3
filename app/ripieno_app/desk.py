"""Between the hands and the engine: actions in, commands out, telemetry in, views out.

No Textual here. Whatever is done shows in the next `view` at once; the engine confirms it later.
"""

from __future__ import annotations

from ripieno import knobs, surface
from ripieno.channel import Closed
from ripieno.clock import Clock, Seconds
from ripieno.commands import (
    Become,
    Choose,
    Command,
    Learn,
    Mute,
    Panic,
    Play,
    Programs,
    Quit,
    Recall,
    Seed,
    Stop,
    Tap,
    Turn,
)
from ripieno.errors import RipienoError, SettingError
from ripieno.events import Telemetry
from ripieno.library.items import Looks, PhraseItem
from ripieno.settings import ClockSource, Mode, Settings

from ripieno_app.keyboard import Keyboard
from ripieno_app.keys import (
    LEARNABLE,
    Action,
    ChangeLength,
    ChangeSound,
    Cycle,
    Deed,
    Dial,
    Layer,
    MoveOctave,
    PickPhrase,
    Send,
    ToggleMute,
    ToggleSolo,
    turned_by,
)
from ripieno_app.messages import Client, Hands, Library, View
from ripieno_app.noticeboard import ANSWER_STAYS, Noticeboard
from ripieno_app.recorder import PhraseRecorder
from ripieno_app.repertoire import Repertoire
from ripieno_app.sounds import next_sound, told
from ripieno_app.wishes import Controls, Wishes, control_of, label

GONE = "The engine has stopped, so nothing sounds any more. The take is kept. Press q to leave."
WELCOME = {
    Mode.ANSWER: "Play a few letters (z x c v b …), then wait: four voices answer. ? is help.",
    Mode.ACCOMPANY: "Play letters (q w e r t …): the other voices join you at once. ? is help.",
    Mode.SOLO: "It plays on from the seed phrase: turn what you like. Space starts, ? is help.",
}
WELCOME_STAYS = Seconds(12.0)
TAPPING = "Tap the beat a few times: the tempo follows."
LEARNING = "Learn: now the key of an action or of a control, or j to forget all."
UNDO_DEPTH = 50
UNTEACHABLE = "That cannot be learnt; the keys of actions and of controls can."


class Desk:
    """The screen without its looks."""

    def __init__(self, client: Client, library: Library, looks: Looks, clock: Clock) -> None:
        self.alive = True
        self.repertoire = Repertoire(library, looks)
        self.layer = Layer.PLAY
        self.keyboard = Keyboard()
        self._client = client
        self._before: list[tuple[str | None, Settings]] = []  # what was turned, and from what
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
                self.layer, keyboard.octave, keyboard.length, keyboard.latch, keyboard.sounding
            ),
            words=board.words(telemetry.at),
            preset=self.repertoire.title,
            changed=self.repertoire.differs(
                self._wishes.applied(telemetry).settings, telemetry.programs
            ),
            recording=self.repertoire.slot,
        )

    # ---- presets, phrases

    @property
    def library(self) -> Library:
        return self.repertoire.library

    @property
    def preset(self) -> str:
        """The name of the preset that plays."""
        return self.repertoire.preset

    def recall(self, what: Recall, title: str = "") -> None:
        """Bring a preset or a scene at the next bar."""
        if self._telemetry is not None:
            self._before.append((None, self._telemetry.settings))
        self._send(what)
        self._answer(f"{title or what.name} comes at the next bar.")

    def saved_as(self, name: str) -> None:
        """What plays now is the preset `name`."""
        self.repertoire.saved_as(name, self._telemetry)

    def choose_phrase(self, item: PhraseItem) -> None:
        """Take a phrase as the seed."""
        if self._controls is not None:
            self._wish(Seed(item.name, item.notes), self._controls)

    def send(self, command: Command) -> None:
        """Send a command that no control of the screen stands for."""
        self._send(command)

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Tell the player something on the notice line."""
        self._answer(text, urgent=urgent, stays=WELCOME_STAYS)

    def record(self, slot: int) -> None:
        """Record what is played from now on into `slot`."""
        self.repertoire.recorder = PhraseRecorder(slot)
        self.layer = Layer.PLAY
        self.say(f"Recording into slot {slot}: play your phrase, then press F2.")

    def finish_recording(self) -> None:
        """Keep what was played as a phrase, which is the seed from now on."""
        if self._telemetry is None:
            return
        try:
            item = self.repertoire.finish_recording(str(self._telemetry.settings.meter))
        except RipienoError as error:
            self.say(str(error), urgent=True)
            return
        if item is None:
            return
        self.choose_phrase(item)
        self.say(f"{item.title}: {len(item.notes)} notes, the seed phrase now.")

    # ---- what the hands do

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
            case ToggleSolo(voice):
                self._remember(f"solo {voice}", controls.settings)
                for command in surface.solo(controls.settings, voice):
                    self._wish(command, controls, remember=False)
            case ChangeSound(voice, clicks):
                self._change_sound(voice, clicks)
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
            case Deed.UNDO if controls is not None:
                self._undo(controls)

    def _learn(self, action: Action) -> bool:
        """The key after 'learn' names what is learnt. Whether that is all it does: panic panics."""
        if action is Deed.LAYER:
            return False
        self._learning = False
        trigger = LEARNABLE.get(action) or turned_by(action)
        if trigger is None and action is not Deed.LEARN:
            self._answer(UNTEACHABLE)
        else:
            self._send(Learn(trigger))
        return action is not Deed.PANIC

    def _undo(self, controls: Controls) -> None:
        """The last control that was turned goes back; a preset that was recalled, too."""
        while self._before:
            name, settings = self._before.pop()
            if settings == controls.settings:
                continue
            self._send(Become(settings))
            if self._telemetry is not None:
                self._wishes.want(Become(settings), self._telemetry)
            self._answer(f"{told(name)} is as it was.")
            return
        self._answer("There is nothing to take back.")

    def _change_sound(self, voice: int, clicks: int) -> None:
        programs = list(self._telemetry.programs) if self._telemetry is not None else []
        if voice < len(programs):
            programs[voice] = next_sound(programs[voice], clicks)
            self._send(Programs(tuple(programs)))

    def _latch(self) -> None:
        self.keyboard.latch = not self.keyboard.latch
        if not self.keyboard.latch:
            for played in self.keyboard.release_all():
                self._send(played)

    def _pick(self, clicks: int, controls: Controls) -> None:
        if not self.repertoire.phrases:
            self._answer("There are no seed phrases to choose from.")
            return
        names = [phrase.name for phrase in self.repertoire.phrases]
        if controls.phrase in names:
            place = names.index(controls.phrase) + clicks
        else:
            place = 0 if clicks > 0 else -1
        self._wish(self.repertoire.phrases[place % len(names)], controls)

    def _wish(self, command: Command, controls: Controls, *, remember: bool = True) -> None:
        """Send a command that sets a control, unless it sets nothing or may not be."""
        try:
            if controls.after(command) == controls:
                return
        except SettingError as error:
            self._answer(str(error), urgent=True)
            return
        if remember:
            self._remember(control_of(command), controls.settings)
        self._send(command)
        if self._telemetry is not None and not _elsewhere(command, controls.settings):
            self._wishes.want(command, self._telemetry)

    def _remember(self, name: str | None, settings: Settings) -> None:
        """What `name` is turned away from; turning the same thing on is one change."""
        if name is None or (self._before and self._before[-1][0] == name):
            return
        self._before = [*self._before, (name, settings)][-UNDO_DEPTH:]

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
