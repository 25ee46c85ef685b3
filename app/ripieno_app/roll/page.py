"""What lies where on the roll: notes, lines and flags in columns and half rows. Pure.

A page is small and can be compared, so a frame that changes no cell costs no drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from ripieno.clock import Beats, Meter
from ripieno.events import Look, RollNote
from ripieno.grammar.grid import STEPS_PER_BEAT, VOICES
from ripieno.settings import Settings

from ripieno_app.messages import View
from ripieno_app.notation import bar_and_beat
from ripieno_app.roll.axis import Axis, fit
from ripieno_app.wishes import State

GUTTER = 5
"""Columns at the left for pitch names."""
WIDE = 110
"""From this many columns on, a beat takes eight columns and not four."""
_ORDER = {Look.PLANNED: 0, Look.COMMITTED: 1, Look.MODEL: 2, Look.PLAYER: 3}
STEP = 1 / STEPS_PER_BEAT
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Mark:
    """A note in cells: columns left … right (exclusive), on `half_row`. `cut`: its start is off."""

    left: int
    right: int
    half_row: int
    voice: int
    look: Look
    cut: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A change that will be heard at `column`; asked for, or confirmed."""

    column: int
    text: str
    state: State


@dataclass(frozen=True, slots=True)
class Page:
    """A picture of the roll in cells. Columns count from the gutter's right edge."""

    width: int
    axis: Axis
    marks: tuple[Mark, ...]
    bars: tuple[tuple[int, int], ...]
    """Column and number of each bar line."""
    beats: tuple[int, ...]
    now: int
    horizon: int | None
    """The column up to which the plan is committed, None while that is where we are."""
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """The stretch of the score in sight."""

    first: int
    width: int
    per_beat: int

    def column(self, beat: float) -> int:
        return floor(beat * self.per_beat + _HAIR) - self.first

    def edge(self, beat: float) -> int:
        """The first column that lies wholly after `beat`."""
        return ceil(beat * self.per_beat - _HAIR) - self.first


def lay_out(view: View, width: int, rows: int) -> Page:
    """The page for `view` in `width` columns (gutter included) and `rows` rows of pitches."""
    telemetry = view.telemetry
    columns = max(1, width - GUTTER)
    per_beat = 8 if width >= WIDE else 4
    now = columns // 3
    window = _Window(floor(telemetry.beat * per_beat + _HAIR) - now, columns, per_beat)
    notes = [note for note in telemetry.roll if _in_sight(note, window)]
    axis = _axis(view.controls.settings, notes, rows)
    horizon = window.column(telemetry.committed)
    bars, beats = _lines(window, view.controls.settings.meter)
    return Page(
        width=columns,
        axis=axis,
        marks=_marks(notes, window, axis),
        bars=bars,
        beats=beats,
        now=now,
        horizon=horizon if now < horizon < columns else None,
        flags=tuple(
            Flag(window.column(wish.heard), wish.label, wish.state)
            for wish in view.wishes
            if wish.label and telemetry.playing
        ),
    )


def _axis(settings: Settings, notes: list[RollNote], rows: int) -> Axis:
    rules = settings.rules
    low = min(low for low, _ in rules.ranges)
    high = max(high for _, high in rules.ranges)
    fifths = rules.key.fifths if rules.key else None
    return fit(rows, low, high, [note.pitch for note in notes], fifths)


def _in_sight(note: RollNote, window: _Window) -> bool:
    end = note.onset + note.duration
    return window.column(note.onset) < window.width and end * window.per_beat > window.first


def _marks(notes: list[RollNote], window: _Window, axis: Axis) -> tuple[Mark, ...]:
    """The notes in cells, the least certain first, so that the others are drawn over them."""
    marks = []
    before: dict[tuple[int, int, int], RollNote] = {}
    for note in sorted(notes, key=lambda note: (note.onset, -_ORDER[note.look])):
        half_row = axis.half_row(note.pitch)
        if half_row is None:
            continue
        held = _held(before.get((note.partner, note.voice, note.pitch)), note)
        before[note.partner, note.voice, note.pitch] = note
        left = window.edge(held.onset + held.duration) if held else window.column(note.onset)
        right = min(window.width, max(left + 1, window.edge(note.onset + note.duration)))
        cut = left < 0 or held is not None
        marks.append(Mark(max(0, left), right, half_row, _colour(note), note.look, cut))
    return tuple(sorted(marks, key=lambda mark: _ORDER[mark.look]))


def _colour(note: RollNote) -> int:
    """Which of the four colours: in an ensemble the same voice of two has two."""
    return (note.voice + note.partner) % len(VOICES)


def _held(before: RollNote | None, note: RollNote) -> RollNote | None:
    """The note that `note` goes on from, if it does: the plan tells a held note in pieces."""
    if before is None or before.look is note.look or before.look is Look.PLAYER:
        return None
    gap = note.onset - before.onset - before.duration
    return before if -_HAIR <= gap < STEP - _HAIR else None


def _lines(window: _Window, meter: Meter) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Bar lines with their numbers, and the beats between, from the first beat of the score on."""
    unit = 4 / meter.denominator
    first = max(0, ceil(window.first / window.per_beat / unit - _HAIR))
    last = ceil((window.first + window.width) / window.per_beat / unit - _HAIR)
    bars, beats = [], []
    for count in range(first, last):
        beat = Beats(count * unit)
        column = window.column(beat)
        if count % meter.numerator:
            beats.append(column)
        else:
            bars.append((column, bar_and_beat(beat, meter)[0]))
    return tuple(bars), tuple(beats)
