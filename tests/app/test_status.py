"""What the screen tells of the engine: the clock, the ladder, latencies, and the count-in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.events import ClockState, Latency, Notice, Rung, Telemetry
from ripieno.settings import ClockSource

from tests.app.scenes import answering, counting_in, following, stopped
from tests.app.stage import LARGE, on_stage


async def test_latency_misses_and_routes_are_told() -> None:
    async with on_stage(telemetry=replace(answering(), missed=3)) as stage:
        assert stage.words("#latency").split()[:2] == ["missed", "3/640"]
        assert "late 0.02/0.3" in stage.words("#latency")
        assert "turn 1.2/3.1" in stage.words("#latency")
        assert "out FluidSynth (jack), ripieno:out" in stage.words("#route")
        await stage.tell(replace(answering(23.0), outputs=(), inputs=()))
        assert "nothing sounds" in stage.words("#route")
        assert "letters only" in stage.words("#route")


async def test_figures_are_as_long_as_they_need_to_be() -> None:
    gauges = (Latency("scheduler", 0.0004, 0.02, 9), Latency("hand-over", 0.26, 43.2, 2))
    async with on_stage(telemetry=replace(answering(), latencies=gauges)) as stage:
        assert stage.words("#latency") == "missed 0/640  late 0/0.02  turn 0.3/43  ms"


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (LARGE, ("relaxed 2", "late 0.02/0.1/0.3", "turn 1.2/2.9/3.1", "ladder: fewer cand")),
        (
            (140, 40),
            ("scheduler 0.02/0.1/0.3", "hand-over 1.2/2.9/3.1", "ladder: fewer candidates"),
        ),
    ],
)
async def test_a_wide_screen_says_more(size: tuple[int, int], says: tuple[str, ...]) -> None:
    now = answering()
    async with on_stage(size, now) as stage:
        line = stage.app.performance.query_one("#latency")
        assert "p99 in ms" in stage.words("#latency")
        assert "▮▯▯▯▯" in stage.words("#latency"), "the share of the budget"
        assert max(map(len, stage.words("#latency").split("\n"))) <= line.size.width
        await stage.tell(replace(now, at=Seconds(now.at + 1.0), rung=Rung.FEWER))
        for text in says:
            assert text in stage.words("#latency")
        assert max(map(len, stage.words("#latency").split("\n"))) <= line.size.width


async def test_the_clock_tells_where_the_time_comes_from_and_how_good_it_is() -> None:
    waiting = replace(following(locked=False), playing=False)
    async with on_stage(telemetry=answering()) as stage:
        assert stage.words("#clock") == "clock internal"
        steps = (
            (waiting, "midi waiting"),
            (following(locked=False), "midi locking"),
            (following(), "midi 119.8 ±0.4 ms"),
            (following(locked=False), "! midi lost"),
            (waiting, "! midi lost"),
            (following(12.3), "midi 119.8 ±12 ms"),
            (answering(), "clock internal"),
            (waiting, "midi waiting"),  # asked for anew
            (_in_link_with(1), "link 84.0"),
            (_in_link_with(0), "link 84.0 alone"),
        )
        for second, (telemetry, words) in enumerate(steps, 200):
            await stage.tell(replace(telemetry, at=Seconds(second)))
            assert stage.words("#clock") == words
            assert len(words) <= stage.app.performance.query_one("#clock").size.width
    async with on_stage(LARGE, following()) as stage:
        assert stage.words("#clock") == "midi locked 119.8 ±0.4 ms"


def _in_link_with(others: int) -> Telemetry:
    return replace(answering(), clock=ClockState(ClockSource.LINK, others > 0, 84.0, 0.0))


async def test_figures_rest_between_their_turns_but_a_lost_clock_is_told_at_once() -> None:
    async with on_stage(telemetry=following()) as stage:
        soon = replace(following(0.9), at=Seconds(following().at + 1e-3))
        assert int(soon.at * 3) == int(following().at * 3)
        await stage.tell(soon)
        assert stage.words("#clock") == "midi 119.8 ±0.4 ms"
        await stage.tell(replace(soon, clock=following(locked=False).clock))
        assert stage.words("#clock") == "! midi lost"


async def test_words_without_room_name_the_key_that_has_them_in_full() -> None:
    text = "The port ‘Digital Piano’ has gone, and nobody knows where to. " * 3
    told = replace(answering(), notices=(Notice(9, text, True),))
    async with on_stage(telemetry=told) as stage:
        assert stage.words("#notice-0").endswith("… ?")
        assert len(stage.words("#notice-0")) <= 78


async def test_a_machine_that_cannot_sound_says_so() -> None:
    for outputs in ((), ("none",)):
        async with on_stage(telemetry=replace(answering(), outputs=outputs)) as stage:
            assert "nothing sounds" in stage.words("#route")


async def test_a_narrow_screen_names_the_keys_that_matter() -> None:
    async with on_stage((40, 18)) as stage:
        assert "panic" in stage.words("KeysBar")


async def test_the_ladder_shows_while_it_is_used_and_does_not_flicker() -> None:
    now = answering()
    async with on_stage(telemetry=now) as stage:
        assert "ladder" not in stage.words("#latency")
        for later, rung, shown in (
            (0.5, Rung.FEWER, "ladder: fewer "),
            (1.0, Rung.HOLD, "ladder: hold "),
            (1.5, Rung.FULL, "ladder: hold "),
            (2.5, Rung.FEWER, "ladder: hold "),
            (3.5, Rung.FEWER, "ladder: fewer "),
        ):
            await stage.tell(replace(now, at=Seconds(now.at + later), rung=rung))
            assert shown in stage.words("#latency")
        await stage.tell(replace(now, at=Seconds(now.at + 6.0)))
        assert "ladder" not in stage.words("#latency")


async def test_a_count_in_counts_and_a_place_before_the_start_is_the_start() -> None:
    async with on_stage(telemetry=stopped()) as stage:
        assert stage.words("Position").split() == ["■", "1.1"]
        await stage.tell(counting_in(-8.0))
        assert stage.words("Position").split() == ["▶", "-2.1"]
        assert stage.words("PhaseLine") == "count-in 2.0 bars left"
        await stage.tell(counting_in(-0.25))
        assert stage.words("Position").split() == ["▶", "-1.4"]
        await stage.tell(replace(counting_in(0.0), counting_in=Beats(0.0)))
        assert stage.words("Position").split() == ["▶", "1.1"]
        assert stage.words("PhaseLine") == "playing"
        led_in = replace(answering(-0.5), counting_in=Beats(0.5))  # half a beat is no count-in
        await stage.tell(led_in)
        assert stage.words("Position").split() == ["▶", "1.1"]
        assert "answering" in stage.words("PhaseLine")


async def test_a_count_in_in_the_middle_is_told_too() -> None:
    sync = replace(answering().settings.sync, count_in=1)
    settings = replace(answering().settings, sync=sync)
    told = replace(answering(13.0, settings), counting_in=Beats(3.0))
    async with on_stage(telemetry=told) as stage:
        assert stage.words("Position").split() == ["▶", "4.2"]
        assert stage.words("PhaseLine") == "count-in 0.8 bars left"
