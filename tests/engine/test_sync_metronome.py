"""The metronome clicks as a conductor beats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Beats, Meter
from ripieno.sync.metronome import Click, clicks, count_in, pulses

BEATEN = {
    "4/4": [0, 1, 2, 3],
    "3/4": [0, 1, 2],
    "2/2": [0, 2],
    "6/8": [0, 1.5],
    "9/8": [0, 1.5, 3],
    "12/8": [0, 1.5, 3, 4.5],
    "3/8": [0, 0.5, 1],
    "5/8": [0, 1],
    "7/8": [0, 1, 2],
    "5/4": [0, 1, 2, 3, 4],
    "6/4": [0, 1, 2, 3, 4, 5],
    "6/16": [0, 0.75],
    "1/1": [0],
}


@pytest.mark.parametrize("meter", BEATEN)
def test_a_bar_is_beaten(meter: str) -> None:
    assert list(pulses(Meter.parse(meter))) == BEATEN[meter]


def test_bar_lines_have_the_accent() -> None:
    found = list(clicks(Beats(2.5), Beats(7.0), Meter()))
    assert [(click.beat, click.accent) for click in found] == [
        (3, False), (4, True), (5, False), (6, False)
    ]  # fmt: skip


def test_bars_count_backwards_too() -> None:
    found = list(clicks(Beats(-3.0), Beats(0.1), Meter(6, 8)))
    assert found == [Click(Beats(-3.0), True), Click(Beats(-1.5), False), Click(Beats(0.0), True)]


def test_the_count_in_ends_where_the_music_begins() -> None:
    assert [click.beat for click in count_in(1, Beats(0.0), Meter(3, 4))] == [-3, -2, -1]
    assert [click.beat for click in count_in(2, Beats(3.2), Meter(2, 4))] == [0, 1, 2, 3]
    assert count_in(0, Beats(0.0), Meter()) == ()


meters = st.builds(Meter, st.integers(1, 24), st.sampled_from((1, 2, 4, 8, 16)))


@given(meters, st.integers(-40, 40), st.lists(st.floats(0, 9), max_size=6))
def test_in_pieces_or_in_one_go_it_is_the_same(
    meter: Meter, start: int, lengths: list[float]
) -> None:
    begin = end = Beats(start / 4)
    pieces: list[Click] = []
    for length in lengths:
        later = Beats(end + round(length * 16) / 16)
        pieces += clicks(end, later, meter)
        end = later
    assert pieces == list(clicks(begin, end, meter))
    bars = [click.beat for click in pieces if click.accent]
    assert all(beat / meter.bar % 1 == 0 for beat in bars)
