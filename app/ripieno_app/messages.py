"""What the screen's parts say to each other, and the client through which it knows the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ripieno.commands import Command
from ripieno.events import Notice, Telemetry
from textual.message import Message

from ripieno_app.keys import Action, Layer
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


class Asked(Message):
    """The player turned something with the mouse."""

    def __init__(self, action: Action) -> None:
        self.action = action
        super().__init__()


@dataclass(frozen=True, slots=True)
class Hands:
    """The computer keyboard: its layer, octave, note length in beats, and what is down."""

    layer: Layer
    octave: int
    length: float
    latch: bool
    sounding: frozenset[int]


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
