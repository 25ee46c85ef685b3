"""In which key the player plays."""

from __future__ import annotations

import pytest
from ripieno.modes.tonality import estimate
from ripieno.preset import phrases
from ripieno.settings import Key


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("scale", ["major", "minor"])
def test_a_scale_that_comes_home_tells_its_key(tonic: int, scale: str) -> None:
    degrees = (0, 2, 4, 5, 7, 9, 11, 12) if scale == "major" else (0, 2, 3, 5, 7, 8, 11, 12)
    notes = [(60 + tonic + degree, 1.0) for degree in degrees]
    notes += [(60 + tonic + degree, 1.0) for degree in (7, 12 if scale == "major" else 3, 0)]
    assert estimate([*notes, (60 + tonic, 4.0)]) == Key(tonic, scale)


@pytest.mark.parametrize(
    ("phrase", "fifths"),
    [("old-hundredth", None), ("ode-to-joy", 2), ("cadence-in-f", -1)],
)
def test_known_tunes(phrase: str, fifths: int | None) -> None:
    seed = phrases.load_phrase(phrase)
    key = estimate((note.pitch, note.duration or 0.25) for note in seed.notes)
    assert key is not None
    if fifths is not None:
        assert key.fifths == fifths


@pytest.mark.parametrize(
    "notes", [[], [(60, 1.0)] * 3, [(60, 1.0)] * 9, [(60, 1.0), (67, 2.0)] * 3]
)
def test_too_little_tells_nothing(notes: list[tuple[int, float]]) -> None:
    assert estimate(notes) is None
