"""Footswitches, pads and knobs that issue commands: which control does what, and learning it. Pure.

A control is bound to one action, or to one thing that is turned (`surface.py`); either may have any
number of controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ripieno.commands import Action
from ripieno.errors import SettingError
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn

PRESSED = 64
"""From this value on a switch is down, as the MIDI 1.0 specification has it."""
STRUCK = 127
"""The value of a note that was struck, however hard."""
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
    Action.NEXT: "brings the next preset",
    Action.LIKE: "likes",
    Action.DISLIKE: "dislikes",
}


class Kind(StrEnum):
    """What can be touched."""

    CONTROLLER = "cc"
    NOTE = "note"


class Way(StrEnum):
    """How a controller's values are meant."""

    ABSOLUTE = "absolute"
    """Where it stands is the value."""
    PICK_UP = "pick-up"
    """The same, but only once it has passed where the value stands: nothing jumps."""
    RELATIVE = "relative"
    """Clicks: 1…63 up, 127…65 down (two's complement), as endless encoders send them."""
    RELATIVE_64 = "relative-64"
    """Clicks around 64: 65…127 up, 63…0 down (offset binary)."""
    RELATIVE_SIGN = "relative-sign"
    """Clicks: 1…63 up, 65…127 down (sign and magnitude)."""


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
    """`control` does `action`, or turns what that names: in this way, between `low` and `high`.

    `low` and `high` are in the unit of what is turned; None covers all that is comfortable.
    """

    control: Control
    action: Action | str
    way: Way = Way.ABSOLUTE
    low: float | None = None
    high: float | None = None

    @property
    def turns(self) -> bool:
        """Whether something is turned, and not an action done."""
        return not isinstance(self.action, Action)


@dataclass(frozen=True, slots=True)
class Touch:
    """The control of `binding` was moved to `value` 0…127; a note counts as 127."""

    binding: Binding
    value: int


Bindings = tuple[Binding, ...]
Waiting = tuple[tuple[Action | str, Way], ...]
Heard = tuple[bool, tuple[Action | Touch, ...], str]
"""Whether it was a command and not music; what it does; what to tell the player."""
MUSIC: Heard = (False, (), "")


class Controls:
    """The bindings in force, and the hand on the controls."""

    def __init__(self, bindings: Bindings = ()) -> None:
        """Raises SettingError when one control is to do two things."""
        self._bound: dict[Control, Binding] = {}
        for binding in bindings:
            if self._bound.setdefault(binding.control, binding).action != binding.action:
                raise SettingError(f"{binding.control} cannot do two things")
        self._wanted: list[tuple[Action | str, Way]] = []
        self._down: set[Control] = set()  # all with their channels
        self._ours: set[Control] = set()  # touched as controls: their release is not played

    @property
    def bindings(self) -> Bindings:
        """All of them, in the order in which they were learned."""
        return tuple(self._bound.values())

    @property
    def learning(self) -> Action | str | None:
        """What waits for a control to be touched."""
        return self._wanted[0][0] if self._wanted else None

    @property
    def waiting(self) -> Waiting:
        """All that wait for controls to be touched, in order, each with its way."""
        return tuple(self._wanted)

    def wait_for(self, wanted: Waiting) -> None:
        """The next controls that are touched do this, one after the other; () calls it off."""
        self._wanted = list(wanted)

    def learn(self, action: Action | str | None, way: Way = Way.ABSOLUTE) -> None:
        """The next control that is touched does `action`; None calls it off."""
        self._wanted = [] if action is None else [(action, way)]

    def learn_all(self, actions: Sequence[Action]) -> None:
        """The next controls that are touched do `actions`, one after the other."""
        self._wanted = [(action, Way.ABSOLUTE) for action in actions]

    def forget(self, action: Action | None = None) -> None:
        """Nothing does `action` any more; None: nothing does anything."""
        self._wanted = []
        keep = {} if action is None else self._bound
        self._bound = {control: bound for control, bound in keep.items() if bound.action != action}

    def hear(self, message: MidiMessage) -> Heard:
        """What `message` means.

        A switch acts when it goes down and not when it comes up; a note when it is struck. What
        turns something acts with every value.
        """
        match message:
            case ControlChange(channel, number, value):
                control = Control(Kind.CONTROLLER, number, channel)
                if self._turns(control):
                    return self._turn(control, value)
                return self._touch(control, pressed=value >= PRESSED)
            case NoteOn(channel, pitch, _):
                return self._touch(Control(Kind.NOTE, pitch, channel), pressed=True)
            case NoteOff(channel, pitch):
                return self._touch(Control(Kind.NOTE, pitch, channel), pressed=False)
        return MUSIC

    def _turns(self, control: Control) -> bool:
        """Whether each value of this controller counts: it turns something, or is to learn it."""
        if self._wanted:
            return not isinstance(self._wanted[0][0], Action) and control not in self._down
        binding = self._binding(control)
        return binding is not None and binding.turns

    def _turn(self, control: Control, value: int) -> Heard:
        if self._wanted:
            return True, (), self._bind(control)
        binding = self._binding(control)
        return MUSIC if binding is None else (True, (Touch(binding, value),), "")

    def _touch(self, control: Control, *, pressed: bool) -> Heard:
        again = control in self._down and control.kind is Kind.CONTROLLER
        if not pressed:
            self._down.discard(control)
            ours = control in self._ours
            self._ours.discard(control)
            return ours or self._binding(control) is not None, (), ""
        self._down.add(control)
        if self._wanted and not again:
            self._ours.add(control)
            return True, (), self._bind(control)
        binding = self._binding(control)
        if binding is None:
            return MUSIC
        self._ours.add(control)
        if again:
            return True, (), ""
        action = binding.action
        return True, (action if isinstance(action, Action) else Touch(binding, STRUCK),), ""

    def _binding(self, control: Control) -> Binding | None:
        """What a control does; what is bound on every channel gives way to what is not."""
        anywhere = Control(control.kind, control.number)
        return self._bound.get(control, self._bound.get(anywhere))

    def _bind(self, control: Control) -> str:
        action, way = self._wanted.pop(0)
        before = self._binding(control)
        self._bound[control] = Binding(control, action, way)
        told = f"{control} {_does(action)} now"
        told = told[0].upper() + told[1:]
        if before is not None and before.action != action:
            told += f", and no longer {_does(before.action)}"
        if control.kind is Kind.CONTROLLER and control.number in NAMES:
            told += "; it is no pedal any more. Choose another one, or forget it, to have it back"
        if self._wanted:
            told += f". Next: {told_of(self._wanted[0][0])}"
        return told


def told_of(action: Action | str) -> str:
    """'answer', or 'key lock': the name of what is learned, for the player."""
    return str(action.value) if isinstance(action, Action) else action.replace("_", " ")


def _does(action: Action | str) -> str:
    return _WORDS[action] if isinstance(action, Action) else f"turns {told_of(action)}"
