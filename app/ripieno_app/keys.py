"""Which key does what. One table: the screen obeys it, the footer and the help are read from it.

The *play* layer makes notes of the letters, the *command* layer makes controls of them. In the
command layer a letter goes up or on, and the same letter with Shift goes down or back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ripieno.clock import Beats
from ripieno.commands import Action as Trigger
from ripieno.commands import (
    AnswerNow,
    Cadence,
    Command,
    Do,
    Keep,
    LearnAll,
    Locate,
    Loop,
    Mutate,
    Nudge,
    Rate,
    SaveLast,
    SeedFromPlayed,
    Undo,
)
from textual import events

THIRTY_SECOND = Beats(0.125)
SAVED_BARS = 16


class Layer(StrEnum):
    """What the letters do."""

    PLAY = "play"
    COMMAND = "command"


class Deed(StrEnum):
    """Things to do that the screen has a part in."""

    TRANSPORT = "transport"
    PANIC = "panic"
    TAP = "tap"
    LEARN = "learn"
    LAYER = "layer"
    LATCH = "latch"
    VOICE = "voice"
    """The range of the next voice is in hand."""
    END = "end"
    """The other end of that range is in hand."""
    UNDO = "undo"
    """The last control that was turned goes back."""
    HELP = "help"
    PHRASES = "phrases"
    PRESETS = "presets"
    MODELS = "models"
    TAKES = "takes"
    CONTROLS = "controls"
    THEME = "theme"
    COMPACT = "compact"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Send:
    """Send `command` as it is. `said` is the screen's own answer, '' where the engine answers."""

    command: Command
    said: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Turn a knob by so many clicks, of its big step if `big`."""

    name: str
    clicks: int
    big: bool = False


@dataclass(frozen=True, slots=True)
class Cycle:
    """Move a switch so many places on, around its values."""

    name: str
    clicks: int


@dataclass(frozen=True, slots=True)
class ToggleMute:
    """Silence a voice, or let it sound again."""

    voice: int


@dataclass(frozen=True, slots=True)
class PickPhrase:
    """Take the next seed phrase, or the one before."""

    clicks: int


@dataclass(frozen=True, slots=True)
class ToggleSolo:
    """Let only this voice be heard, or all again."""

    voice: int


@dataclass(frozen=True, slots=True)
class ChangeSound:
    """Another sound for a voice: so many places on among the built-in ones."""

    voice: int
    clicks: int


@dataclass(frozen=True, slots=True)
class TakeEnd:
    """Take an end of a voice's range in hand, by its knob's name."""

    name: str


@dataclass(frozen=True, slots=True)
class DialEnd:
    """Turn the end of a range that is in hand by so many semitones."""

    clicks: int


@dataclass(frozen=True, slots=True)
class BringForward:
    """In an ensemble: the controls are those of the member at `place`; None: of the next one."""

    place: int | None = None


@dataclass(frozen=True, slots=True)
class MoveOctave:
    """Move the computer keyboard up or down."""

    octaves: int


@dataclass(frozen=True, slots=True)
class ChangeLength:
    """Make the notes of the computer keyboard longer or shorter."""

    clicks: int


Action = (
    Deed | Send | Dial | Cycle | ToggleMute | ToggleSolo | ChangeSound | PickPhrase | MoveOctave
    | ChangeLength | BringForward | TakeEnd | DialEnd
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """`name` as the terminal tells it, `label` as it is printed, and what it does in words."""

    name: str
    label: str
    action: Action
    does: str
    everywhere: bool = False
    """Whether it works in the play layer too."""


def _pair(letter: str, up: Action, down: Action, does: str) -> tuple[Key, Key]:
    back = letter.upper()
    return Key(letter, letter, up, does), Key(back, f"Shift-{letter}", down, does)


ANSWER = Send(AnswerNow(), "Answer now, or stop answering: at the next step of the grid.")
CADENCE = Send(Cadence(), "A cadence: it closes at the next place where a phrase can end.")
LOOP, MUTATE, UNDO, KEEP = Send(Loop()), Send(Mutate()), Send(Undo()), Send(Keep())
EARLIER = Send(Nudge(THIRTY_SECOND), "The music comes a thirty-second earlier.")
LATER = Send(Nudge(Beats(-THIRTY_SECOND)), "The music comes a thirty-second later.")
NEXT = Send(Do(Trigger.NEXT))
LIKE, DISLIKE = Send(Rate(1)), Send(Rate(-1))
TO_THE_START = Send(Locate(Beats(0.0)), "Back to the start.")

KEYS: tuple[Key, ...] = (
    Key("space", "Space", Deed.TRANSPORT, "play or stop", True),
    Key("enter", "Enter", ANSWER, "answer now; while it answers: stop and listen", True),
    Key("escape", "Esc", Deed.PANIC, "panic: silence, now", True),
    Key("f12", "F12", Deed.PANIC, "panic, for terminals that are slow with Esc", True),
    Key("backspace", "Backspace", Deed.PANIC, "panic", True),
    Key("tab", "Tab", Deed.LAYER, "letters play notes ↔ letters are commands", True),
    Key("?", "?", Deed.HELP, "help: all of this explained", True),
    Key("f1", "F1", Deed.HELP, "help: all of this explained", True),
    Key("f2", "F2", Deed.PHRASES, "seed phrases: hear, choose, record, import", True),
    Key("f3", "F3", Deed.PRESETS, "presets and scenes: they come at the next bar", True),
    Key("f4", "F4", Deed.MODELS, "models: how fast they are here, and another one", True),
    Key("f5", "F5", Deed.TAKES, "takes: hear, rate, rename, export, delete", True),
    Key("f6", "F6", Deed.CONTROLS, "every control there is, and what knob turns it", True),
    Key("f7", "F7", Deed.THEME, "dark, light, high contrast, stage red", True),
    Key("f8", "F8", Deed.COMPACT, "a few lines only, for a split pane; or all", True),
    Key("f9", "F9", NEXT, "the next preset of the set list, at the next bar", True),
    Key("up", "↑", Dial("tempo", 1), "tempo up; with Shift by ten", True),
    Key("down", "↓", Dial("tempo", -1), "tempo down; with Shift by ten", True),
    Key("shift+up", "Shift-↑", Dial("tempo", 1, big=True), "tempo up by ten", True),
    Key("shift+down", "Shift-↓", Dial("tempo", -1, big=True), "tempo down by ten", True),
    Key("right", "→", Dial("temperature", 1), "bolder: temperature up", True),
    Key("left", "←", Dial("temperature", -1), "safer: temperature down", True),
    Key("]", "]", MoveOctave(1), "your letters an octave up", True),
    Key("[", "[", MoveOctave(-1), "your letters an octave down", True),
    Key("ctrl+c", "Ctrl-C", Deed.QUIT, "leave", True),
    Key("ctrl+q", "Ctrl-Q", Deed.QUIT, "leave", True),
    Key("b", "b", Deed.TAP, "tap the tempo: beat it a few times"),
    Key("g", "g", LOOP, "loop the last answer, or no longer"),
    Key("x", "x", MUTATE, "mutate: the last answer again, partly new"),
    Key("z", "z", UNDO, "undo: the answer before comes back"),
    Key("w", "w", KEEP, "keep the last answer: as the seed, with a mark"),
    Key("v", "v", Send(SaveLast(SAVED_BARS)), f"save the last {SAVED_BARS} bars as MIDI"),
    Key("c", "c", CADENCE, "cadence: come to a close"),
    Key("r", "r", Send(SeedFromPlayed()), "take what you just played as the seed phrase"),
    Key("0", "0", TO_THE_START, "go to the start"),
    Key(">", ">", EARLIER, "lean forward: the music comes a thirty-second earlier"),
    Key("<", "<", LATER, "lean back: the music comes a thirty-second later"),
    *(
        Key(f"{voice + 1}", f"{voice + 1}", ToggleMute(voice), f"mute the {name}")
        for voice, name in enumerate(("soprano", "alto", "tenor", "bass"))
    ),
    *(
        Key(f"alt+{voice + 1}", f"Alt-{voice + 1}", ToggleSolo(voice), f"only the {name}")
        for voice, name in enumerate(("soprano", "alto", "tenor", "bass"))
    ),
    Key("Z", "Shift-z", Deed.UNDO, "take back the last control that was turned"),
    Key("L", "Shift-l", LIKE, "I like that: noted in the take"),
    Key("X", "Shift-x", DISLIKE, "I do not like that: noted in the take"),
    Key("J", "Shift-j", Send(LearnAll()), "learn the footswitch set: then touch eight switches"),
    *_pair("m", Cycle("mode", 1), Cycle("mode", -1), "mode: solo, answer, accompany"),
    *_pair("e", Cycle("meter", 1), Cycle("meter", -1), "meter"),
    *_pair("p", PickPhrase(1), PickPhrase(-1), "seed phrase"),
    *_pair("y", Dial("player_voice", 1), Dial("player_voice", -1), "the voice that you are"),
    *_pair("i", Dial("stability", 1), Dial("stability", -1), "stability: responsive ↔ stable"),
    *_pair("s", Dial("space", 1), Dial("space", -1), "space: how much it leaves for you"),
    Key(")", ")", Dial("density", 1), "density: it plays more notes"),
    Key("(", "(", Dial("density", -1), "density: it plays fewer notes"),
    Key("#", "#", Dial("seed", 1), "another seed: other choices from here on"),
    *_pair("k", Cycle("key", 1), Cycle("key", -1), "key"),
    *_pair("o", Cycle("key_lock", 1), Cycle("key_lock", -1), "lock to the key: off, soft, hard"),
    *_pair("t", Dial("top_p", 1), Dial("top_p", -1), "top-p: how many likely notes may come"),
    *_pair("a", Dial("lookahead", 1), Dial("lookahead", -1), "how far ahead it plans"),
    *_pair("h", Cycle("hand_over", 1), Cycle("hand_over", -1), "hand-over: how its turn begins"),
    *_pair("d", Cycle("source", 1), Cycle("source", -1), "clock: our own, MIDI or Link"),
    *_pair("f", Dial("swing", 1), Dial("swing", -1), "swing: the off-beat later, up to ¾"),
    *_pair("u", Dial("count_in", 1), Dial("count_in", -1), "count-in, in bars"),
    Key("V", "Shift-v", Deed.VOICE, "range: the next voice, then { and } turn it"),
    Key("R", "Shift-r", Deed.END, "range: its lowest or its highest note"),
    Key("{", "{", DialEnd(-1), "range: the note in { } on the screen down, up"),
    Key("}", "}", DialEnd(1), "range: the note in { } on the screen down, up"),
    Key(",", ",", Dial("max_leap", -1), "the largest leap: smaller, larger"),
    Key(";", ";", Dial("max_leap", 1), "the largest leap: smaller, larger"),
    Key(".", ".", Cycle("metronome", 1), "metronome"),
    Key("+", "+", Dial("candidates", 1), "draw more candidates for a step; the best is kept"),
    Key("-", "-", Dial("candidates", -1), "draw fewer candidates"),
    Key("5", "5", Cycle("assign", 1), "your notes are one line, or several voices"),
    Key("6", "6", Cycle("follow", 1), "accompany: what sounds already follows you too"),
    Key("7", "7", Cycle("from_phrase", 1), "take the tempo from your first phrase"),
    Key("8", "8", Cycle("send", 1), "send MIDI clock"),
    Key("9", "9", Cycle("speculate", 1), "begin on the answer while you still play"),
    Key("/", "/", Cycle("late", 1), "what becomes of a note that comes too late"),
    Key("=", "=", BringForward(), "ensemble: the next one to the front, for your controls"),
    Key("j", "j", Deed.LEARN, "learn: then the key of an action, then a pad or a pedal"),
    Key("l", "l", Deed.LATCH, "latch: a letter sounds until you press it again"),
    *_pair("n", ChangeLength(1), ChangeLength(-1), "how long the note of a letter lasts"),
    Key("q", "q", Deed.QUIT, "leave; the take is kept"),
)


def turns_back(key: Key) -> bool:
    """Whether it is a letter with Shift that only turns back what the letter turns."""
    plain = key.name.lower()
    same = any(each.name == plain and each.does == key.does for each in KEYS)
    return key.label.startswith("Shift-") and key.name != plain and same


_EVERYWHERE = {key.name: key.action for key in KEYS if key.everywhere}
_COMMAND = {key.name: key.action for key in KEYS}


def action_of(name: str, layer: Layer) -> Action | None:
    """What the key `name` does in `layer`, None when it does nothing there."""
    return (_COMMAND if layer is Layer.COMMAND else _EVERYWHERE).get(name)


def key_name(event: events.Key) -> str:
    """The name under which KEYS knows a key: the character it prints, else Textual's name."""
    character = event.character
    if character is None or not event.is_printable or character.isspace():
        return event.key
    return character
