"""The last two rows: which layer the letters are in, and what they do there."""

from __future__ import annotations

from textual import events

from ripieno_app.keyboard import LOWER, SEMITONES, UPPER
from ripieno_app.keys import Deed, Layer
from ripieno_app.messages import Asked, View
from ripieno_app.widgets.line import Line, Words

_BLACK = frozenset({1, 3, 6, 8, 10})
Hint = tuple[str, str]
"""A key and what it does, the more important the earlier in its row."""

_SHELVES = ("phrases", "presets", "models", "takes", "controls", "theme", "compact", "next")
"""From F2 on."""
_COMMAND_ROWS: tuple[tuple[Hint, ...], ...] = (
    (
        ("Space", "play"),
        ("Enter", "answer"),
        ("Esc", "panic"),
        ("Tab", "notes"),
        ("?", "help"),
        ("q", "leave"),
        ("↑↓", "tempo"),
        *((f"F{number}", name) for number, name in enumerate(_SHELVES, 2)),
    ),
    (
        ("b", "tap"),
        ("g", "loop"),
        ("x", "mutate"),
        ("z", "undo"),
        ("w", "keep"),
        ("v", "save"),
        ("c", "cadence"),
        ("1-4", "mute"),
        ("r", "seed from you"),
        ("< >", "nudge"),
        (".", "metronome"),
        ("0", "start"),
        ("Shift", "back"),
    ),
)
_PLAY_ROWS: tuple[tuple[Hint, ...], ...] = (
    (
        ("Tab", "commands"),
        ("?", "help"),
        ("Enter", "answer now"),
        ("↑↓", "tempo"),
        ("F2-F6", "shelves"),
    ),
    (("Esc", "panic"), ("Space", "play"), ("[ ]", "octave"), ("Shift", "louder"), ("←→", "temp")),
)


class LayerBadge(Line):
    """The layer, always in sight. A click switches it."""

    def write(self, view: View) -> Words:
        layer = view.hands.layer
        style = "bold reverse $player" if layer is Layer.PLAY else "bold reverse $command"
        return ((f"{layer.value.upper():^9}\n", style), (f"{_SUBTITLES[layer]:^9}", "$label"))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Asked(Deed.LAYER))


_SUBTITLES = {Layer.PLAY: "notes", Layer.COMMAND: "controls"}


class KeysBar(Line):
    """The piano that the letters are, or the commands that they are."""

    def write(self, view: View) -> Words:
        command = view.hands.layer is Layer.COMMAND
        words: list[tuple[str, str]] = []
        for row, hints in enumerate(_COMMAND_ROWS if command else _PLAY_ROWS):
            manual = () if command else (*_manual(view, black=row == 0), ("   ", ""))
            used = sum(len(text) for text, _ in manual)
            words += [*manual, *_hints(hints, self.size.width - used), ("\n", "")]
        return tuple(words[:-1])


def _manual(view: View, *, black: bool) -> Words:
    """One row of piano keys: the black ones stand between the white ones below them."""
    words: list[tuple[str, str]] = []
    for keys in (LOWER, UPPER):
        words.append((" " if black else "", ""))
        whites = [key for key in keys if SEMITONES[key] % 12 not in _BLACK]
        for white in whites:
            key = white
            if black:
                sharp = keys[keys.index(white) + 1 : keys.index(white) + 2]
                key = sharp if sharp and SEMITONES[sharp] % 12 in _BLACK else ""
            words += [_key(view, key), (" ", "")]
        words.append(("" if black else " ", ""))
    return tuple(words)


def _key(view: View, key: str) -> tuple[str, str]:
    if not key:
        return " ", ""
    pitch = 12 * (view.hands.octave + 1) + SEMITONES[key]
    if pitch in view.hands.sounding:
        return key, "bold reverse $player"
    return key, "$label" if SEMITONES[key] % 12 in _BLACK else ""


def _hints(hints: tuple[Hint, ...], room: int) -> Words:
    """As many hints as there is room for, none of them cut."""
    words: list[tuple[str, str]] = []
    for key, does in hints:
        gap = "  " if words else ""
        room -= len(gap) + len(key) + 1 + len(does)
        if room < 0:
            break
        words += [(gap, ""), (key, "bold $command"), (f" {does}", "$label")]
    return tuple(words)
