"""Controls that answer at once: what was asked for is shown before the engine has confirmed it.

A wish is *asked* until the telemetry agrees, then *coming* until the music reaches the place from
which it is heard. A wish that the engine does not take is dropped, and the old value comes back.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from ripieno import knobs
from ripieno.clock import Beats, Seconds
from ripieno.commands import Become, Choose, Command, Mute, Panic, Play, Seed, Stop, Turn
from ripieno.errors import SettingError
from ripieno.events import Telemetry
from ripieno.settings import Settings

from ripieno_app.notation import beats_text, pitch_name

PATIENCE = Seconds(1.0)
"""How long the engine may take to confirm, in its own time."""
AT_ONCE = frozenset(
    {"tempo", "swing", "count_in", "source", "on_loss", "send", "from_phrase", "metronome"}
    | {"hand_over", "speculate", "late", "assign", "follow"}
    | {"velocity", "transpose", "player_voice"}
)
"""Controls that do not wait for the horizon."""
_NAMES = {"stability": "stability"}
"""Shorter than the control's title."""

TRANSPORT, PHRASE, ALL = "transport", "phrase", "all"


def mute_name(voice: int) -> str:
    """The control that mutes `voice`."""
    return f"mute {voice}"


class State(StrEnum):
    """How far a wish has come."""

    ASKED = "asked"
    COMING = "coming"


@dataclass(frozen=True, slots=True)
class Controls:
    """The values of everything that can be set from here."""

    settings: Settings
    playing: bool
    phrase: str

    @classmethod
    def of(cls, telemetry: Telemetry) -> Controls:
        return cls(telemetry.settings, telemetry.playing, telemetry.phrase)

    def after(self, command: Command) -> Controls:
        """The controls once `command` is obeyed. Raises SettingError. Doing it twice is once."""
        match command:
            case Turn(name, value):
                return replace(self, settings=knobs.turn(self.settings, name, value))
            case Choose(name, value):
                return replace(self, settings=knobs.choose(self.settings, name, value))
            case Become(settings):
                return replace(self, settings=settings)
            case Mute(voice, muted):
                others = self.settings.muted - {voice}
                now = others | {voice} if muted else others
                return replace(self, settings=replace(self.settings, muted=now))
            case Play() | Stop() | Panic():
                return replace(self, playing=isinstance(command, Play))
            case Seed(name):
                return replace(self, phrase=name)
            case _:
                return self


@dataclass(frozen=True, slots=True)
class Wish:
    """A command on its way: the control it turns, and the place from which it will be heard."""

    control: str
    command: Command
    made: Seconds
    heard: Beats
    label: str
    state: State = State.ASKED


def control_of(command: Command) -> str | None:
    """The control that `command` sets, None for commands that set none."""
    match command:
        case Turn(name) | Choose(name):
            return name
        case Mute(voice):
            return mute_name(voice)
        case Play() | Stop() | Panic():
            return TRANSPORT
        case Seed():
            return PHRASE
        case Become():
            return ALL
        case _:
            return None


def label(command: Command) -> str:
    """'temperature 1.2': what a turned control is told as; '' for all other commands."""
    match command:
        case Turn(name, value):
            knob = knobs.knob(name)
            title = _NAMES.get(name, knob.title)
            if knob.unit == "pitch":
                return f"{title} {pitch_name(int(value))}"
            return f"{title} {beats_text(value) if knob.unit == 'beats' else f'{value:g}'}"
        case Choose(name, value):
            return f"{knobs.switch(name).title} {value}"
        case _:
            return ""


class Wishes:
    """All that was asked for and is not heard yet."""

    def __init__(self) -> None:
        self._wishes: dict[str, Wish] = {}

    @property
    def coming(self) -> tuple[Wish, ...]:
        """The wishes, oldest first."""
        return tuple(self._wishes.values())

    def want(self, command: Command, telemetry: Telemetry) -> None:
        """Remember `command`, which was just sent. A newer wish for a control replaces the old."""
        control = control_of(command)
        if control is None:
            return
        heard = _horizon(telemetry) if _waits(command) else telemetry.beat
        self._wishes.pop(control, None)
        self._wishes[control] = Wish(control, command, telemetry.at, heard, label(command))

    def settle(self, telemetry: Telemetry) -> list[Wish]:
        """Let go of what is heard by now. Returns what the engine did not take."""
        confirmed = Controls.of(telemetry)
        lost = []
        for control, before in list(self._wishes.items()):
            wish = self._wishes[control] = _up_to_date(before, confirmed, telemetry)
            late = telemetry.at > wish.made + PATIENCE
            if wish.state is State.ASKED and late:
                lost.append(wish)
            if _is_heard(wish, telemetry) if wish.state is State.COMING else late:
                del self._wishes[control]
        return lost

    def applied(self, telemetry: Telemetry) -> Controls:
        """The controls as the player wants them."""
        controls = Controls.of(telemetry)
        for wish in self.coming:
            if wish.state is State.ASKED:
                with suppress(SettingError):  # another control has moved under it since
                    controls = controls.after(wish.command)
        return controls


def _done(controls: Controls, command: Command) -> bool:
    try:
        return controls.after(command) == controls
    except SettingError:
        return False


def _up_to_date(wish: Wish, confirmed: Controls, telemetry: Telemetry) -> Wish:
    """The wish as it stands now. Where the music has jumped back, it is heard earlier too."""
    known = wish.state is State.COMING or _done(confirmed, wish.command)
    heard = Beats(min(wish.heard, _horizon(telemetry)))
    return replace(wish, state=State.COMING if known else State.ASKED, heard=heard)


def _is_heard(wish: Wish, telemetry: Telemetry) -> bool:
    waits = _waits(wish.command) and telemetry.playing
    return not waits or telemetry.beat >= wish.heard


def _waits(command: Command) -> bool:
    """Whether `command` is heard from the horizon on, and not at once."""
    return isinstance(command, Turn | Choose) and command.name not in AT_ONCE


def _horizon(telemetry: Telemetry) -> Beats:
    return max(telemetry.beat, telemetry.committed)
