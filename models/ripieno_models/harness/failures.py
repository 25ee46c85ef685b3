"""Six ways in which a model fails that a likelihood does not show, each with its detector.

Each limit lies far from every real chorale (the tests hold it to that) and far from the failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ripieno_models.faults import outside_range
from ripieno_models.harness import counts
from ripieno_models.piece import Piece

TIMES = 6
"""How often in a row a passage must come to be a loop."""
LEAST_LOOP = 48
"""Sixteenths that a loop takes at least: Bach has a chord struck eight times, for two bars."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure by `name`: `share` of pieces (for an ignored input: of pairs) that show it; it is
    `shown` where that is more than `limit`. `sentence` says what was looked at."""

    name: str
    share: float
    limit: float
    sentence: str

    @property
    def shown(self) -> bool:
        return self.share > self.limit


def falls_silent(piece: Piece) -> bool:
    """More than 85 % of a piece, or of its second half, is silence: more than in any chorale whose
    lines stand apart, with an orchestra between them."""
    return counts.silence(piece) > 0.85


def goes_round(piece: Piece) -> bool:
    """A passage comes six times in a row or more."""
    times, steps = counts.loops(piece)
    return times >= TIMES and steps >= LEAST_LOOP


def sings_in_unison(piece: Piece) -> bool:
    """In more than two fifths of a piece two voices have the same note."""
    return counts.unisons(piece) > 0.4


def stammers(piece: Piece) -> bool:
    """More than three fifths of the notes last one sixteenth."""
    return counts.short_notes(piece) > 0.6


def leaves_range(piece: Piece) -> bool:
    """More than one note in twenty lies outside its voice's range."""
    return outside_range([piece]) > 0.05


Shows = Callable[[Piece], bool]
OF_A_PIECE: dict[str, Shows] = {
    "silence collapse": falls_silent,
    "endless loop": goes_round,
    "voices in unison": sings_in_unison,
    "notes of one step": stammers,
    "out of range": leaves_range,
}
FEW = 0.1
"""Share of pieces that may show a failure by chance."""
IGNORED = "input ignored"
ALIKE = 0.6
"""Share of equal sixteenths beyond which two answers to different openings are the same."""


def failures(pieces: Sequence[Piece], answers: Sequence[Piece]) -> list[Failure]:
    """All six, looked for in `pieces`, and in `answers` to different openings.

    Answers must be drawn with the same chance numbers, so that only the openings differ.
    """
    found = [
        Failure(name, share_of(shows, pieces), FEW, words_of(shows))
        for name, shows in OF_A_PIECE.items()
    ]
    return [*found, ignored(answers)]


def ignored(answers: Sequence[Piece]) -> Failure:
    """The share of pairs of answers to different openings that are the same music."""
    pairs = list(combinations(answers, 2))
    same = sum(counts.alike(one, other) > ALIKE for one, other in pairs)
    return Failure(IGNORED, same / max(1, len(pairs)), FEW, words_of(ignored))


def share_of(shows: Shows, pieces: Sequence[Piece]) -> float:
    return sum(bool(shows(piece)) for piece in pieces) / max(1, len(pieces))


def words_of(shows: Callable[..., object]) -> str:
    return " ".join((shows.__doc__ or "").split())
