"""Music as words."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats, Meter
from ripieno_app.notation import bars_text, beats_text, pitch_name, place


@pytest.mark.parametrize(
    ("beat", "meter", "text"),
    [
        (0.0, "4/4", "1.1"),
        (3.99, "4/4", "1.4"),
        (4.0, "4/4", "2.1"),
        (46.0, "4/4", "12.3"),
        (5.0, "3/4", "2.3"),
        (3.5, "6/8", "2.2"),
        (0.1 + 0.2 + 3.7, "4/4", "2.1"),  # 4 but for the last bit
        (-0.5, "4/4", "-1.4"),  # there is no bar 0
        (-4.0, "4/4", "-1.1"),
        (-4.01, "4/4", "-2.4"),
        (-1.5, "6/8", "-1.4"),
    ],
)
def test_places_count_from_one_in_the_meters_own_beats(beat: float, meter: str, text: str) -> None:
    assert place(Beats(beat), Meter.parse(meter)) == text


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (57, "A3"), (81, "A5"), (0, "C-1")])
def test_pitch_names(pitch: int, name: str) -> None:
    assert pitch_name(pitch) == name


@pytest.mark.parametrize(
    ("beats", "text"),
    [(0.0, "0"), (0.25, "¼"), (1.5, "1½"), (3.0, "3"), (15.75, "15¾"), (0.1, "0.10")],
)
def test_lengths(beats: float, text: str) -> None:
    assert beats_text(beats) == text


def test_spans_in_bars() -> None:
    assert bars_text(Beats(4.8), Meter(4, 4)) == "1.2 bars"
    assert bars_text(Beats(3.0), Meter(3, 4)) == "1.0 bar"
