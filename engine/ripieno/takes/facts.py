"""What a take remembers: one frozen class for each kind of fact.

Some facts tell what was heard (notes, controllers, marks). The others tell what came in and what
was asked, so that a performance can be played again and computed again: `replay.py`, `rerun.py`.
`beat` is score time, `at` the performance's clock, whose value at the start the header tells;
`partner` says which of an ensemble it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.clock import Beats, Meter, Seconds, TempoMap
from ripieno.commands import Command
from ripieno.events import MidiMessage, Note, Planned, Request, Rung, Sounding
from ripieno.takes.header import Chair


class Source(StrEnum):
    """Who plays."""

    PLAYER = "player"
    MODEL = "model"
    SEED = "seed"
    CLICK = "click"


class Mark(StrEnum):
    """Places in a performance."""

    PLAYED = "played"
    """The transport starts, or goes on."""
    STOPPED = "stopped"
    PHRASE_BEGINS = "phrase begins"
    PHRASE_ENDS = "phrase ends"
    ANSWER_BEGINS = "answer begins"
    ANSWER_ENDS = "answer ends"
    CADENCE = "cadence"
    KEPT = "kept"
    """The player liked the last answer, and kept it."""
    LIKED = "liked"
    DISLIKED = "disliked"
    """What the player thought of what was played last."""
    PANIC = "panic"
    NOTICE = "notice"
    """Something that the player was told; the text says what."""


# ---- what was heard ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteStarted:
    """A note began to sound. `planned` is the moment it was due, None for a player's note."""

    source: Source
    voice: int | None
    channel: int
    pitch: int
    velocity: int
    beat: Beats
    planned: Seconds | None
    at: Seconds
    partner: int = 0
    """Whose it is: the place in the ensemble, 0 for the first or only one."""


@dataclass(frozen=True, slots=True)
class NoteEnded:
    """A note was released."""

    source: Source
    voice: int | None
    channel: int
    pitch: int
    beat: Beats
    at: Seconds
    partner: int = 0


@dataclass(frozen=True, slots=True)
class ControlMoved:
    """The player moved a controller, such as a pedal."""

    channel: int
    controller: int
    value: int
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class BendMoved:
    """The player moved the pitch wheel. `value` -8192…8191, 0 in the middle."""

    channel: int
    value: int
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class SoundChosen:
    """From now on `channel` plays on the General MIDI program `program`, both from 0."""

    channel: int
    program: int
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class TempoSet:
    """From `beat` on, `bpm` quarter notes a minute."""

    bpm: float
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class MeterSet:
    """From `beat` on, this meter."""

    meter: Meter
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Turned:
    """A knob or a switch was set; `value` as it is shown, in its unit."""

    name: str
    value: str
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Marked:
    """The performance came to a place worth remembering."""

    mark: Mark
    text: str
    beat: Beats
    at: Seconds
    partner: int = 0


# ---- what inference was asked and what it did ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Inference was asked for [request.begin, request.end): one chunk of the performance."""

    request: Request
    at: Seconds
    partner: int = 0


@dataclass(frozen=True, slots=True)
class RequestServed:
    """Inference is done with a request; see `events.Served`. The order of these facts is the
    order in which it served them."""

    request: int
    steps: int
    void: bool
    at: Seconds
    partner: int = 0


@dataclass(frozen=True, slots=True)
class StepPlanned:
    """A step [beat, end) came from inference; see `events.Planned` for what is told of it.

    `served` is False for a step that missed its deadline and was held; `void` is True when nobody
    wanted it any more when it came.
    """

    epoch: int
    beat: Beats
    end: Beats
    seconds: Seconds
    served: bool
    relaxed: tuple[str, ...]
    at: Seconds
    voices: tuple[Sounding, ...] = ()
    at_once: bool = False
    model_seconds: Seconds = Seconds(0.0)
    request: int = 0
    rung: Rung = Rung.FULL
    candidates: int = 1
    void: bool = False
    begun: Rung = Rung.FULL
    decided: int = 4
    partner: int = 0

    @classmethod
    def of(
        cls, planned: Planned, at: Seconds, *, void: bool = False, partner: int = 0
    ) -> StepPlanned:
        """`planned` as it came at `at`."""
        return cls(
            planned.epoch,
            planned.begin,
            planned.end,
            planned.seconds,
            planned.served,
            planned.relaxed,
            at,
            planned.voices,
            planned.at_once,
            planned.model_seconds,
            planned.request,
            planned.rung,
            planned.candidates,
            void,
            planned.begun,
            planned.decided,
            partner,
        )

    def planned(self) -> Planned:
        """What came."""
        return Planned(
            self.epoch,
            self.beat,
            self.end,
            self.voices,
            self.at_once,
            self.seconds,
            self.model_seconds,
            self.served,
            self.relaxed,
            self.request,
            self.rung,
            self.candidates,
            self.begun,
            self.decided,
        )


@dataclass(frozen=True, slots=True)
class StepMissed:
    """A step that was due had not come in time."""

    beat: Beats
    at: Seconds
    partner: int = 0


@dataclass(frozen=True, slots=True)
class ModelReady:
    """An inference process began, with nothing in its memory. `precision` is the one chosen."""

    model: str
    precision: str
    at: Seconds
    bundle: str = ""
    """SHA-256 of the bundle's manifest; '' for that of the header."""
    partner: int = 0


@dataclass(frozen=True, slots=True)
class Restarted:
    """Inference has been started again, without a memory, and is told what was heard lately."""

    heard: tuple[Note, ...]
    at: Seconds
    line: Beats | None = None
    """The bar line from which another model goes on; None: as soon as it can."""
    partner: int = 0


@dataclass(frozen=True, slots=True)
class Invited:
    """Others come to play: they do from the bar line `line` on, and who played until then ends
    there; at once where nothing plays. Their places go on counting."""

    chairs: tuple[Chair, ...]
    thru: bool
    thru_channel: int
    thru_program: int
    click_channel: int
    line: Beats
    at: Seconds


# ---- what came in and went out -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the player's, as it came. Who `keeps_time` plays on our grid, like a file."""

    message: MidiMessage
    keeps_time: bool
    at: Seconds


@dataclass(frozen=True, slots=True)
class Wished:
    """A command of the player's, or one that the performance gave itself, such as its end."""

    command: Command
    at: Seconds


@dataclass(frozen=True, slots=True)
class Steered:
    """Somebody else who keeps the time moved the tempo map, or, if `begins`, started the music."""

    tempo: TempoMap
    begins: bool
    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody else who keeps the time will jump instead of reaching `beat`."""

    beat: Beats
    at: Seconds


@dataclass(frozen=True, slots=True)
class Woke:
    """The performance did what was due by now, and what its outputs must know `lead` before."""

    at: Seconds
    lead: Seconds = Seconds(0.0)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message went out to every output, to sound at `at`: its `bytes` in hexadecimal."""

    bytes: str
    at: Seconds


@dataclass(frozen=True, slots=True)
class Silenced:
    """Every output was told to be silent on every channel."""

    at: Seconds


Fact = (
    NoteStarted | NoteEnded | ControlMoved | BendMoved | TempoSet | MeterSet | Turned | Marked
    | Asked | RequestServed | StepPlanned | StepMissed | ModelReady | Restarted
    | Heard | Wished | Steered | Leaving | Woke | Sent | Silenced | SoundChosen | Invited
)  # fmt: skip
OnScore = (
    NoteStarted | NoteEnded | ControlMoved | BendMoved | TempoSet | MeterSet | Turned | Marked
    | Steered | SoundChosen
)  # fmt: skip
"""Facts that have their place on the score."""
