"""What the screen's parts say to each other, and the client through which it knows the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ripieno.commands import Audition, Command
from ripieno.events import Note, Notice, PartnerState, Telemetry
from ripieno.library.items import ModelItem, PhraseItem, PresetItem, TakeItem
from ripieno.settings import Settings
from textual.message import Message

from ripieno_app.keys import Action, Layer
from ripieno_app.ranges import FIRST
from ripieno_app.wishes import Controls, State, Wish


class Client(Protocol):
    """The engine, seen from a screen."""

    def send(self, command: Command) -> None:
        """Send `command`. Raises ripieno.channel.Closed when the engine is gone."""

    def fileno(self) -> int:
        """Readable when telemetry has come."""
        ...

    def latest(self) -> Telemetry | None:
        """The newest telemetry since the last call, None when nothing is new. Raises Closed."""
        ...

    def close(self) -> None:
        """Let go of the engine."""


class Library(Protocol):
    """The shelves, seen from a screen. Every call may raise RipienoError, and may take a while."""

    def phrases(self) -> tuple[PhraseItem, ...]: ...

    def record_phrase(self, slot: int, notes: Sequence[Note], meter: str) -> PhraseItem: ...

    def import_phrase(self, path: str) -> PhraseItem: ...

    def delete_phrase(self, name: str) -> None: ...

    def presets(self) -> tuple[PresetItem, ...]: ...

    def set_list(self) -> tuple[str, ...]: ...

    def changes(
        self,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> tuple[str, ...]:
        """What differs from the saved preset `name`, in words; of an ensemble, for each of the
        `players`."""

    def save_preset(
        self,
        base: str,
        name: str,
        settings: Settings,
        programs: tuple[int, ...],
        players: Sequence[PartnerState] = (),
    ) -> str: ...

    def models(self) -> tuple[ModelItem, ...]: ...

    def measure_model(self, name: str) -> ModelItem: ...

    def takes(self) -> tuple[TakeItem, ...]: ...

    def audition_take(self, name: str) -> Audition: ...

    def rename_take(self, name: str, new: str) -> None: ...

    def delete_take(self, name: str) -> None: ...

    def restore_take(self) -> str:
        """Bring back the take that was deleted last; its name."""
        ...

    def rate_take(self, name: str, liking: int) -> int:
        """Think better or worse of a whole take; what is thought of it now, -1…1."""
        ...

    def export_take(self, name: str) -> str: ...

    def welcomed(self) -> bool: ...

    def remember_welcome(self) -> None: ...


class Asked(Message):
    """The player turned something with the mouse."""

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__()


class Struck(Message):
    """The player clicked a letter's piano key."""

    def __init__(self, letter: str) -> None:
        self.letter = letter
        super().__init__()


@dataclass(frozen=True, slots=True)
class Hands:
    """The computer keyboard: its layer, octave, note length in beats, what is down and in hand."""

    layer: Layer
    octave: int
    length: float
    latch: bool
    sounding: frozenset[int]
    range_end: str = FIRST
    """The knob of the end of a range that is in hand."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the notice line says. `number` is the notice's, None for the screen's own answers."""

    text: str
    urgent: bool = False
    number: int | None = None

    @classmethod
    def of(cls, notice: Notice) -> Words:
        return cls(notice.text, notice.urgent, notice.number)


@dataclass(frozen=True, slots=True)
class View:
    """All that one frame shows. `controls` are as the player wants them, telemetry as they are."""

    telemetry: Telemetry
    controls: Controls
    wishes: tuple[Wish, ...]
    pending: Mapping[str, State]
    """The controls whose new value is not heard yet."""
    hands: Hands
    words: tuple[Words, ...]
    """What the notice lines say, the newest first."""
    preset: str
    """The title of the preset that plays."""
    changed: bool = False
    """Whether something differs from it."""
    recording: int | None = None
    """The slot that a phrase is recorded into."""
