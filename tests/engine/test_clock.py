"""Time: tempo maps meet where they change, meters know their bars, virtual time only waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import (
    Beats,
    Meter,
    Seconds,
    SystemClock,
    TempoMap,
    VirtualClock,
    ceil_to,
    snap,
    swung,
)
from ripieno.errors import SettingError

tempos = st.floats(20, 300)
moments = st.floats(0, 10_000).map(Seconds)


@given(tempos, moments, moments)
def test_beats_and_seconds_are_inverse(bpm: float, at: Seconds, later: Seconds) -> None:
    tempo = TempoMap(at, Beats(3.0), bpm)
    assert tempo.seconds(tempo.beats(later)) == pytest.approx(later, abs=1e-6)


@given(tempos, tempos, moments, moments)
def test_a_change_of_tempo_does_not_jump(a: float, b: float, at: Seconds, change: Seconds) -> None:
    before = TempoMap(at, Beats(0.0), a)
    after = before.retimed(change, b)
    assert after.beats(change) == before.beats(change)
    assert after.seconds(Beats(after.beat + 1)) == pytest.approx(change + 60 / b)


@given(tempos, moments, st.floats(-64, 64).map(Beats), st.floats(0.5, 0.75))
def test_swing_bends_the_beat_and_comes_back(
    bpm: float, at: Seconds, beat: Beats, swing: float
) -> None:
    tempo = TempoMap(at, Beats(1.0), bpm, swing)
    assert tempo.beats(tempo.seconds(beat)) == pytest.approx(beat, abs=1e-6)
    whole = Beats(float(round(beat)))
    assert tempo.seconds(whole) == tempo.of_straight(whole), "whole beats stay where they are"
    off_beat = Beats(whole + 0.5)
    assert tempo.straight(tempo.seconds(off_beat)) == pytest.approx(whole + swing, abs=1e-6)


@given(st.floats(0.5, 0.75), st.lists(st.floats(-8, 8), min_size=2, max_size=8))
def test_swing_keeps_the_order(swing: float, beats: list[float]) -> None:
    ordered = [swung(Beats(beat), swing) for beat in sorted(beats)]
    assert ordered == sorted(ordered)


def test_moving_the_score_keeps_the_tempo() -> None:
    moved = TempoMap(Seconds(0.0), Beats(0.0), 60).moved(Seconds(5.3), Beats(8.0))
    assert moved.beats(Seconds(5.3)) == 8.0
    assert moved.beats(Seconds(6.3)) == pytest.approx(9.0)


@pytest.mark.parametrize("bpm", [0, 19.9, 300.1, -60, float("inf")])
def test_tempos_out_of_bounds_are_refused(bpm: float) -> None:
    with pytest.raises(SettingError, match="allowed: 20…300"):
        TempoMap(Seconds(0.0), Beats(0.0), bpm)


def test_bars() -> None:
    waltz = Meter(3, 4)
    assert waltz.bar == 3.0
    assert [waltz.bar_start(Beats(b)) for b in (0, 2.9, 3, -0.5)] == [0, 0, 3, -3]
    assert [waltz.next_bar(Beats(b)) for b in (0, 0.1, 3, -0.5)] == [0, 3, 3, 0]
    assert Meter(6, 8).bar == 3.0


@pytest.mark.parametrize("text", ["4", "4/5", "0/4", "x/y", "25/4", ""])
def test_meters_that_are_none(text: str) -> None:
    with pytest.raises(SettingError, match="meter"):
        Meter.parse(text)


def test_grid_points() -> None:
    sixteenth = Beats(0.25)
    assert [snap(Beats(b), sixteenth) for b in (0.1, 0.125, 0.24, -0.1)] == [0, 0.25, 0.25, 0]
    assert [ceil_to(Beats(b), sixteenth) for b in (0.0, 0.01, 0.25, -0.1)] == [0, 0.25, 0.25, 0]
    assert ceil_to(Beats(0.1 + 0.2), Beats(0.3)) == pytest.approx(0.3)


def test_clocks_wait_for_no_less_than_asked() -> None:
    virtual = VirtualClock(Seconds(2.0))
    virtual.sleep_until(Seconds(1.0))
    assert virtual.now() == 2.0
    virtual.sleep_until(Seconds(9.5))
    assert virtual.now() == 9.5
    system = SystemClock()
    until = Seconds(system.now() + 0.002)
    system.sleep_until(until)
    assert system.now() >= until
