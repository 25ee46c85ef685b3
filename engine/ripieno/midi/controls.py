"""Footswitches, pads and knobs that issue commands: which control does what, and learning it. Pure.

A control is bound to one action, an action to any number of controls.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.commands import Action
from ripieno.errors import SettingError, nearest_name
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn

PRESSED = 64
"""From this value on a switch is down, as the MIDI 1.0 specification has it."""
NAMES = {64: "the sustain pedal", 66: "the sostenuto pedal", 67: "the soft pedal"}
_WORDS = {
    Action.ANSWER: "answers",
    Action.CADENCE: "brings the cadence",
    Action.LOOP: "loops",
    Action.MUTATE: "mutates",
    Action.UNDO: "undoes",
    Action.KEEP: "keeps",
    Action.PANIC: "silences all",
    Action.PLAY: "starts and stops",
    Action.TAP: "taps the tempo",
}


class Kind(StrEnum):
    """What can be touched."""

    CONTROLLER = "cc"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Control:
    """Something that can be touched: a controller or a note, 0…127.

    `channel` 0…15; None hears it on every channel.
    """

    kind: Kind
    number: int
    channel: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 127:
            raise SettingError(f"{self.kind} {self.number} is out of range", allowed="0…127")
        if self.channel is not None and not 0 <= self.channel <= 15:
            raise SettingError(f"channel {self.channel + 1} is out of range", allowed="1…16")

    def __str__(self) -> str:
        """As it is told to the player, with channels from 1."""
        name = f"{'controller' if self.kind is Kind.CONTROLLER else 'note'} {self.number}"
        if self.kind is Kind.CONTROLLER:
            name = NAMES.get(self.number, name)
        return name if self.channel is None else f"{name} on channel {self.channel + 1}"


@dataclass(frozen=True, slots=True)
class Binding:
    """`control` does `action`."""

    control: Control
    action: Action


Bindings = tuple[Binding, ...]


class Controls:
    """The bindings in force, and the hand on the controls."""

    def __init__(self, bindings: Bindings = ()) -> None:
        """Raises SettingError when one control is to do two things."""
        self._bound: dict[Control, Action] = {}
        for binding in bindings:
            if self._bound.setdefault(binding.control, binding.action) is not binding.action:
                raise SettingError(f"{binding.control} cannot do two things")
        self._learning: Action | None = None
        self._down: set[Control] = set()  # all with their channels
        self._ours: set[Control] = set()  # touched as controls: their release is not played

    @property
    def bindings(self) -> Bindings:
        """All of them, in the order in which they were learned."""
        return tuple(Binding(control, action) for control, action in self._bound.items())

    @property
    def learning(self) -> Action | None:
        """The action that waits for a control to be touched."""
        return self._learning

    def learn(self, action: Action | None) -> None:
        """The next control that is touched does `action`; None calls it off."""
        self._learning = action

    def forget(self, action: Action | None = None) -> None:
        """Nothing does `action` any more; None: nothing does anything."""
        self._learning = None
        keep = {} if action is None else self._bound
        self._bound = {control: bound for control, bound in keep.items() if bound is not action}

    def hear(self, message: MidiMessage) -> tuple[bool, tuple[Action, ...], str]:
        """Whether `message` was a command and not music; what it does; what to tell the player.

        A switch acts when it goes down and not when it comes up; a note when it is struck.
        """
        match message:
            case ControlChange(channel, number, value):
                control = Control(Kind.CONTROLLER, number, channel)
                return self._touch(control, pressed=value >= PRESSED)
            case NoteOn(channel, pitch, _):
                return self._touch(Control(Kind.NOTE, pitch, channel), pressed=True)
            case NoteOff(channel, pitch):
                return self._touch(Control(Kind.NOTE, pitch, channel), pressed=False)
        return False, (), ""

    def _touch(self, control: Control, *, pressed: bool) -> tuple[bool, tuple[Action, ...], str]:
        again = control in self._down and control.kind is Kind.CONTROLLER
        if not pressed:
            self._down.discard(control)
            ours = control in self._ours
            self._ours.discard(control)
            return ours or self._action(control) is not None, (), ""
        self._down.add(control)
        if self._learning is not None and not again:
            self._ours.add(control)
            return True, (), self._bind(control, self._learning)
        action = self._action(control)
        if action is None:
            return False, (), ""
        self._ours.add(control)
        return True, () if again else (action,), ""

    def _action(self, control: Control) -> Action | None:
        """What a control does; what is bound on every channel gives way to what is not."""
        anywhere = Control(control.kind, control.number)
        return self._bound.get(control, self._bound.get(anywhere))

    def _bind(self, control: Control, action: Action) -> str:
        self._learning = None
        before = self._action(control)
        self._bound[control] = action
        told = f"{control} {_WORDS[action]} now"
        told = told[0].upper() + told[1:]
        if before is not None and before is not action:
            told += f", and no longer {_WORDS[before]}"
        if control.kind is Kind.CONTROLLER and control.number in NAMES:
            told += "; it is no pedal any more. Choose another one, or forget it, to have it back"
        return told


def action_from(name: str) -> Action:
    """The action called `name`. Raises SettingError."""
    try:
        return Action(name)
    except ValueError:
        known = [action.value for action in Action]
        raise SettingError(
            f"there is no action {name!r}",
            allowed=", ".join(known),
            nearest=nearest_name(name, known),
        ) from None
