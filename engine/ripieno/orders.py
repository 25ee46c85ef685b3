"""What is asked of a performance, by the screen, a pedal, a knob or OSC, and who does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from ripieno import resources
from ripieno.audition import Auditioner
from ripieno.clock import Seconds
from ripieno.commands import (
    Action,
    AnswerNow,
    Audition,
    Cadence,
    Choose,
    Command,
    Do,
    Keep,
    KeyPlayed,
    Learn,
    LearnAll,
    Locate,
    Loop,
    Mutate,
    Panic,
    Play,
    Quit,
    Rate,
    Recall,
    SaveLast,
    Stop,
    Tap,
    Tell,
    Undo,
)
from ripieno.errors import RipienoError
from ripieno.events import NoteOff, NoteOn, Phase, Stamped
from ripieno.inference.hosts import Hosts
from ripieno.midi.control_board import ControlBoards, Lamps
from ripieno.performance import Performance
from ripieno.rack import Rack
from ripieno.scenes import Scenes
from ripieno.seating import Seating
from ripieno.stage import Script, Stage
from ripieno.timekeeper import Timekeeper

KEYBOARD_CHANNEL = 0
"""What the computer's keyboard plays."""

_ACTIONS: dict[Action, Command] = {
    Action.ANSWER: AnswerNow(),
    Action.CADENCE: Cadence(),
    Action.LOOP: Loop(),
    Action.MUTATE: Mutate(),
    Action.UNDO: Undo(),
    Action.KEEP: Keep(),
    Action.PANIC: Panic(),
    Action.LIKE: Rate(1),
    Action.DISLIKE: Rate(-1),
}


class Orders:
    """Everything that a performance can be told to do. `leave` ends it.

    `controllers` are the inputs whose controls may learn, by name, each with the way back to it.
    """

    def __init__(
        self,
        stage: Stage,
        performance: Performance,
        timekeeper: Timekeeper,
        host: Hosts,
        script: Script,
        leave: Callable[[], None],
        controllers: Sequence[tuple[str, Lamps | None]],
        rack: Rack,
    ) -> None:
        self.board = ControlBoards(controllers, self.act, performance.say)
        self.auditioner = Auditioner(performance.sound)
        self.scenes = Scenes(
            performance,
            timekeeper.wish,
            self._load,
            host,
            rack,
            (stage.preset.name, stage.preset.routing),
        )
        self.seating = Seating(stage, performance, host, rack, self.scenes)
        self._rack = rack
        self._stage, self._show, self._timekeeper = stage, performance, timekeeper
        self._host, self._script, self._leave = host, script, leave

    def look(self, now: Seconds) -> None:
        """Do what was asked for this moment."""
        self._rack.look(now)
        self.scenes.look(now)
        self.seating.look(now)
        if (waiting := self.seating.waiting()) is not None:
            self._recall(waiting, now)
        self.auditioner.look(now)

    def wake(self) -> tuple[Seconds | None, ...]:
        """When there is something to be done next."""
        return self.scenes.wake(), self.seating.wake(), self.auditioner.wake()

    def act(self, what: Action | Command, at: Seconds) -> None:
        """What a footswitch, a pad or a controller was taught to do."""
        if not isinstance(what, Action):
            self.obey(what, at)
        elif what is Action.NEXT:
            self._next_scene(at)
        else:
            toggled = Stop() if self._show.playing else Play()
            own = {Action.PLAY: toggled, Action.TAP: Tap(at)}
            self.obey(own.get(what) or _ACTIONS[what], at)

    def _next_scene(self, now: Seconds) -> None:
        """The next preset of the set list, from the next bar on."""
        scenes = self._stage.set_list
        if not scenes:
            self._show.say("There is no set list to go on in")
            return
        names = [scene.name for scene in scenes]
        here = self.coming or self.scenes.current or self._stage.preset.name
        place = names.index(here) + 1 if here in names else 0
        self.obey(scenes[place % len(scenes)], now)

    def obey(self, command: Command, now: Seconds) -> None:
        """Do what a client asks for, here or by whoever does it."""
        show = self._show
        match command:
            case Play():
                if self._host.ready:  # else it starts by itself, as soon as the model is there
                    self._timekeeper.play(now)
            case Stop():
                self._timekeeper.stop(now)
            case Panic():
                self.auditioner.hush(now)
                show.panic(now)
            case Audition():
                self.auditioner.begin(command, now)
            case Recall():
                self._recall(command, now)
            case Do(action):
                self.act(action, now)
            case LearnAll():
                self.board.learn_all()
            case Locate(beat):
                show.locate(beat, now)
            case Tap(at):
                self._timekeeper.tap(at, now)
            case Tell(text, urgent):
                show.say(text, urgent=urgent)
            case Learn(action):
                self.board.learn(action)
            case SaveLast():
                return  # a client's own business
            case Quit():
                self._leave()
            case KeyPlayed(pitch, velocity, pressed):
                note = NoteOn(KEYBOARD_CHANNEL, pitch, velocity)
                message = note if pressed else NoteOff(KEYBOARD_CHANNEL, pitch)
                if pressed:
                    self._script.interrupted(show, now)
                show.hear(Stamped(now, message))
            case Choose("model", name):
                self._switch(name, now)
            case _:
                self._timekeeper.wish(command, now)

    @property
    def coming(self) -> str:
        """The name of what was recalled and has not come yet, '' for nothing."""
        return self.seating.coming or self.scenes.coming

    def _recall(self, what: Recall, now: Seconds) -> None:
        """By those who play, or by others."""
        if self.seating.concerns(what):
            self.scenes.forsake()
            self.seating.recall(what, now)
        else:
            self.seating.forsake(now)
            self.scenes.recall(what, now)

    def _switch(self, name: str, now: Seconds) -> None:
        """Another model, by its name or its folder."""
        try:
            self._host.switch(resources.bundle_folder(name), now)
        except RipienoError as error:
            self._show.say(str(error), urgent=True)

    def _load(self, name: str) -> None:
        """The model of a preset that is recalled, unless it plays already."""
        if not self._host.title.startswith(f"{name} "):
            self._switch(name, Seconds(perf_counter()))

    def begin(self, now: Seconds) -> None:
        """The model is there, or cannot be had: the music may begin."""
        if not self._timekeeper.followed:
            self._show.play(now)

    def lit(self) -> frozenset[Action]:
        """The actions whose lamps are lit."""
        show = self._show
        states = {
            Action.PLAY: show.playing,
            Action.ANSWER: show.phase is Phase.ANSWERING,
            Action.NEXT: bool(self.coming),
        }
        return frozenset(action for action, lit in states.items() if lit)
