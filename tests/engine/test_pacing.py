"""Messages on their way out: in their time, in their order, and each of them once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from ripieno.outputs.ends import Ends
from ripieno.outputs.messages import Message, bend, control, note_off, note_on, program
from ripieno.outputs.pacing import Pacing, line_of
from ripieno.outputs.reminders import Reminders

GAP = 1.0
ON, OFF = note_on(0, 60, 90), note_off(0, 60)


def left(pacing: Pacing, until: float, floor: float = 0.0) -> list[tuple[float, Message]]:
    return list(pacing.due(until, floor))


def test_the_earlier_leaves_first_and_at_one_moment_what_ends() -> None:
    pacing = Pacing(GAP)
    pacing.put(2.0, note_on(0, 62, 90))
    pacing.put(1.0, program(0, 5))
    pacing.put(2.0, note_off(0, 64))
    assert pacing.next == 1.0
    assert left(pacing, 1.5) == [(1.0, program(0, 5))]
    assert left(pacing, 2.0) == [(2.0, note_off(0, 64)), (2.0, note_on(0, 62, 90))]
    assert pacing.next is None


def test_at_one_moment_all_else_leaves_as_it_was_put() -> None:
    pacing = Pacing(GAP)
    told = [control(0, 0, 1), control(0, 32, 2), program(0, 3), note_on(0, 60, 90), bend(0, 0)]
    for message in told:
        pacing.put(1.0, message)
    assert [message for _, message in left(pacing, 1.0)] == told


def test_one_note_keeps_its_order_and_its_gaps() -> None:
    pacing = Pacing(GAP)
    for at, message in ((5.0, ON), (4.0, OFF), (5.5, ON), (9.0, OFF)):
        pacing.put(at, message)
    assert left(pacing, 4.9) == []
    assert left(pacing, 20.0) == [(5.0, ON), (6.0, OFF), (7.0, ON), (9.0, OFF)]


def test_what_is_late_leaves_now_and_its_successor_after_the_gap() -> None:
    pacing = Pacing(GAP)
    pacing.put(1.0, OFF)
    pacing.put(2.0, ON)
    assert left(pacing, 10.0, floor=10.0) == [(10.0, OFF)]
    assert pacing.next == 11.0
    assert left(pacing, 11.0, floor=11.0) == [(11.0, ON)]


def test_a_cancelled_note_does_not_begin_and_a_begun_one_ends() -> None:
    pacing = Pacing(GAP)
    pacing.put(1.0, ON)
    pacing.cancel(0, 60, 0.5)
    assert pacing.next is None
    pacing.put(1.0, ON)
    left(pacing, 1.0)
    pacing.put(8.0, OFF)
    assert pacing.busy(0, 60)
    pacing.cancel(0, 60, 3.0)
    assert left(pacing, 100.0) == [(3.0, OFF)]
    assert not pacing.busy(0, 60)
    assert pacing.left(0, 60) == 3.0


def test_what_could_not_be_delivered_leaves_before_its_successors() -> None:
    pacing = Pacing(GAP)
    pacing.put(1.0, ON)
    pacing.put(2.0, OFF)
    ((at, message),) = left(pacing, 1.0)
    pacing.put_back(1.5, message)
    assert (at, message) == (1.0, ON)
    assert left(pacing, 5.0) == [(1.5, ON), (2.5, OFF)]


notes = st.builds(note_on, st.integers(0, 1), st.integers(60, 62), st.integers(1, 127))
ends = st.builds(note_off, st.integers(0, 1), st.integers(60, 62))
others = st.builds(control, st.integers(0, 1), st.integers(0, 2), st.integers(0, 127))
puts = st.tuples(st.floats(0, 20), st.one_of(notes, ends, others, st.just((0xF8,))))
pumps = st.floats(0, 5)


@given(st.lists(st.one_of(puts, pumps), max_size=60))
def test_nothing_is_lost_and_nothing_changes_places(moves: list[object]) -> None:
    pacing, now = Pacing(GAP), 0.0
    put: list[Message] = []
    gone: list[tuple[float, Message]] = []
    for move in moves:
        if isinstance(move, tuple):
            pacing.put(*move)
            put.append(move[1])
        elif isinstance(move, float):
            now += move
            gone += pacing.due(now, now)
            assert pacing.next is None or pacing.next > now
    gone += pacing.due(float("inf"), now)
    assert pacing.next is None
    for line in {line_of(message) for message in put}:
        mine = [(at, message) for at, message in gone if line_of(message) == line]
        assert [message for _, message in mine] == [m for m in put if line_of(m) == line]
        moments = [at for at, _ in mine]
        assert moments == sorted(moments)
        if line[0] & 0xF0 == 0x90:
            assert all(b - a >= GAP - 1e-9 for a, b in pairwise(moments))
    assert [at for at, _ in gone] == sorted(at for at, _ in gone)


# ---- what a listener has missed


def test_who_comes_back_is_told_what_ended_meanwhile() -> None:
    ends = Ends()
    ends.sent(ON)
    ends.sent(note_on(0, 64, 90))
    ends.sent(control(0, 64, 127))
    ends.sent(note_off(0, 64))
    ends.looked()
    ends.left()
    ends.sent(OFF)  # nobody hears it
    assert ends.came() == [OFF, control(0, 64, 0)]
    assert ends.came() == [], "only once"


def test_what_ended_since_the_last_look_may_not_have_been_heard() -> None:
    ends = Ends()
    ends.sent(ON)
    ends.looked()
    ends.sent(OFF)
    ends.left()
    assert ends.came() == [OFF]


def test_who_was_never_there_has_missed_nothing() -> None:
    ends = Ends()
    ends.sent(ON)
    ends.looked()
    assert ends.came() == []


# ---- what a listener may have missed


def test_after_a_lost_cycle_what_ended_lately_is_told_again_and_only_that() -> None:
    lately = Reminders(100)
    for frame, message in enumerate((ON, OFF, note_on(0, 64, 90), control(0, 64, 127))):
        lately.sent(message, frame)
    assert lately.lately(50) == [OFF], "what sounds is none of it"
    lately.sent(control(0, 64, 0), 60)
    assert lately.lately(101) == [OFF, control(0, 64, 0)]
    assert lately.lately(102) == [control(0, 64, 0)], "the note-off was heard long ago"
    lately.sent(OFF, 150)  # told again
    assert lately.lately(250) == [OFF], "and may be lost again"


def test_a_note_that_is_struck_anew_is_not_ended_by_a_reminder() -> None:
    lately = Reminders(100)
    lately.sent(ON, 0)
    lately.sent(OFF, 10)
    lately.sent(ON, 20)
    assert lately.lately(30) == []
    lately.sent(OFF, 40)
    assert lately.lately(130) == [OFF]
