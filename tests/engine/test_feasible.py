"""The feasible region against a playback that is run through step by step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ripieno.clock import Seconds
from ripieno.doctor import feasible
from ripieno.doctor.feasible import Plan

PERIODS = 40
steps = st.integers(1, 40)
trip_tables = st.dictionaries(
    st.sampled_from((1, 2, 4, 8, 16, 32)),
    st.floats(0.0005, 5.0).map(Seconds),
    min_size=1,
)


def starves(interval: int, length: int, behind: int) -> bool:
    """Play: one plan at a time is made, and is there `behind` steps after it was asked for."""
    asked = [number * interval for number in range(PERIODS)]
    if interval < behind:
        return True  # the next one is asked for while one is still being made: they pile up
    for now in range(behind, asked[-1]):
        plans = [begin for begin in asked if begin + behind <= now]
        if not any(begin <= now < begin + length for begin in plans):
            return True
    return False


@given(interval=steps, length=steps, behind=steps)
def test_a_plan_is_feasible_exactly_when_playback_never_starves(
    interval: int, length: int, behind: int
) -> None:
    plan = Plan(interval, length)
    assert feasible.never_starves(plan, behind) == (not starves(interval, length, behind))


@given(trips=trip_tables, bpm=st.floats(20, 300))
def test_the_region_is_all_of_it_and_the_smallest_is_in_it(
    trips: dict[int, Seconds], bpm: float
) -> None:
    step = feasible.step_seconds(bpm)
    region = list(feasible.feasible(trips, step))
    everything = {
        Plan(interval, length)
        for length, trip in trips.items()
        for interval in range(1, length + 1)
        if feasible.never_starves(Plan(interval, length), feasible.steps_for(trip, step))
    }
    assert set(region) == everything and len(region) == len(everything)
    picked = feasible.smallest(trips, step)
    assert (picked is None) == (not region)
    if picked is not None:
        assert picked == min(everything, key=lambda plan: (plan.interval, plan.length))


@given(trip=st.floats(0.0005, 5.0), slower=st.floats(1.0, 10.0), length=steps)
def test_a_slower_model_has_less_to_choose_from(trip: float, slower: float, length: int) -> None:
    step = feasible.step_seconds(120)
    quick = set(feasible.intervals(length, Seconds(trip), step))
    slow = set(feasible.intervals(length, Seconds(trip * slower), step))
    assert slow <= quick


@pytest.mark.parametrize(
    ("round_trip", "behind"), [(0.001, 1), (0.125, 1), (0.1251, 2), (0.25, 2), (1.0, 8)]
)
def test_a_round_trip_is_counted_in_whole_steps(round_trip: float, behind: int) -> None:
    assert feasible.steps_for(Seconds(round_trip), feasible.step_seconds(120)) == behind


def test_the_table_says_how_often_and_stars_the_one_that_is_picked() -> None:
    trips = {1: Seconds(0.1), 4: Seconds(0.2), 8: Seconds(0.9)}
    head, *rows = feasible.table(trips, (60.0, 120.0, 300.0))
    assert head.split() == ["bpm", "sixteenth", "L=1", "L=4", "L=8"]
    assert [row.split() for row in rows] == [
        ["60", "250", "ms", "–", "1…3*", "4"],
        ["120", "125", "ms", "–", "2*", "–"],
        ["300", "50", "ms", "–", "–", "–"],
    ]
