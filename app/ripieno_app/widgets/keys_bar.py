"""The last two rows: which layer the letters are in, and what they do there."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events

from ripieno_app.keyboard import LOWER, SEMITONES, UPPER
from ripieno_app.keys import KEYS, Deed, Layer, action_of
from ripieno_app.messages import Asked, Struck, View
from ripieno_app.widgets.line import Line, Words

BOTH_ROWS, ONE_ROW = 60, 44
"""Columns from which on both rows of piano keys are drawn, or one; hints are worth more."""
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
    """The piano that the letters are, or the commands that they are. A click presses them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[tuple[_Piece, ...], ...] = ()

    def write(self, view: View) -> Words:
        command = view.hands.layer is Layer.COMMAND
        rows = []
        for row, hints in enumerate(_COMMAND_ROWS if command else _PLAY_ROWS):
            wide = self.size.width
            drawn = (LOWER, UPPER) if wide >= BOTH_ROWS else (LOWER,) if wide >= ONE_ROW else ()
            piano = () if command or not drawn else _manual(view, drawn, black=row == 0)
            manual = (*piano, _Piece("   ")) if piano else ()
            used = sum(len(piece.text) for piece in manual)
            rows.append((*manual, *_hints(hints, self.size.width - used)))
        self._rows = tuple(rows)
        upper, lower = ([(piece.text, piece.style) for piece in row] for row in rows)
        return (*upper, ("\n", ""), *lower)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        key = self._key_at(event.x, event.y)
        if key is None:
            return
        action = action_of(key, Layer.COMMAND)
        if len(key) == 1 and event.x < self._manual_ends(event.y):
            self.post_message(Struck(key))
        elif action is not None:
            self.post_message(Asked(action))

    def _key_at(self, column: int, row: int) -> str | None:
        end = 0
        for piece in self._rows[row] if row < len(self._rows) else ():
            end += len(piece.text)
            if column < end:
                return piece.key
        return None

    def _manual_ends(self, row: int) -> int:
        """The column in which the piano of this row ends, 0 where there is none."""
        texts = [piece.text for piece in self._rows[row]]
        return sum(map(len, texts[: texts.index("   ")])) if "   " in texts else 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text of a row, and the key that a click on it presses, by its name in KEYS or its letter."""

    text: str
    style: str = ""
    key: str | None = None


def _manual(view: View, rows: tuple[str, ...], *, black: bool) -> tuple[_Piece, ...]:
    """One row of piano keys: the black ones stand between the white ones below them."""
    pieces: list[_Piece] = []
    for keys in rows:
        pieces.append(_Piece(" " if black else ""))
        whites = [key for key in keys if SEMITONES[key] % 12 not in _BLACK]
        for white in whites:
            key = white
            if black:
                sharp = keys[keys.index(white) + 1 : keys.index(white) + 2]
                key = sharp if sharp and SEMITONES[sharp] % 12 in _BLACK else ""
            pieces += [_key(view, key), _Piece(" ")]
        pieces.append(_Piece("" if black else " "))
    return tuple(pieces)


def _key(view: View, key: str) -> _Piece:
    if not key:
        return _Piece(" ")
    pitch = 12 * (view.hands.octave + 1) + SEMITONES[key]
    if pitch in view.hands.sounding:
        return _Piece(key, "bold reverse $player", key)
    return _Piece(key, "$label" if SEMITONES[key] % 12 in _BLACK else "", key)


def _hints(hints: tuple[Hint, ...], room: int) -> list[_Piece]:
    """As many hints as there is room for, none of them cut."""
    pieces: list[_Piece] = []
    for label, does in hints:
        gap = "  " if pieces else ""
        room -= len(gap) + len(label) + 1 + len(does)
        if room < 0:
            break
        keys = [_NAMES.get(part) for part in (_PAIRS.get(label) or (label,))]
        parts = _PAIRS.get(label) or (label,)
        named = [_Piece(part, "bold $command", key) for part, key in zip(parts, keys, strict=True)]
        between = [_Piece(" ")] if " " in label else []
        pieces += [_Piece(gap), *named[:1], *between, *named[1:]]
        pieces.append(_Piece(f" {does}", "$label", keys[0]))
    return pieces


_PAIRS = {"↑↓": ("↑", "↓"), "←→": ("←", "→"), "[ ]": ("[", "]"), "< >": ("<", ">")}
"""Labels of two keys."""
_NAMES = {key.label: key.name for key in KEYS} | {"1-4": "1", "F2-F6": "f2"}
