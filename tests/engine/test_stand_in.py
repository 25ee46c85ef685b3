"""The built-in sound plays for an instrument that is away: note by note, and none is left over."""

from __future__ import annotations

import random

from ripieno.clock import Seconds
from ripieno.outputs.lane import Lane
from ripieno.outputs.messages import SUSTAIN, control, note_off, note_on
from ripieno.outputs.stand_in import StandIn

from tests.fakes import FakeOutput

BASS = 3


class Away(FakeOutput):
    """An instrument that comes and goes."""

    ready = False


class Stage:
    """The built-in sound on all channels but the bass's, and an instrument for that."""

    def __init__(self, spare: bool = False) -> None:
        self.synth, self.instrument = FakeOutput(), Away()
        others = tuple(channel for channel in range(16) if channel != BASS)
        self.lanes = [Lane(self.synth, channels=others), Lane(self.instrument, channels=(BASS,))]
        if spare:
            self.lanes[0] = Lane(self.synth)
            self.lanes[0].begins = frozenset()
        self.stand_in = StandIn(self.lanes[0], self.lanes)
        self.now = 0.0

    def put(self, *messages: tuple[int, ...]) -> None:
        for message in messages:
            self.now += 0.01
            for lane in self.lanes:
                lane.put(Seconds(self.now), message)
                lane.pump(Seconds(self.now))

    def turn(self, ready: bool) -> None:
        self.instrument.ready = ready
        self.stand_in.look()


def test_it_plays_until_the_instrument_is_there() -> None:
    stage = Stage()
    stage.put(note_on(BASS, 40, 90))
    assert stage.synth.sounding and not stage.instrument.sounding
    stage.turn(ready=True)
    stage.put(note_on(BASS, 43, 90))
    assert set(stage.instrument.sounding) == {(BASS, 43)}
    assert set(stage.synth.sounding) == {(BASS, 40)}, "what sounds ends where it began"
    stage.put(note_off(BASS, 40), note_off(BASS, 43))
    assert not stage.synth.sounding and not stage.instrument.sounding


def test_other_voices_never_change_hands() -> None:
    stage = Stage()
    for ready in (False, True, False):
        stage.turn(ready)
        stage.put(note_on(0, 60, 90))
        assert set(stage.synth.sounding) == {(0, 60)} and not stage.instrument.calls
        stage.put(note_off(0, 60))


def test_one_that_is_there_for_this_alone_is_silent_else() -> None:
    stage = Stage(spare=True)
    stage.turn(ready=True)
    stage.put(note_on(0, 60, 90), note_on(BASS, 40, 90))
    assert not stage.synth.sounding
    stage.turn(ready=False)
    stage.put(note_on(BASS, 41, 90), note_on(0, 62, 90))
    assert set(stage.synth.sounding) == {(BASS, 41)}


def test_one_that_does_not_open_is_played_for_to_the_end() -> None:
    synth = FakeOutput()
    lane = Lane(synth, channels=(0, 1, 2))
    stand_in = StandIn(lane, [lane], alone=frozenset({BASS}))
    for _ in range(2):
        stand_in.look()
        assert lane.begins == {0, 1, 2, BASS}


def test_a_pedal_that_was_pressed_is_released_where_it_was() -> None:
    stage = Stage()
    stage.put(control(BASS, SUSTAIN, 127))
    stage.turn(ready=True)
    stage.put(control(BASS, SUSTAIN, 0))
    assert stage.synth.calls == [("control", SUSTAIN, 127), ("control", SUSTAIN, 0)]


def test_no_note_hangs_however_often_it_comes_and_goes() -> None:
    chance = random.Random(3)
    stage = Stage()
    down: set[int] = set()
    for _ in range(3000):
        if chance.random() < 0.1:
            stage.turn(ready=not stage.instrument.ready)
        pitch = chance.randint(30, 50)
        if pitch in down:
            down.discard(pitch)
            stage.put(note_off(BASS, pitch))
        else:
            down.add(pitch)
            stage.put(note_on(BASS, pitch, 90))
        sounding = [*stage.synth.sounding, *stage.instrument.sounding]
        assert sorted(sounding) == sorted((BASS, each) for each in down), "each once, none else"
    stage.put(*(note_off(BASS, pitch) for pitch in sorted(down)))
    assert not stage.synth.sounding and not stage.instrument.sounding
