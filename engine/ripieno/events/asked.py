"""What passes between realtime and inference: requests, planned steps, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.clock import Beats, Seconds
from ripieno.grammar.grid import VOICES
from ripieno.settings import Settings


@dataclass(frozen=True, slots=True)
class Note:
    """A note on the score. `voice` 0…3 (S, A, T, B) or a slot, `duration` None while it sounds."""

    voice: int
    pitch: int
    velocity: int
    onset: Beats
    duration: Beats | None


@dataclass(frozen=True, slots=True)
class Request:
    """Plan [begin, end), knowing what was heard.

    What inference knows before `since` stands. In [since, begin) the voices in `given` did
    exactly what `heard` says, and inference fills the other voices silently. In [begin, end) the
    voices in `player` do what `heard` says, and inference decides the others and sends each step
    as a `Planned` as soon as it is decided. `fresh` forgets everything before `since`.
    An empty span (begin == end) only brings the context up to date.
    """

    epoch: int
    since: Beats
    begin: Beats
    end: Beats
    heard: tuple[Note, ...]
    given: tuple[int, ...]
    player: tuple[int, ...]
    settings: Settings
    cadence: Beats | None = None
    """The beat on which the player asked for a fermata, if any."""
    fresh: bool = False
    at_once: bool = False
    """Accompany: the notes of `begin` are wanted now, wherever the beat is."""
    final: bool = False
    """The plan's last step: what sounds at `end` stops there."""
    number: int = 0
    """Counts the requests of a performance, from 1."""
    density: float | None = None
    """How busy the machine should be, in onsets per beat and voice; None leaves it to the model."""


def part_of(voice: int) -> int:
    """The voice 0…3 whose instrument, channel, range and strip the slot `voice` shares."""
    return voice % len(VOICES)


@dataclass(frozen=True, slots=True)
class Sounding:
    """What one voice does in a step: it sounds `pitch` (None: it rests), struck anew or held.

    A voice that sounds several notes at once has slots, 4, 8, 12 … above its number: see `part_of`.
    """

    voice: int
    pitch: int | None
    struck: bool
    velocity: int


class Rung(StrEnum):
    """How well a step could be served, best first: the ladder that a short budget walks down."""

    FULL = "full"
    """As many candidates as were asked for."""
    FEWER = "fewer candidates"
    SHORTER = "shorter context"
    SMALLER = "smaller model"
    HOLD = "hold"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Planned:
    """One decided step [begin, end): the whole state of every voice that the machine plays.

    It tells states and not changes, so that realtime can sound them whatever came between.
    """

    epoch: int
    begin: Beats
    end: Beats
    voices: tuple[Sounding, ...]
    at_once: bool
    seconds: Seconds
    """What the whole step cost: model, rules, drawing."""
    model_seconds: Seconds
    """Of which the bare model runs."""
    served: bool
    """False when the budget ran out and the rest of the step was held."""
    relaxed: tuple[str, ...] = ()
    """Soft rules that had to be given up, by name."""
    request: int = 0
    """The number of the request that asked for it."""
    rung: Rung = Rung.FULL
    candidates: int = 1
    """How many whole steps were drawn, of which this one was the best."""
    begun: Rung = Rung.FULL
    """The rung on which the step was begun; `rung` tells how it ended."""
    decided: int = 4
    """How many voices the model decided in time; the machine's others held or rested."""


@dataclass(frozen=True, slots=True)
class Served:
    """Inference is done with a request: it decided `steps` of it.

    `void` when newer ones had overtaken it, so that only its context was told, or it was left
    after those steps. With this, what inference did can be done again in the same order.
    """

    request: int
    steps: int
    void: bool


@dataclass(frozen=True, slots=True)
class InferenceReady:
    """Inference has loaded the bundle `model` at `precision` and is warm."""

    model: str
    precision: str
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class InferenceFailed:
    """Inference could not load or go on; `sentence` is for the player."""

    sentence: str


@dataclass(frozen=True, slots=True)
class InferenceSaid:
    """Inference goes on, but the player should know of this."""

    sentence: str


InferenceMessage = Planned | Served | InferenceReady | InferenceFailed | InferenceSaid
