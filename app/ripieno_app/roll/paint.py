"""From a page to rows of glyphs. Every look has a glyph of its own, so colour is never needed.

A note that sounded is solid, a committed one dashed, a planned one dotted; yours have a head that
fills the cell. Two half rows share a cell: solid over solid is a half block with two colours, and
dots over dots are one braille cell. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ripieno.events import Look

from ripieno_app.roll.axis import Scale
from ripieno_app.roll.page import GUTTER, Flag, Mark, Page
from ripieno_app.wishes import State

# upper half, lower half, and both halves of a cell
_BODY = {
    Look.PLAYER: ("▀", "▄", "█"),
    Look.MODEL: ("▀", "▄", "█"),
    Look.COMMITTED: ("▘", "▖", "▌"),
    Look.PLANNED: ("⠛", "⣤", "⣿"),
}
_ONSET = {
    Look.PLAYER: ("▛", "▙", "█"),
    Look.MODEL: ("▝", "▗", "▐"),
    Look.COMMITTED: ("▝", "▗", "▐"),
    Look.PLANNED: ("⠘", "⢠", "⢸"),
}
_FULL_BODY = {Look.PLAYER: "█", Look.MODEL: "▓", Look.COMMITTED: "▒", Look.PLANNED: "░"}
_FULL_ONSET = {Look.PLAYER: "█", Look.MODEL: "▐", Look.COMMITTED: "⢸", Look.PLANNED: "⢰"}
_SOUNDED = frozenset({Look.PLAYER, Look.MODEL})
_SIGNS = {State.ASKED: "○", State.COMING: "●"}


@dataclass(frozen=True, slots=True)
class Ink:
    """A colour by its role: `front` and `back`, '' for none; `now` in the playhead's column."""

    front: str
    back: str = ""
    now: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one ink."""

    text: str
    ink: Ink


Cell = tuple[str, Ink]
Part = tuple[Mark, bool]
"""A mark in one half row of one cell, and whether it begins there."""


def role(mark: Mark) -> str:
    """The colour role of a note: your own notes share one, the machine's go by voice."""
    return "player" if mark.look is Look.PLAYER else f"{mark.look}-{mark.voice}"


def paint(page: Page, *, colour: bool = True) -> list[tuple[Run, ...]]:
    """The ruler and then the rows of pitches. Without `colour`, no glyph relies on two colours."""
    names = page.axis.names()
    notes = _parts(page)
    rows = [_runs([(" " * GUTTER, Ink("ruler")), *_ruler(page)])]
    for row in range(page.axis.rows):
        cells = _ground(page, named=row in names)
        for column, halves in notes.get(row, {}).items():
            glyph, ink = _note(halves, page.axis.scale, colour)
            cells[column] = (glyph, Ink(ink.front, ink.back, column == page.now))
        rows.append(_runs([(f" {names.get(row, ''):<{GUTTER - 1}}", Ink("pitch")), *cells]))
    return rows


def _parts(page: Page) -> dict[int, dict[int, list[Part | None]]]:
    """Row → column → what lies in the upper and the lower half of that cell."""
    parts: dict[int, dict[int, list[Part | None]]] = {}
    full = page.axis.scale is Scale.FULL
    for mark in page.marks:
        row = parts.setdefault(mark.half_row // 2, {})
        halves = (0, 1) if full else (mark.half_row % 2,)
        for column in range(mark.left, mark.right):
            cell = row.setdefault(column, [None, None])
            for half in halves:
                cell[half] = (mark, column == mark.left and not mark.cut)
    return parts


def _note(halves: list[Part | None], scale: Scale, colour: bool) -> Cell:
    upper, lower = halves
    if upper is not None and lower is not None:
        if scale is Scale.FULL:
            mark, onset = upper
            return (_FULL_ONSET if onset else _FULL_BODY)[mark.look], Ink(role(mark))
        return _both(upper, lower, colour)
    if upper is not None:
        return _one(upper, 0)
    assert lower is not None
    return _one(lower, 1)


def _one(part: Part, half: int) -> Cell:
    mark, onset = part
    return (_ONSET if onset else _BODY)[mark.look][half], Ink(role(mark))


def _both(upper: Part, lower: Part, colour: bool) -> Cell:
    """Two notes in a cell: the surer look is drawn, and both colours where the glyph is solid."""
    above, below = upper[0], lower[0]
    if above.look in _SOUNDED and below.look in _SOUNDED:
        return ("▀", Ink(role(above), role(below))) if colour else ("█", Ink(role(above)))
    if (above.look in _SOUNDED) != (below.look in _SOUNDED):
        return _one(upper, 0) if above.look in _SOUNDED else _one(lower, 1)
    surer = above if above.look is Look.COMMITTED else below
    return (_ONSET if upper[1] and lower[1] else _BODY)[surer.look][2], Ink(role(surer))


def _ground(page: Page, *, named: bool) -> list[Cell]:
    cells: list[Cell] = [(" ", Ink("ground"))] * page.width
    if named:
        for column in page.beats:
            cells[column] = ("·", Ink("beat"))
    for column, _ in page.bars:
        cells[column] = ("│", Ink("bar"))
    if page.horizon is not None:
        cells[page.horizon] = ("┊", Ink("horizon"))
    cells[page.now] = ("┃", Ink("now", now=True))
    return cells


def _ruler(page: Page) -> list[Cell]:
    cells: list[Cell] = [(" ", Ink("ruler"))] * page.width
    for column, number in page.bars:
        _write(cells, column, str(number), Ink("ruler"))
    if page.horizon is not None:
        _write(cells, page.horizon, "┊", Ink("horizon"))
    _write(cells, page.now, "▼", Ink("now"))
    free = page.now + 1
    for flag in sorted(page.flags, key=lambda flag: flag.column):
        column = max(free, flag.column)
        text = _flag_text(flag)
        _write(cells, column, text, Ink("flag"))
        free = column + len(text)
    return cells


def _flag_text(flag: Flag) -> str:
    return f"{_SIGNS[flag.state]} {flag.text} "


def _write(cells: list[Cell], column: int, text: str, ink: Ink) -> None:
    for at, glyph in enumerate(text, column):
        if 0 <= at < len(cells):
            cells[at] = (glyph, ink)


def _runs(cells: list[Cell]) -> tuple[Run, ...]:
    def joined() -> Iterator[Run]:
        for ink, group in groupby(cells, key=lambda cell: cell[1]):
            yield Run("".join(glyph for glyph, _ in group), ink)

    return tuple(joined())
