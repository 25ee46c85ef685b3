"""Six ways in which a model fails that a likelihood does not show, each with its detector.

Each limit lies far from every real chorale (the tests hold it to that) and far from the failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ripieno_models.faults import outside_range
from ripieno_models.harness import counts, tune_counts
from ripieno_models.piece import Piece
from ripieno_models.tokens.tune import Tune

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
ANSWERED = 64
"""Sixteenths of an answer that are looked at. Who remembers little forgets what was played before
long, and with the same chance numbers goes on as all others do: that is no deaf ear."""
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
    """The share of pairs of answers to different openings whose first four bars are the same."""
    pairs = list(combinations(answers, 2))
    same = sum(counts.alike(one, other, ANSWERED) > ALIKE for one, other in pairs)
    return Failure(IGNORED, same / max(1, len(pairs)), FEW, words_of(ignored))


def share_of(shows: Shows, pieces: Sequence[Piece]) -> float:
    return sum(bool(shows(piece)) for piece in pieces) / max(1, len(pieces))


def words_of(shows: Callable[..., object]) -> str:
    return " ".join((shows.__doc__ or "").split())


def tune_silent(tune: Tune) -> bool:
    """More than 85 % of a tune, or of its second half, is silence."""
    return tune_counts.silence(tune) > 0.85


def tune_goes_round(tune: Tune) -> bool:
    """A passage comes six times in a row or more, for three bars of 4/4 or longer."""
    times, steps = tune_counts.loops(tune)
    return times >= TIMES and steps >= LEAST_LOOP


def tune_in_unison(tune: Tune) -> bool:
    """More than two fifths of the notes double another one."""
    return tune_counts.unisons(tune) > 0.4


def tune_stammers(tune: Tune) -> bool:
    """All notes last one sixteenth: more than 97 % of them, as in one real tune of 170."""
    return tune_counts.short_notes(tune) > 0.97


def tune_leaves_range(tune: Tune) -> bool:
    """More than one note in twenty lies outside the range."""
    return tune_counts.outside_range(tune) > 0.05


OF_A_TUNE: dict[str, Callable[[Tune], bool]] = {
    "silence collapse": tune_silent,
    "endless loop": tune_goes_round,
    "voices in unison": tune_in_unison,
    "notes of one step": tune_stammers,
    "out of range": tune_leaves_range,
}


def tune_failures(tunes: Sequence[Tune], answers: Sequence[Tune]) -> list[Failure]:
    """All six in tunes; see `failures`."""
    found = [
        Failure(name, sum(map(shows, tunes)) / max(1, len(tunes)), FEW, words_of(shows))
        for name, shows in OF_A_TUNE.items()
    ]
    pairs = list(combinations(answers, 2))
    same = sum(tune_counts.alike(one, other) > ALIKE for one, other in pairs)
    return [*found, Failure(IGNORED, same / max(1, len(pairs)), FEW, words_of(ignored))]
