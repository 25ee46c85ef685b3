"""A phrase drawn small: pitch upward, time to the right. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.events import Note

_GLYPHS = {(True, True): "█", (True, False): "▀", (False, True): "▄"}


def draw(notes: Sequence[Note], width: int, rows: int) -> list[str]:
    """`notes` in `rows` lines of `width` columns; two half rows to a line, onsets set apart."""
    if not notes:
        return []
    end = max(note.onset + (note.duration or 0.25) for note in notes)
    low = min(note.pitch for note in notes)
    high = max(note.pitch for note in notes)
    halves = 2 * rows
    columns = min(width, max(1, round(end * 4)))
    dots = [[False] * columns for _ in range(halves)]
    for note in notes:
        span = max(1, high - low)
        half = round((high - note.pitch) * (halves - 1) / span)
        left = int(note.onset / end * columns)
        right = int((note.onset + (note.duration or 0.25)) / end * columns)
        last = max(left + 1, right - 1 if right - left > 1 else right)
        for column in range(left, min(columns, last)):
            dots[half][column] = True
    return [
        "".join(_GLYPHS.get(pair, " ") for pair in zip(dots[row], dots[row + 1], strict=True))
        for row in range(0, halves, 2)
    ]
