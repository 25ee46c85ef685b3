"""Draws docs/key-card.svg, a page to print (A4, across), from the table that the keys obey:
`python -m tests.app.write_key_card`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ripieno_app.keys import KEYS, Key, turns_back

CARD = Path(__file__).parents[2] / "docs" / "key-card.svg"
WIDTH, HEIGHT = 1123, 794
"""A4 at 96 dots to the inch."""
MARGIN, TOP, LINE, SIZE = 36, 76, 20.5, 10.0
LABEL_WIDTH = 76
GLYPH = 0.6
"""The width of a letter, as a share of the font's size: that of the widest usual sans-serif."""
SHELF = (
    ("Enter", "take what is chosen"),
    ("/", "search"),
    ("← →", "turn a control; read on in the text"),
    ("q", "close; Esc closes and silences"),
)
PIANO = (
    ("z s x d c …", "C4 and up, a semitone for each; with Shift louder"),
    ("q 2 w 3 e …", "the octave above"),
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the card: a key and what it does, or a heading, or nothing."""

    label: str
    does: str = ""

    @property
    def heading(self) -> bool:
        return bool(self.label) and not self.does


def columns() -> tuple[tuple[_Line, ...], ...]:
    """The whole card, in the order in which it is read."""
    first = (
        _Line("Everywhere"),
        *_rows(key for key in KEYS if key.everywhere),
        _Line(""),
        _Line("Letters as notes"),
        *(_Line(*pair) for pair in PIANO),
    )
    controls = _rows(key for key in KEYS if not key.everywhere and not turns_back(key))
    shelf = (_Line("In a shelf (F2 to F6)"), *(_Line(*pair) for pair in SHELF), _Line(""))
    half = (len(controls) - len(shelf)) // 2
    title = _Line("Letters as controls (Tab)")
    back = _Line("", "With Shift a letter goes down or back.")
    return first, (*shelf, title, *controls[:half]), (title, *controls[half:], back)


def _rows(keys: Iterator[Key]) -> list[_Line]:
    """A line for each thing to do; keys that do the same share it."""
    labels: dict[str, list[str]] = {}
    for key in keys:
        labels.setdefault(key.does, []).append(key.label)
    return [_Line(" ".join(found), does) for does, found in labels.items()]


def card() -> str:
    """The card as an SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="297mm" '
        f'height="210mm" font-family="Helvetica, Arial, sans-serif" font-size="{SIZE}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="46" font-size="22" font-weight="bold">Ripieno: key card</text>',
    ]
    told = columns()
    width = (WIDTH - 2 * MARGIN) / len(told)
    for place, column in enumerate(told):
        for row, line in enumerate(column):
            parts += _drawn(line, MARGIN + width * place, TOP + LINE * row, width)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(line: _Line, x: float, y: float, width: float) -> Sequence[str]:
    where = f'x="{x:.0f}" y="{y:.1f}"'
    if line.heading:
        return [f'<text {where} font-size="12" font-weight="bold">{escape(line.label)}</text>']
    room = width - LABEL_WIDTH - 8
    size = min(SIZE, room / (GLYPH * max(1, len(line.does))))
    after = f'x="{x + LABEL_WIDTH:.0f}" y="{y:.1f}" font-size="{size:.1f}"'
    return [
        f'<text {where} font-weight="bold">{escape(line.label)}</text>',
        f"<text {after}>{escape(line.does)}</text>",
    ]


if __name__ == "__main__":
    CARD.write_text(card(), encoding="utf-8")
    print(CARD)
