"""What realtime tells its clients: all that a screen shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ripieno.clock import Beats, Seconds
from ripieno.events.asked import Rung
from ripieno.settings import Settings


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
