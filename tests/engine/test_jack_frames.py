"""JACK to the frame: what is planned for a frame is recorded at that frame, and heard at it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from statistics import median

import pytest
from ripieno.clock import Seconds
from ripieno.events import ClockTick, MidiMessage, NoteOff, NoteOn, ProgramChange, Stamped
from ripieno.midi.echo import Echo
from ripieno.midi.frame_clock import FrameClock
from ripieno.midi.input import Input
from ripieno.midi.jack_port import JackConnection
from ripieno.midi.rtmidi_ports import Direction
from ripieno.outputs.messages import note_off, note_on, program
from ripieno.outputs.port import PortOutput
from ripieno.priority import REALTIME

from tests.engine.jackd import PERIOD, RATE, JackServer, until

RATE_OFF = 1.00005
"""A sound card whose crystal is fifty millionths off."""


def cycles(seconds: float, jitter: float, rate: float = RATE) -> Iterator[tuple[int, Seconds]]:
    """The cycles of a server that wakes late by up to `jitter` seconds."""
    noise = random.Random(1)
    for frame in range(0, round(seconds * rate), PERIOD):
        yield frame, Seconds(100.0 + frame / rate + noise.uniform(0, jitter))


def test_frames_follow_a_card_that_drifts() -> None:
    clock = FrameClock(RATE)
    for frame, at in cycles(120.0, 20e-6, RATE * RATE_OFF):
        assert clock.cycle(frame, at) == frame
    assert abs(clock.frame(Seconds(220.0)) - 120.0 * RATE * RATE_OFF) <= 3
    assert clock.moment(clock.frame(Seconds(220.0))) == pytest.approx(220.0, abs=1 / RATE)


def test_one_late_cycle_moves_nothing_and_lost_frames_are_counted() -> None:
    clock = FrameClock(RATE)
    for frame, at in cycles(2.0, 0.0):
        clock.cycle(frame, at)
    before = clock.frame(Seconds(103.0))
    end = 2 * RATE
    assert clock.cycle(end, Seconds(102.050)) == end
    assert clock.cycle(end + PERIOD, Seconds(102.0 + PERIOD / RATE)) == end + PERIOD
    found = [  # an xrun: from here on the server is 50 ms behind
        clock.cycle(end + count * PERIOD, Seconds(102.050 + count * PERIOD / RATE))
        for count in range(2, 5)
    ]
    lost = round(0.050 * RATE)
    assert found == [end + count * PERIOD + lost * (count > 2) for count in range(2, 5)]
    assert clock.frame(Seconds(103.0)) == before, "a moment keeps its frame"


def test_a_little_that_is_lost_is_made_up_for_within_a_tenth_of_a_second() -> None:
    clock = FrameClock(RATE)
    for frame, at in cycles(2.0, 0.0):
        clock.cycle(frame, at)
    end = 2 * RATE
    starts = [
        clock.cycle(end + count * PERIOD, Seconds(102.001 + count * PERIOD / RATE))
        for count in range(20)
    ]
    lost = round(0.001 * RATE)
    assert starts[0] == end
    assert starts[-1] == end + 19 * PERIOD + lost


def test_a_look_that_was_interrupted_says_nothing_about_the_moment() -> None:
    clock = FrameClock(RATE)
    assert not clock.running
    clock.cycle(0, Seconds(1.0))
    assert clock.running
    for count in range(1, 10):
        assert clock.cycle(count * PERIOD, None) == count * PERIOD
    assert clock.frame(Seconds(2.0)) == RATE


def test_frames_count_on_where_jack_begins_anew() -> None:
    clock = FrameClock(RATE)
    frames = (2**32 - 256, 0, 2**32 - 10, 256)
    counted = (2**32 - 256, 2**32, 2**32 - 10, 2**32 + 256)
    assert tuple(clock.cycle(frame, None) for frame in frames) == counted


@pytest.fixture
def urgent() -> Iterator[None]:
    """As urgent as the realtime process, so that JACK's thread never waits for ours to be let go.

    Where the system refuses, the test runs all the same.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(REALTIME))
    yield
    os.sched_setscheduler(0, *before)


@pytest.mark.real_part
@pytest.mark.usefixtures("urgent")
def test_five_hundred_messages_leave_on_their_very_frames(jackd: JackServer) -> None:
    port = JackConnection(Direction.OUTPUT, "exact", "", "")
    chance = random.Random(7)
    planned: list[tuple[int, tuple[int, ...]]] = []
    with jackd.dump("listener") as dump:
        jackd.connect("exact:out", dump.port)
        xruns = jackd.log.read_text().count("XRun")
        time.sleep(0.5)  # until the two clocks know each other
        at = Seconds(time.perf_counter() + 0.1)
        for number in range(250):
            for message in (note_on(0, number % 128, 90), note_off(0, number % 128)):
                at = Seconds(at + chance.uniform(0.0015, 0.009))
                while time.perf_counter() < at - 2 * port.lead:
                    time.sleep(0.002)
                planned.append((port.frame(at), message))
                port.send(message, at)
        until(lambda: time.perf_counter() > at + 0.05, "the end of the music")
    port.close()
    assert len(planned) == 500
    assert dump.messages == [message for _, message in planned]
    # the recorder counts from the cycle in which it came, and not what the server loses
    offsets = [frame - heard.frame for (frame, _), heard in zip(planned, dump.once, strict=True)]
    changes = sum(a != b for a, b in pairwise(offsets))
    lost = jackd.log.read_text().count("XRun") - xruns
    assert changes <= lost, f"the server lost frames {lost} times, the offset is {set(offsets)}"


@pytest.mark.real_part
def test_a_late_message_leaves_at_once_and_a_note_struck_again_has_ended(
    jackd: JackServer,
) -> None:
    out = PortOutput("late", "out", virtual=True)
    with jackd.dump("listener") as dump:
        jackd.connect("late:out", dump.port)
        time.sleep(0.1)
        past = Seconds(time.perf_counter() - 1.0)
        out.note_on(0, 60, 90, past)
        out.note_off(0, 60, past)
        out.note_on(0, 60, 91, past)
        out.note_off(0, 60, Seconds(past + 0.5))
    out.close()
    assert dump.messages == [(0x90, 60, 90), (0x80, 60, 64), (0x90, 60, 91), (0x80, 60, 64)]
    frames = [heard.frame for heard in dump.heard]
    assert frames[2] - frames[1] >= RATE // 1000


@pytest.mark.real_part
def test_what_has_not_sounded_can_be_taken_back(jackd: JackServer) -> None:
    out = PortOutput("back", "out", virtual=True)
    with jackd.dump("listener") as dump:
        jackd.connect("back:out", dump.port)
        time.sleep(0.1)
        now = Seconds(time.perf_counter())
        out.note_on(0, 60, 90, now)
        time.sleep(0.05)
        out.note_on(0, 62, 90, Seconds(now + 0.5))
        out.revoke(0, 60, Seconds(now + 0.05))
        out.revoke(0, 62, Seconds(now + 0.05))
        time.sleep(0.6)
    out.close()
    assert dump.messages == [(0x90, 60, 90), (0x80, 60, 64)]


@pytest.mark.real_part
@pytest.mark.usefixtures("urgent")
def test_what_is_heard_is_stamped_with_its_frame(jackd: JackServer) -> None:
    heard: list[Stamped] = []
    source = Input("stamps", "", virtual=True, on_message=heard.append)
    port = JackConnection(Direction.OUTPUT, "player", "", "")
    jackd.connect("player:out", "stamps-in:in")
    time.sleep(0.5)
    start = time.perf_counter() + 0.1
    moments = [Seconds(start + number * 0.0213) for number in range(40)]
    for number, at in enumerate(moments):
        port.send(note_on(0, 40 + number, 90) if number % 2 else (0xF8,), at)
        while time.perf_counter() < at - 2 * port.lead:
            time.sleep(0.002)
    until(lambda: len(heard) == 40, "forty messages")
    port.close()
    source.close()
    ticks = [s.at - moments[n] for n, s in enumerate(heard) if s.message == ClockTick()]
    notes = [s.at - moments[n] for n, s in enumerate(heard) if isinstance(s.message, NoteOn)]
    assert len(ticks) == len(notes) == 20
    assert abs(median(ticks)) < 0.0005, "a clock is where its frame is"
    assert abs(median(notes) + PERIOD / RATE) < 0.0005, "a hand was a period before"


# ---- echoes


class Loop:
    """A loop in which time passes by hand."""

    def __init__(self) -> None:
        self.now = Seconds(0.0)
        self.echo = Echo(lambda: self.now)

    def comes_back(self, message: MidiMessage, after: float = 0.01) -> bool:
        return self.echo.is_ours(message, Seconds(self.now + after))


def test_our_own_notes_are_not_the_players() -> None:
    loop = Loop()
    loop.echo.sent(note_on(0, 60, 90))
    assert loop.comes_back(NoteOn(0, 60, 90))
    assert not loop.comes_back(NoteOn(0, 60, 90)), "one was sent, and not two"
    loop.echo.sent(note_off(0, 60))
    assert loop.comes_back(NoteOff(0, 60))
    assert not loop.comes_back(NoteOff(0, 60))


def test_a_late_or_another_note_is_the_players() -> None:
    loop = Loop()
    loop.echo.sent(note_on(0, 60, 90))
    assert not loop.comes_back(NoteOn(0, 60, 91))
    assert not loop.comes_back(NoteOn(1, 60, 90))
    assert not loop.comes_back(NoteOn(0, 60, 90), after=1.0)


def test_the_players_note_off_is_kept_on_a_pitch_that_we_play() -> None:
    loop = Loop()
    assert not loop.comes_back(NoteOn(0, 60, 77))
    loop.echo.sent(note_on(0, 60, 90))
    loop.echo.sent(note_off(0, 60))
    assert not loop.comes_back(NoteOff(0, 60)), "nothing of ours has come back"


def test_a_program_of_ours_that_comes_back_is_not_the_players() -> None:
    loop = Loop()
    loop.echo.sent(program(4, 48))
    assert loop.comes_back(ProgramChange(4, 48))
    assert not loop.comes_back(ProgramChange(4, 48))


def test_ticks_are_never_echoes() -> None:
    loop = Loop()
    loop.echo.sent((0xF8,))
    assert not loop.comes_back(ClockTick())


@pytest.mark.real_part
def test_a_loop_on_jack_makes_no_feedback_and_hands_are_heard(jackd: JackServer) -> None:
    heard: list[Stamped] = []
    source = Input("loop", "", virtual=True, on_message=heard.append)
    out = PortOutput("loop", "", virtual=True)
    out.echoes = [source.echo]
    hands = PortOutput("hands", "", virtual=True)
    jackd.connect("loop:out", "loop-in:in")
    jackd.connect("hands:out", "loop-in:in")
    for number in range(50):
        out.note_on(0, 60 + number % 5, 90)
        hands.note_on(0, 60 + number % 5, 40 + number)
        time.sleep(0.004)
        out.note_off(0, 60 + number % 5)
        hands.note_off(0, 60 + number % 5)
        time.sleep(0.008)
    until(lambda: len(heard) >= 100, "fifty notes")
    time.sleep(0.05)
    for port in (out, hands):
        port.close()
    source.close()
    ons = [s.message.velocity for s in heard if isinstance(s.message, NoteOn)]
    assert ons == list(range(40, 90)), "the player's notes, and none of ours"
    assert sum(isinstance(s.message, NoteOff) for s in heard) == 50
