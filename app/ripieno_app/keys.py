"""Which key does what. One table: the screen obeys it, the footer and the help are read from it.

The *play* layer makes notes of the letters, the *command* layer makes controls of them. In the
command layer a letter goes up or on, and the same letter with Shift goes down or back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual import events


class Layer(StrEnum):
    """What the letters do."""

    PLAY = "play"
    COMMAND = "command"


class Deed(StrEnum):
    """Things to do that have no value."""

    TRANSPORT = "transport"
    ANSWER = "answer"
    PANIC = "panic"
    CADENCE = "cadence"
    SEED_FROM_PLAYED = "seed from played"
    LAYER = "layer"
    LATCH = "latch"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Nudge:
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
class MoveOctave:
    """Move the computer keyboard up or down."""

    octaves: int


@dataclass(frozen=True, slots=True)
class ChangeLength:
    """Make the notes of the computer keyboard longer or shorter."""

    clicks: int


Action = Deed | Nudge | Cycle | ToggleMute | PickPhrase | MoveOctave | ChangeLength


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


KEYS: tuple[Key, ...] = (
    Key("space", "Space", Deed.TRANSPORT, "play or stop", True),
    Key("enter", "Enter", Deed.ANSWER, "answer now; while it answers: stop and listen", True),
    Key("escape", "Esc", Deed.PANIC, "panic: silence, now", True),
    Key("f12", "F12", Deed.PANIC, "panic, for terminals that are slow with Esc", True),
    Key("backspace", "Backspace", Deed.PANIC, "panic", True),
    Key("tab", "Tab", Deed.LAYER, "letters play notes ↔ letters are commands", True),
    Key("?", "?", Deed.HELP, "this page", True),
    Key("f1", "F1", Deed.HELP, "this page", True),
    Key("up", "↑", Nudge("tempo", 1), "tempo up; with Shift by ten", True),
    Key("down", "↓", Nudge("tempo", -1), "tempo down; with Shift by ten", True),
    Key("shift+up", "Shift-↑", Nudge("tempo", 1, big=True), "tempo up by ten", True),
    Key("shift+down", "Shift-↓", Nudge("tempo", -1, big=True), "tempo down by ten", True),
    Key("right", "→", Nudge("temperature", 1), "bolder: temperature up", True),
    Key("left", "←", Nudge("temperature", -1), "safer: temperature down", True),
    Key("]", "]", MoveOctave(1), "your letters an octave up", True),
    Key("[", "[", MoveOctave(-1), "your letters an octave down", True),
    Key("ctrl+c", "Ctrl-C", Deed.QUIT, "leave", True),
    Key("ctrl+q", "Ctrl-Q", Deed.QUIT, "leave", True),
    Key("q", "q", Deed.QUIT, "leave; the take is kept"),
    *_pair("m", Cycle("mode", 1), Cycle("mode", -1), "mode: solo, answer, accompany"),
    *_pair("e", Cycle("meter", 1), Cycle("meter", -1), "meter"),
    *_pair("p", PickPhrase(1), PickPhrase(-1), "seed phrase"),
    Key("r", "r", Deed.SEED_FROM_PLAYED, "take what you just played as the seed phrase"),
    Key("c", "c", Deed.CADENCE, "cadence: come to a close"),
    *_pair("k", Cycle("key", 1), Cycle("key", -1), "key"),
    *_pair("o", Cycle("key_lock", 1), Cycle("key_lock", -1), "lock to the key: off, soft, hard"),
    *_pair("t", Nudge("top_p", 1), Nudge("top_p", -1), "top-p: how many likely notes may come"),
    *_pair("i", Nudge("commit", 1), Nudge("commit", -1), "commit: responsive ↔ stable"),
    *_pair("a", Nudge("lookahead", 1), Nudge("lookahead", -1), "how far ahead it plans"),
    *_pair("y", Nudge("player_voice", 1), Nudge("player_voice", -1), "the voice that you are"),
    Key("l", "l", Deed.LATCH, "latch: a letter sounds until you press it again"),
    *_pair("n", ChangeLength(1), ChangeLength(-1), "how long the note of a letter lasts"),
    *(
        Key(f"{voice + 1}", f"{voice + 1}", ToggleMute(voice), f"mute the {name}")
        for voice, name in enumerate(("soprano", "alto", "tenor", "bass"))
    ),
)

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
