"""Sound made ahead: every message on its frame, whatever the loudspeakers do with theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from ripieno.outputs.ahead import Ahead
from ripieno.outputs.messages import note_off, note_on

RATE, PERIOD = 48000, 64
ON, OFF = note_on(0, 60, 90), note_off(0, 60)


@dataclass
class Tape:
    """An instrument that writes down on which frame of all that it made each message came."""

    frames: int = 0
    heard: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def render(self, frames: int, events: list[tuple[int, bytes]]) -> list[bytes]:
        assert all(0 <= frame < frames for frame, _ in events)
        self.heard += [(self.frames + frame, tuple(data)) for frame, data in events]
        self.frames += frames
        return [bytes(4 * frames)]


def cycles(ahead: Ahead, start: int, count: int, period: int = PERIOD) -> list[int | None]:
    """So many periods from `start`; where each block that was taken begins, None for silence."""
    begins: list[int | None] = []
    for number in range(count):
        block = ahead.take(start + number * period, period)
        begins.append(block.start if block else None)
        ahead.make()
    return begins


@pytest.mark.parametrize("depth", [1, 3])
def test_blocks_follow_without_a_gap(depth: int) -> None:
    ahead = Ahead(Tape(), RATE, depth)
    assert cycles(ahead, 1000, 5) == [None, *(1000 + PERIOD * n for n in range(1, 5))]
    assert (ahead.made, ahead.late) == (4 + depth, 0)


@pytest.mark.parametrize("frame", [64, 65, 100, 127, 128, 300])
def test_a_message_sounds_on_its_frame(frame: int) -> None:
    tape = Tape()
    ahead = Ahead(tape, RATE)
    ahead.tell(frame, ON)
    cycles(ahead, 0, 6)  # what is made begins with frame 64
    assert tape.heard == [(frame - PERIOD, ON)]


def test_what_comes_late_or_at_once_sounds_at_once_and_in_order() -> None:
    tape = Tape()
    ahead = Ahead(tape, RATE)
    cycles(ahead, 0, 3)
    begin = tape.frames
    ahead.tell(10, ON)
    ahead.tell(None, note_on(1, 40, 80))
    cycles(ahead, 3 * PERIOD, 1)
    assert [at for at, _ in tape.heard] == [begin, begin]
    assert [message for _, message in tape.heard] == [ON, note_on(1, 40, 80)]


def test_a_note_that_is_revoked_never_begins() -> None:
    tape = Tape()
    ahead = Ahead(tape, RATE)
    ahead.tell(500, ON)
    ahead.tell(520, OFF, revokes=True)
    cycles(ahead, 0, 12)
    assert tape.heard == []


def test_a_note_that_has_begun_is_ended_when_it_is_revoked() -> None:
    tape = Tape()
    ahead = Ahead(tape, RATE)
    ahead.tell(PERIOD, ON)
    cycles(ahead, 0, 3)
    ahead.tell(5 * PERIOD, OFF, revokes=True)
    cycles(ahead, 3 * PERIOD, 4)
    assert tape.heard == [(0, ON), (4 * PERIOD, OFF)]


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("lost", [1, 64, 100, 6400, 12345])
def test_lost_frames_cost_silence_and_then_all_goes_on(lost: int, depth: int) -> None:
    ahead = Ahead(Tape(), RATE, depth)
    cycles(ahead, 0, 4)
    start = 4 * PERIOD + lost
    found = cycles(ahead, start, 8)
    assert found[depth:] == [start + PERIOD * n for n in range(depth, 8)]
    ahead.tell(start + 20 * PERIOD + 5, ON)
    assert all(begin is not None for begin in cycles(ahead, start + 8 * PERIOD, 16))


@pytest.mark.parametrize(("before", "after"), [(64, 128), (128, 64), (256, 96)])
def test_a_server_may_change_its_period(before: int, after: int) -> None:
    ahead = Ahead(Tape(), RATE)
    cycles(ahead, 0, 4, before)
    found = cycles(ahead, 4 * before, 8, after)
    assert found[4:] == [4 * before + after * n for n in range(4, 8)]


def test_one_that_is_too_slow_is_counted_and_holds_up_nobody() -> None:
    ahead = Ahead(Tape(), RATE)
    cycles(ahead, 0, 2)
    assert ahead.take(2 * PERIOD, PERIOD) is not None
    assert ahead.take(3 * PERIOD, PERIOD) is None  # nothing was made meanwhile
    assert ahead.late == 1
    ahead.make()
    assert cycles(ahead, 4 * PERIOD, 3)[1:] == [5 * PERIOD, 6 * PERIOD]
