"""A take played again: the same bytes, in the same order, at the same moments."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.clock import Beats, Seconds, VirtualClock
from ripieno.ensemble import alone
from ripieno.errors import PhraseError, SettingError
from ripieno.events import ControlChange, MidiMessage, NoteOff, NoteOn, Stamped
from ripieno.ledger import Ledger
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.settings import Mode, Settings
from ripieno.sound import Sound, When
from ripieno.takes.facts import Sent
from ripieno.takes.replay import EARLY, READY, moments, outgoing, replay
from ripieno.takes.take import Take
from ripieno.takes.tap import TakeOutput

from tests.engine.test_take import HEADER, take
from tests.fakes import FakeInference, FakeRecorder


class RawOutput:
    """An output that keeps the bytes that a MIDI port would send, and when."""

    name = "raw"
    problem = ""

    def __init__(self, clock: VirtualClock, lead: float = 0.0) -> None:
        self.lead = Seconds(lead)
        self.bytes: list[bytes] = []
        self.moments: list[float] = []
        self._clock = clock

    def note_on(self, channel: int, pitch: int, velocity: int, at: Seconds | None = None) -> None:
        self._keep(at, 0x90 | channel, pitch, velocity)

    def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
        self._keep(at, 0x80 | channel, pitch, 64)

    def control(self, channel: int, controller: int, value: int, at: Seconds | None = None) -> None:
        self._keep(at, 0xB0 | channel, controller, value)

    def program(self, channel: int, program: int, at: Seconds | None = None) -> None:
        self._keep(at, 0xC0 | channel, program)

    def bend(self, channel: int, value: int, at: Seconds | None = None) -> None:
        low, high = (value + 8192) % 128, (value + 8192) // 128
        self._keep(at, 0xE0 | channel, low, high)

    def clock(self, data: tuple[int, ...], at: Seconds | None = None) -> None:
        self._keep(at, *data)

    def silence(self, at: Seconds | None = None) -> None:
        for channel in range(16):
            self._keep(at, 0xB0 | channel, 123, 0)
            self._keep(at, 0xB0 | channel, 120, 0)

    def check(self) -> bool:
        return False

    def close(self) -> None:
        return

    def _keep(self, at: Seconds | None, *message: int) -> None:
        early = self.lead + EARLY if self.lead else 0.0
        assert at is None or self._clock.now() >= at - early - 1e-9, "told too early"
        self.bytes.append(bytes(message))
        self.moments.append(self._clock.now() if at is None else max(at, self._clock.now()))


def played() -> tuple[Take, RawOutput]:
    """A performance with notes, a pedal, the wheel, a re-strike and a panic: take and bytes."""
    clock = VirtualClock(Seconds(100.0))
    raw, recorder, inference = RawOutput(clock), FakeRecorder(), FakeInference()
    sound = Sound((TakeOutput(recorder, clock.now), raw), Ledger(), Routing(), recorder)
    settings = Settings(mode=Mode.SOLO, bpm=120.0)
    show = Performance(alone(settings), sound, (inference.ask,), recorder, at=clock.now())
    keys: dict[int, MidiMessage] = {
        8: NoteOn(0, 64, 90),
        10: ControlChange(0, 64, 127),
        12: NoteOn(0, 64, 91),
        13: NoteOff(0, 64),
        15: ControlChange(0, 64, 0),
    }
    bends = {11: -8192, 14: 8191}
    show.play(clock.now())
    for tick in range(80):
        if tick in bends:
            now = clock.now()
            sound.thru_bend(bends[tick], When(show.beat(now), now, now))
        if tick in keys:
            show.hear(Stamped(clock.now(), keys[tick]))
        for planned in inference.answers():
            show.planned(planned, clock.now())
        show.advance(clock.now())
        sound.pump(clock.now())
        if tick == 60:
            show.panic(clock.now())
        clock.sleep_until(Seconds(clock.now() + 0.05))
    show.stop(clock.now())
    sound.pump(Seconds(clock.now() + 1.0))
    return replace(take(*recorder.facts), header=replace(HEADER, started=Seconds(100.0))), raw


def test_the_same_bytes_go_out_again_at_the_same_moments() -> None:
    recorded, live = played()
    kinds = {message[0] & 0xF0 for message in live.bytes}
    assert kinds >= {0x80, 0x90, 0xB0, 0xC0, 0xE0}, "all kinds of messages were played"
    clock = VirtualClock(Seconds(7000.0))
    again = RawOutput(clock)
    count = replay(recorded, (again,), clock)
    assert again.bytes == live.bytes
    assert count == len(outgoing(recorded))
    first = next(n for n, message in enumerate(live.bytes) if message[0] & 0xF0 == 0x90)
    for then, now in zip(live.moments[first:], again.moments[first:], strict=True):
        assert now - 7000.0 - READY == pytest.approx(then - live.moments[first], abs=1e-9)


def test_outputs_that_want_to_know_early_are_told_early_and_sound_together() -> None:
    recorded, live = played()
    clock = VirtualClock()
    early, plain = RawOutput(clock, lead=0.05), RawOutput(clock)
    replay(recorded, (early, plain), clock)
    assert early.bytes == plain.bytes == live.bytes
    first = next(n for n, message in enumerate(live.bytes) if message[0] & 0xF0 == 0x90)
    silences = [n for n, message in enumerate(live.bytes) if message[1:] in (b"\x7b\0", b"\x78\0")]
    for place in range(first, len(live.bytes)):
        if place not in silences:
            assert early.moments[place] == pytest.approx(plain.moments[place], abs=1e-9)


def test_it_can_go_faster_and_slower() -> None:
    recorded, _ = played()
    sent = outgoing(recorded)
    normal, double = list(moments(sent)), list(moments(sent, 2.0))
    for one, other in zip(normal, double, strict=True):
        assert other - READY == pytest.approx((one - READY) / 2) or one == other == 0.0
    for speed in (0.0, 0.05, 11.0, -1.0):
        with pytest.raises(SettingError, match=r"allowed: 0.1…10"):
            list(moments(sent, speed))


def test_what_sounds_when_it_is_cut_off_or_left_is_released() -> None:
    facts = (
        Sent("b4407f", Seconds(1.0)),
        Sent("903c50", Seconds(1.0)),
        Sent("944050", Seconds(1.5)),
        Sent("803c40", Seconds(9.0)),
    )
    for cut in (3, 4):
        clock, ledger = VirtualClock(), Ledger()
        raw = RawOutput(clock)
        leave = (lambda: False) if cut == 3 else lambda: clock.now() > 3.0  # noqa: B023
        replay(take(*facts[:cut]), (raw,), clock, ledger=ledger, leave=leave)
        sent = [message.hex() for message in raw.bytes]
        assert sent == ["b4407f", "903c50", "944050", "b44000", "803c40", "844040"]
        assert not ledger.count
        assert not ledger.pedals()


def test_the_ledger_knows_of_every_note_before_it_sounds() -> None:
    recorded, _ = played()
    clock, ledger = VirtualClock(), Ledger()

    class Watching(RawOutput):
        def note_on(
            self, channel: int, pitch: int, velocity: int, at: Seconds | None = None
        ) -> None:
            assert ledger.sounds(channel, pitch)
            super().note_on(channel, pitch, velocity, at)

        def note_off(self, channel: int, pitch: int, at: Seconds | None = None) -> None:
            struck.append(ledger.sounds(channel, pitch))
            super().note_off(channel, pitch, at)

    struck: list[bool] = []
    replay(recorded, (Watching(clock),), clock, ledger=ledger)
    assert sum(struck) > 10
    assert not ledger.count


@pytest.mark.parametrize("leads", [(0.02,), (0.0, 0.02), (0.5, 0.02)])
def test_who_is_killed_at_any_moment_has_in_the_ledger_what_sounds_and_what_may(
    leads: tuple[float, ...],
) -> None:
    """What was told early and has not left dies with us: its note is the guard's to release."""
    recorded, _ = played()
    ledger = Ledger()
    outputs: list[RawOutput] = []
    looks = 0

    class Watched(VirtualClock):
        def sleep_until(self, at: Seconds) -> None:
            nonlocal looks
            while self.now() < at:
                super().sleep_until(min(at, Seconds(self.now() + 0.004)))
                for out in outputs:
                    assert sounding(out, self.now()) <= set(ledger.sounding())
                    looks += bool(sounding(out, self.now()))

    clock = Watched()
    outputs += [RawOutput(clock, lead) for lead in leads]
    replay(recorded, outputs, clock, ledger=ledger)
    assert looks > 200
    assert not ledger.count
    assert not ledger.pedals()


def sounding(out: RawOutput, now: float) -> set[tuple[int, int]]:
    """The notes whose last message that has left by `now` began them."""
    found: set[tuple[int, int]] = set()
    for moment, message in sorted(zip(out.moments, out.bytes, strict=True), key=lambda m: m[0]):
        if moment <= now and message[0] & 0xF0 == 0x90:
            found.add((message[0] & 0x0F, message[1]))
        elif moment <= now and message[0] & 0xF0 == 0x80:
            found.discard((message[0] & 0x0F, message[1]))
    return found


def test_what_was_told_early_does_not_begin_any_more_when_it_is_left() -> None:
    facts = (Sent("903c50", Seconds(1.0)), Sent("944050", Seconds(1.5)))
    clock = VirtualClock()
    early = Looking(clock, lead=0.3)
    replay(take(*facts), (early,), clock, leave=lambda: READY + 0.2 < clock.now() < READY + 0.4)
    assert early.revoked == [(0, 60), (4, 64)]


class Looking(RawOutput):
    """An output that looks ahead, and takes back what has not sounded."""

    def __init__(self, clock: VirtualClock, lead: float) -> None:
        super().__init__(clock, lead)
        self.revoked: list[tuple[int, int]] = []

    def revoke(self, channel: int, pitch: int, at: Seconds) -> None:
        assert at == self._clock.now()
        self.revoked.append((channel, pitch))


def test_clock_messages_are_sent_again() -> None:
    clock = VirtualClock()
    raw = RawOutput(clock)
    replay(take(Sent("f20400", Seconds(1)), Sent("fb", Seconds(1)), Sent("f8", Seconds(2))),
           (raw,), clock)  # fmt: skip
    assert raw.bytes == [b"\xf2\x04\x00", b"\xfb", b"\xf8"]


def test_a_take_without_what_went_out_says_so() -> None:
    with pytest.raises(PhraseError, match=r"an earlier Ripieno: `ripieno takes`"):
        replay(take(), (RawOutput(VirtualClock()),), VirtualClock())


def test_the_lowest_and_highest_bend_are_written_as_midi_has_them() -> None:
    recorder = FakeRecorder()
    out = TakeOutput(recorder, lambda: 3.0)
    for value in (-8192, 0, 8191):
        out.bend(1, value, Seconds(Beats(2.0)))
    out.note_on(15, 127, 1)
    assert recorder.facts == [
        Sent("e10000", Seconds(2.0)),
        Sent("e10040", Seconds(2.0)),
        Sent("e17f7f", Seconds(2.0)),
        Sent("9f7f01", Seconds(3.0)),
    ]
