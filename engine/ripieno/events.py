"""The facts that cross a boundary: frozen, one class for each, nothing shared, nothing optional
that a reader could forget. Beats are score time, Seconds the monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ripieno.clock import Beats, Seconds
from ripieno.grammar.grid import VOICES
from ripieno.settings import Settings

# ---- from an instrument -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key went down. `channel` 0…15, `pitch` 0…127, `velocity` 1…127."""

    channel: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key came up."""

    channel: int
    pitch: int


@dataclass(frozen=True, slots=True)
class ControlChange:
    """A controller moved. `controller` and `value` 0…127."""

    channel: int
    controller: int
    value: int


@dataclass(frozen=True, slots=True)
class PitchBend:
    """The wheel moved. `value` -8192…8191, 0 in the middle."""

    channel: int
    value: int


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """Another sound was chosen. `program` 0…127."""

    channel: int
    program: int


class Transport(StrEnum):
    """What a MIDI clock says besides its ticks."""

    START = "start"
    """Go, from the beginning, with the next tick."""
    CONTINUE = "continue"
    """Go on, from the song position, with the next tick."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ClockTick:
    """A twenty-fourth of a quarter note has passed."""


@dataclass(frozen=True, slots=True)
class ClockTransport:
    """The clock's owner starts, goes on or stops."""

    what: Transport


@dataclass(frozen=True, slots=True)
class SongPosition:
    """The clock's owner stands at so many sixteenths, 0…16383, from the beginning."""

    sixteenths: int


ClockMessage = ClockTick | ClockTransport | SongPosition
MidiMessage = NoteOn | NoteOff | ControlChange | PitchBend | ProgramChange | ClockMessage


@dataclass(frozen=True, slots=True)
class Stamped:
    """A `message` from an instrument, with the moment `at` which it came in.

    `source` says from which one, counted from 0 in the order of the inputs.
    """

    at: Seconds
    message: MidiMessage
    source: int = 0


# ---- between realtime and inference -------------------------------------------------------


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

# ---- from realtime to clients -----------------------------------------------------------------


class Look(StrEnum):
    """How a note is drawn."""

    PLAYER = "player"
    MODEL = "model"
    COMMITTED = "committed"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class RollNote:
    """A note on the piano roll. `duration` reaches to now while it sounds."""

    voice: int
    pitch: int
    onset: Beats
    duration: Beats
    look: Look
    partner: int = 0
    """Whose it is, in an ensemble: its place there."""


@dataclass(frozen=True, slots=True)
class Latency:
    """One stage's latencies since the start: p50, p95 and p99 in ms over `count` events."""

    stage: str
    p50: float
    p99: float
    count: int
    p95: float = 0.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the player should read. `number` counts up; `urgent` if it needs action."""

    number: int
    text: str
    urgent: bool


class Phase(StrEnum):
    """Whose turn it is."""

    STOPPED = "stopped"
    IDLE = "idle"
    LISTENING = "listening"
    ANSWERING = "answering"
    PLAYING = "playing"
    ACCOMPANYING = "accompanying"


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where the time comes from: `source` as in `settings.ClockSource`.

    `locked` while it is there; `jitter` of its ticks in ms (p99 of late, 0 for our own clock).
    """

    source: str
    locked: bool
    bpm: float
    jitter: float


@dataclass(frozen=True, slots=True)
class PartnerState:
    """One of those who play, as a screen shows it. `name` is '' for one that plays alone."""

    name: str
    model: str
    mode: str
    phase: Phase
    levels: tuple[int, ...]
    """Velocity that sounds in each of its voices, 0 when silent."""
    muted: frozenset[int]
    rung: Rung
    """The rung of its last step."""
    steps: int
    missed: int
    hears: tuple[str, ...]
    programs: tuple[int, ...]
    settings: Settings = field(default_factory=Settings)
    """What it plays by; a screen shows those of the one in front."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """All that a screen shows, at most 30 times a second; the newest wins."""

    at: Seconds
    beat: Beats
    playing: bool
    settings: Settings
    phase: Phase
    phase_beats: Beats
    """How long this phase has lasted (listening), or how much of it is left (answering)."""
    phrase: str
    """Name of the seed phrase, '' if there is none."""
    committed: Beats
    lookahead: Beats
    """The horizons, as places on the score."""
    roll: tuple[RollNote, ...]
    levels: tuple[int, ...]
    """Velocity that sounds in each voice, 0 when silent."""
    latencies: tuple[Latency, ...]
    steps: int
    missed: int
    relaxed: int
    """Steps so far; those that came late or ran out of time and were held; soft rules given up."""
    sounding: int
    """Notes that sound now, the player's through the machine included."""
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    model: str
    notices: tuple[Notice, ...]
    """The last few; a client remembers which numbers it has shown."""
    take: str
    """Path of the take's journal."""
    clock: ClockState | None = None
    """What keeps the time, and how well."""
    rung: Rung = Rung.FULL
    """The rung of the last step."""
    counting_in: Beats = Beats(0.0)
    """How long until the music begins: a count-in, or half a beat; 0 once it plays."""
    heard_key: str = ""
    """The key in which the player plays, as far as the notes tell; '' for none yet."""
    programs: tuple[int, ...] = ()
    """General MIDI program 0…127 of each voice."""
    scene: str = ""
    """The preset or scene that was recalled last, '' for the one it started with."""
    coming: str = ""
    """The one that comes at the next bar, '' for none."""
    partners: tuple[PartnerState, ...] = ()
    """All who play; what stands beside this is of the one in front, but for steps and misses."""
    front: int = 0
    """The place of the one in front."""
    ended: bool = False
