"""What the shelves hold, as a screen shows it. Frozen; nothing here opens a file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.commands import Recall
from ripieno.events import Note


@dataclass(frozen=True, slots=True)
class Looks:
    """How a screen begins: the preset that plays, by name and title, and what it looks like."""

    preset: str
    title: str
    theme: str = ""
    """'' is the one that was chosen last, or the dark one."""
    compact: bool = False
    guide: bool = False
    """Whether it begins with the first minute."""


@dataclass(frozen=True, slots=True)
class PhraseItem:
    """A seed phrase. `own` if it is the player's, `problem` says why it cannot be used."""

    name: str
    title: str
    source: str = ""
    year: str = ""
    notes: tuple[Note, ...] = ()
    own: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PresetItem:
    """A preset. `recall` brings it at the next bar; None where it cannot be read (`problem`)."""

    name: str
    title: str
    about: str = ""
    recall: Recall | None = None
    scenes: tuple[Recall, ...] = ()
    own: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ModelItem:
    """A model. `step_ms` is what a step costs on this machine, None if nobody has measured it."""

    name: str
    title: str
    licence: str = ""
    megabytes: float = 0.0
    precisions: tuple[str, ...] = ()
    card: str = ""
    step_ms: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TakeItem:
    """A take on the disk. `rating` is liked minus disliked places."""

    name: str
    preset: str = ""
    model: str = ""
    begun: str = ""
    """The date and time of its file."""
    kilobytes: int = 0
    rating: int = 0
    rated: int = 0
    """How many places the player has given an opinion on."""
    opinion: int = 0
    """What the player thinks of the whole take: 1, -1, or 0 for no opinion."""
    problem: str = ""
