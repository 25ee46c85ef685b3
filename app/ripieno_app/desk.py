"""Between the hands and the engine: what keys and clicks mean, and what comes of it. No Textual."""

from __future__ import annotations

from ripieno import knobs, surface
from ripieno.clock import Clock, Seconds
from ripieno.commands import (
    Become,
    Choose,
    Front,
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
from ripieno.errors import RipienoError
from ripieno.library.items import Looks, PhraseItem

from ripieno_app import ranges
from ripieno_app.exchange import WELCOME_STAYS, Exchange
from ripieno_app.keys import (
    Action,
    BringForward,
    ChangeLength,
    ChangeSound,
    Cycle,
    Deed,
    Dial,
    DialEnd,
    Layer,
    MoveOctave,
    PickPhrase,
    Send,
    TakeEnd,
    ToggleMute,
    ToggleSolo,
)
from ripieno_app.learnable import LEARNABLE, turned_by
from ripieno_app.messages import Client, Library
from ripieno_app.past import Back, Past
from ripieno_app.recorder import PhraseRecorder
from ripieno_app.sounds import next_sound, told
from ripieno_app.wishes import Controls, label

TAPPING = "Tap the beat a few times: the tempo follows."
LEARNING = "Learn: now the key of an action or of a control, or j to forget all."
UNTEACHABLE = "That cannot be learnt; the keys of actions and of controls can."


class Desk(Exchange):
    """The screen without its looks."""

    def __init__(self, client: Client, library: Library, looks: Looks, clock: Clock) -> None:
        super().__init__(client, library, looks, clock)
        self._learning = False

    @property
    def release_in(self) -> float | None:
        """Seconds until the next letter's note ends, None if none does by itself."""
        due = self.keyboard.next_due
        return None if due is None else max(0.0, due - self._clock.now())

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
        telemetry = self._telemetry
        if telemetry is not None:
            model = telemetry.model.partition(" ")[0] if what.model else ""
            before = Recall(self.preset, telemetry.settings, telemetry.programs or None, model)
            self._past.remember(told(None), before)
        self._send(what)
        self._answer(f"{title or what.name} comes at the next bar.")

    def saved_as(self, name: str) -> None:
        """What plays now is the preset `name`."""
        self.repertoire.saved_as(name, self._telemetry)

    def choose_phrase(self, item: PhraseItem) -> None:
        """Take a phrase as the seed."""
        if self._controls is not None:
            self._wish(Seed(item.name, item.notes), self._controls)

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
        if isinstance(action, DialEnd):
            action = Dial(self.range_end, action.clicks)
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
            case BringForward(place):
                self._bring_forward(place)
            case TakeEnd(name):
                self._take(name)
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
                self._past.remember(f"solo {voice}", Become(controls.settings))
                for command in surface.solo(controls.settings, voice):
                    self._wish(command, controls, remember=False)
            case ChangeSound(voice, clicks):
                self._change_sound(voice, clicks)
            case PickPhrase(clicks):
                self._pick(clicks, controls)

    def _bring_forward(self, place: int | None) -> None:
        """What is taken back is the front's own, so it begins anew with another one there."""
        told = self._telemetry
        if told is None or len(told.partners) < 2:
            self._answer("Only one plays: there is nobody to bring to the front.")
            return
        chosen = (told.front + 1) % len(told.partners) if place is None else place
        self._past = Past()
        self._send(Front(chosen))
        self._answer(f"The controls are those of {told.partners[chosen].name} now.")

    def _take(self, end: str) -> None:
        """This end of a range is in hand from now on."""
        self.range_end = end
        self._answer(ranges.told(end))

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
            case Deed.VOICE:
                self._take(ranges.next_voice(self.range_end))
            case Deed.END:
                self._take(ranges.other_end(self.range_end))
            case Deed.UNDO if controls is not None:
                self._undo(controls)

    def _learn(self, action: Action) -> bool:
        """The key after 'learn' names what is learnt. Whether that is all it does: panic panics."""
        if action in (Deed.LAYER, Deed.VOICE, Deed.END):  # on the way to what is learnt
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
        change = self._past.take_back(lambda back: self._stands(back, controls))
        if change is None:
            self._answer("There is nothing to take back.")
            return
        self._send(change.back)
        if self._telemetry is not None:
            self._wishes.want(change.back, self._telemetry)
        later = isinstance(change.back, Recall)
        name = change.name if later else told(change.name)
        self._answer(f"{name} {'comes back at the next bar' if later else 'is as it was'}.")

    def _stands(self, back: Back, controls: Controls) -> bool:
        """Whether it is as it was, so that there is nothing to take back."""
        telemetry = self._telemetry
        programs = telemetry.programs if telemetry is not None else ()
        match back:
            case Become(settings):
                return settings == controls.settings
            case Programs(before):
                return before == programs
            case Recall():
                same = back.settings == controls.settings and back.programs in (None, programs)
                return same and back.name == self.preset

    def _change_sound(self, voice: int, clicks: int) -> None:
        programs = list(self._telemetry.programs) if self._telemetry is not None else []
        if voice < len(programs):
            self._past.remember(f"sound {voice}", Programs(tuple(programs)))
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
