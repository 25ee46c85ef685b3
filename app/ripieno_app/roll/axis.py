"""The roll's pitch axis: which half row of a terminal cell a pitch takes. Pure.

A cell holds two half rows, so a row of text shows two pitches. Where even that is too little for
the voices' range, the axis shows staff positions, seven to the octave, as written music does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ripieno_app.notation import pitch_name

_SHARPS = (0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6)
_FLATS = (0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6)
_MIXED = (0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)


class Scale(StrEnum):
    """How pitches are spread over rows."""

    STAFF = "staff"
    """A half row for each staff position."""
    HALF = "half"
    """A half row for each semitone."""
    FULL = "full"
    """A whole row for each semitone."""


@dataclass(frozen=True, slots=True)
class Axis:
    """`rows` rows of text; `top` is the staff position or pitch of the topmost (half) row."""

    scale: Scale
    rows: int
    top: int
    spelling: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many places there are."""
        return self.rows if self.scale is Scale.FULL else 2 * self.rows

    def half_row(self, pitch: int) -> int | None:
        """The half row of `pitch`, from the top; the upper of its two on a FULL axis."""
        place = self.top - _position(self.scale, self.spelling, pitch)
        if not 0 <= place < self.size:
            return None
        return 2 * place if self.scale is Scale.FULL else place

    def names(self) -> dict[int, str]:
        """The rows that hold a C, with its name."""
        halves = ((self.half_row(pitch), pitch) for pitch in range(0, 128, 12))
        return {half // 2: pitch_name(pitch) for half, pitch in halves if half is not None}


def _position(scale: Scale, spelling: tuple[int, ...], pitch: int) -> int:
    return 7 * (pitch // 12) + spelling[pitch % 12] if scale is Scale.STAFF else pitch


def spelling_for(fifths: int | None) -> tuple[int, ...]:
    """The staff degree of each pitch class in a key signature (flats negative, None unknown)."""
    if fifths is None or -1 < fifths < 3:
        return _MIXED
    return _FLATS if fifths < 0 else _SHARPS


def fit(rows: int, low: int, high: int, pitches: Sequence[int], fifths: int | None) -> Axis:
    """The axis that shows `low` … `high`, the voices' range, in `rows`, moved to show `pitches`.

    It stays at home as long as every pitch is in sight, so that the picture is calm.
    """
    span = high - low + 1
    scale = Scale.FULL if rows >= span else Scale.HALF if 2 * rows >= span else Scale.STAFF
    spelling = spelling_for(fifths)
    places = [_position(scale, spelling, pitch) for pitch in (low, high, *pitches)]
    size = rows if scale is Scale.FULL else 2 * rows
    top = places[1] + (size - (places[1] - places[0] + 1)) // 2
    seen = places[2:]
    if seen and min(seen) <= top - size:
        top = min(seen) + size - 1
    if seen and max(seen) > top:
        top = max(seen)
    return Axis(scale, rows, top, spelling)
