"""What a client (the screen, the command line, a footswitch) may ask of a performance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.clock import Beats, Seconds
from ripieno.ensemble import Seated
from ripieno.events import Note
from ripieno.routing import Routing
from ripieno.settings import Settings


@dataclass(frozen=True, slots=True)
class Play:
    """Start the transport, or go on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the transport; everything that sounds is released."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence, now: note-offs for all that sounds and 'all notes off' on every channel."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the performance in order."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Set the knob called `name` (see `knobs.py`) to `value`, in its unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Choose:
    """Set the switch called `name` (see `knobs.py`) to `value`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Mute:
    """Silence a voice of the machine, or let it sound again."""

    voice: int
    muted: bool


@dataclass(frozen=True, slots=True)
class Become:
    """Go on by these settings, all of them at once. The tempo of a followed clock stands."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Mix:
    """Bank 0…16383, volume 0…127 and place 0…127 of the four voices, soprano first.

    None leaves a voice as it is.
    """

    banks: tuple[int | None, ...] = (None, None, None, None)
    volumes: tuple[int | None, ...] = (None, None, None, None)
    pans: tuple[int | None, ...] = (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Programs:
    """Another sound for the four voices, as General MIDI programs 0…127, soprano first.

    `mix` None leaves banks, volumes and places as they are.
    """

    programs: tuple[int, ...]
    mix: Mix | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """A preset or a scene, from the next bar line on.

    `programs` None leaves the sounds, `mix` None what goes with them, `model` '' the model.
    """

    name: str
    settings: Settings
    programs: tuple[int, ...] | None = None
    model: str = ""
    mix: Mix | None = None
    routing: Routing | None = None
    """What it sounds through: instruments come with it, ports stay. None: what plays, or, for one
    that comes back, what it had."""
    players: tuple[Seated, ...] = ()
    """Who plays in it, each with its model; () for whoever plays by that name, or plays now."""

    @property
    def ensemble(self) -> bool:
        """Whether it is an ensemble's."""
        return any(each.member.name for each in self.players)


@dataclass(frozen=True, slots=True)
class Audition:
    """Let these notes be heard at `bpm` beside the music; nobody answers them. () is silence."""

    notes: tuple[Note, ...]
    bpm: float


@dataclass(frozen=True, slots=True)
class Seed:
    """Take these notes as the seed phrase. Onsets count from the start of the phrase."""

    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class SeedFromPlayed:
    """Take what the player played last as the seed phrase."""


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """Answer at the next grid point, or, while answering, stop and listen."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """Come to a close at the next place where a phrase can end."""


@dataclass(frozen=True, slots=True)
class KeyPlayed:
    """A key of the computer keyboard, played as a note."""

    pitch: int
    velocity: int
    pressed: bool


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap of the tempo. `at` is when it was struck, on the machine's monotonic clock."""

    at: Seconds


@dataclass(frozen=True, slots=True)
class Nudge:
    """Lean into the beat: what has not sounded comes `beats` earlier, later when negative."""

    beats: Beats


@dataclass(frozen=True, slots=True)
class Locate:
    """Go to `beat`, whether playing or not."""

    beat: Beats


@dataclass(frozen=True, slots=True)
class Loop:
    """Play the last answer again and again, or no longer."""


@dataclass(frozen=True, slots=True)
class Mutate:
    """Play the last answer again with some of it drawn anew."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back the last mutation, or answer: the one before it plays."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep the last answer: as the seed phrase, and as a mark in the take."""


@dataclass(frozen=True, slots=True)
class Front:
    """In an ensemble: the controls are those of the partner at `place` from now on."""

    place: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How the player liked what was played last: 1 is 'more of that', -1 'less of that'."""

    liking: int


class Action(StrEnum):
    """What a footswitch, a pad or a controller can do. Issue commands without the keyboard."""

    ANSWER = "answer"
    CADENCE = "cadence"
    LOOP = "loop"
    MUTATE = "mutate"
    UNDO = "undo"
    KEEP = "keep"
    PANIC = "panic"
    PLAY = "play"
    """Start, or stop."""
    TAP = "tap"
    NEXT = "next"
    """The next preset of the set list, at the next bar."""
    LIKE = "like"
    DISLIKE = "dislike"


FOOTSWITCHES = (
    Action.ANSWER, Action.KEEP, Action.UNDO, Action.MUTATE,
    Action.LOOP, Action.PANIC, Action.NEXT, Action.CADENCE,
)  # fmt: skip
"""The set of eight, in the order in which `LearnAll` asks for them."""


@dataclass(frozen=True, slots=True)
class Do:
    """What a footswitch for `action` does."""

    action: Action


@dataclass(frozen=True, slots=True)
class Learn:
    """The next control that the player touches does `action` from now on; None forgets it all.

    A text names something that is turned and not done, such as 'temperature' (`surface.py`).
    """

    action: Action | str | None


@dataclass(frozen=True, slots=True)
class LearnAll:
    """The next eight switches that are touched, one after the other, become the footswitch set."""


@dataclass(frozen=True, slots=True)
class SaveLast:
    """Export the last `bars` bars of the take, while it goes on."""

    bars: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell whoever plays; a client has done something, or could not."""

    text: str
    urgent: bool = False


Command = (
    Play | Stop | Panic | Quit | Turn | Choose | Mute | Seed | SeedFromPlayed | AnswerNow
    | Cadence | KeyPlayed | Tap | Nudge | Locate | Loop | Mutate | Undo | Keep | Learn | SaveLast
    | Tell | Become | Programs | Recall | Audition | Rate | LearnAll | Do
    | Front
)  # fmt: skip
