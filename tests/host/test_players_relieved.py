"""Others come in while something plays: on their bar line, nothing lost before it, nothing left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ripieno.clock import Beats, Meter, Seconds, TempoMap
from ripieno.commands import Turn
from ripieno.ensemble import YOU, Member
from ripieno.events import ControlChange, NoteOff, NoteOn, Stamped
from ripieno.ledger import Ledger
from ripieno.performance import Performance
from ripieno.routing import Routing
from ripieno.settings import ClockSource, Horizon, Mode, Settings, Sync, Turns
from ripieno.sound import Sound
from ripieno.takes.facts import Invited, MeterSet, NoteEnded, NoteStarted, StepMissed, TempoSet
from ripieno.takes.header import Chair
from ripieno.takes.lines import Reader, Writer
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import Take
from ripieno.takes.tap import TakeOutput

from tests.engine.ensembles import EnsembleStage, LateInference
from tests.engine.test_take import HEADER
from tests.fakes import FakeOutput

SOLO = Settings(mode=Mode.SOLO, bpm=120.0)
ALONG = Settings(
    mode=Mode.ACCOMPANY,
    bpm=120.0,
    player_voice=3,
    horizon=Horizon(commit=Beats(0.0), lookahead=Beats(1.0)),
)
ANSWER = Settings(mode=Mode.ANSWER, bpm=120.0, turns=Turns(after_beats=Beats(0.5), bars=1))
YOURS, THEIRS = 15, 14
"""Your channel before, and when others have come."""


def member(name: str, settings: Settings, *hears: str) -> Member:
    return Member(name=name, settings=settings, hears=hears)


class Relieved(EnsembleStage):
    """A stage on which others come in, each by a fake model of its own."""

    def __init__(self, *members: Member, lead: float = 0.0) -> None:
        super().__init__(members)
        self.output = FakeOutput(lead)
        tap = TakeOutput(self.recorder, self.clock.now, ())
        routings = [routing(place) for place, _ in enumerate(members)]
        sound = Sound((tap, self.output), Ledger(), routings[0], self.recorder, routings[1:])
        asks = [model.ask for model in self.models]
        self.show = Performance(members, sound, asks, self.recorder)
        self.header = replace(
            HEADER,
            settings=members[0].settings,
            channels=routings[0].channels,
            thru_channel=YOURS,
            started=Seconds(0.0),
            ensemble=tuple(chair(each, routing(i)) for i, each in enumerate(members)),
        )
        self.play()

    def invite(self, *members: Member, line: float, first: int = 0) -> None:
        """Their voices are on the channels from 4 · `first` on."""
        routings = [routing(first + i, THEIRS) for i, _ in enumerate(members)]
        self.models += [LateInference() for _ in members]
        here = self.show.sound.click_channel
        told = Invited(
            tuple(chair(each, own) for each, own in zip(members, routings, strict=True)),
            thru=True,
            thru_channel=THEIRS,
            thru_program=19,
            click_channel=here,
            line=Beats(line),
            at=self.clock.now(),
        )
        self.show.invite(told, routings, [model.ask for model in self.models[-len(members) :]])
        self.settle()

    def take(self) -> Take:
        """All that was recorded, through the text of a take."""
        writer = Writer(self.header)
        reader = Reader(writer.first)
        facts = tuple(reader.fact(writer.line(fact)) for fact in self.recorder.facts)
        return Take("relieved", reader.header, facts, torn=False)


def routing(place: int, thru: int = YOURS) -> Routing:
    first = 4 * (place % 3)
    return Routing(channels=tuple(range(first, first + 4)), thru_channel=thru)


def chair(who: Member, on: Routing) -> Chair:
    return Chair(who.name, who.hears, who.settings, on.channels, on.programs, "m", "fp32")


def hangs(stage: Relieved) -> list[tuple[int, int]]:
    """What was begun and not ended, by the facts of the take."""
    left: dict[tuple[int, int], int] = {}
    for fact in stage.recorder.facts:
        if isinstance(fact, NoteStarted | NoteEnded):
            cell = (fact.channel, fact.pitch)
            left[cell] = left.get(cell, 0) + (1 if isinstance(fact, NoteStarted) else -1)
    return [cell for cell, count in left.items() if count]


def missed(stage: Relieved) -> list[tuple[int, float]]:
    return [(f.partner, f.beat) for f in stage.recorder.facts if isinstance(f, StepMissed)]


ONE = (member("", SOLO, YOU),)
TWO = (member("a", SOLO, YOU), member("b", replace(SOLO, bpm=120.0), "a"))


@pytest.mark.parametrize("lead", [0.0, 0.04])
@pytest.mark.parametrize(
    ("before", "after"), [(ONE, TWO), (TWO, ONE), (TWO, (*TWO, member("c", SOLO)))]
)
def test_who_comes_begins_on_the_line_and_who_played_ends_there(
    before: Sequence[Member], after: Sequence[Member], lead: float
) -> None:
    stage = Relieved(*before, lead=lead)
    stage.run_to(2.3)
    stage.invite(*after, line=8.0)
    stage.run_to(12.1)
    old = range(len(before))
    new = range(len(before), len(before) + len(after))
    for place in old:
        assert stage.beats(place) == [float(beat) for beat in range(8)]
    for place in new:
        assert stage.beats(place) == [8, 9, 10, 11, 12]
    ends = {
        (f.partner, round(f.beat, 6), round(f.at - stage.show.tempo.seconds(Beats(8.0)), 6))
        for f in stage.recorder.ended
        if f.partner in old and f.beat > 7.5
    }
    assert ends == {(place, 8.0, 0.0) for place in old}, "on the line, and not before or after"
    assert missed(stage) == [] and stage.show.missed == 0
    assert stage.show.steps == 4 * (8 * len(before) + 4 * len(after)) + len(after)
    assert [p.name for p in stage.show.partners] == [m.name for m in after]
    assert first_difference(stage.take()) is None
    stage.show.stop(stage.clock.now())
    stage.settle()
    assert hangs(stage) == [] and stage.output.sounding == {}


def test_tempo_meter_and_swing_are_theirs_from_the_line_on() -> None:
    waltz = replace(SOLO, bpm=90.0, meter=Meter(3, 4), sync=Sync(swing=0.6))
    stage = Relieved(*ONE)
    stage.run_to(2.0)
    stage.invite(member("a", waltz, YOU), member("b", waltz, YOU), line=12.0)
    stage.run_to(11.9)
    assert (stage.show.settings.bpm, stage.show.tempo.bpm) == (120.0, 120.0)
    line = stage.show.tempo.seconds(Beats(12.0))
    stage.run_to(18.1)
    assert stage.show.tempo.seconds(Beats(12.0)) == pytest.approx(line)
    assert stage.show.tempo.seconds(Beats(15.0)) == pytest.approx(line + 2.0)
    facts = [f for f in stage.recorder.facts if isinstance(f, TempoSet | MeterSet)][-2:]
    assert [(type(f), round(f.beat, 6)) for f in facts] == [(TempoSet, 12.0), (MeterSet, 12.0)]
    assert all(p.settings.meter == Meter(3, 4) for p in stage.show.partners)
    assert first_difference(stage.take()) is None


def test_a_key_that_is_down_on_the_line_is_theirs_from_there_and_ends_where_it_began() -> None:
    stage = Relieved(*ONE, lead=0.02)
    stage.run_to(6.5)
    stage.invite(member("a", ALONG, YOU), member("b", ANSWER, YOU), line=8.0)
    stage.run_to(7.3)
    stage.strike(48)
    stage.run_to(7.9)
    assert stage.struck(1) == [], "not before their line"
    stage.run_to(8.9)
    assert stage.beats(1)[0] == 8.0
    began = next(f.at for f in stage.recorder.started if f.partner == 1)
    assert began >= stage.show.tempo.seconds(Beats(8.0)) - 1e-9, "and not sooner than the line"
    assert (YOURS, 48) in stage.output.sounding
    stage.release(48)
    assert (YOURS, 48) not in stage.output.sounding
    stage.strike(50)
    assert (THEIRS, 50) in stage.output.sounding
    stage.release(50)
    stage.run_to(12.0)
    assert first_difference(stage.take()) is None


def test_a_pedal_that_is_down_goes_along_to_your_new_channel() -> None:
    stage = Relieved(*ONE)
    stage.run_to(6.5)
    stage.show.hear(Stamped(stage.clock.now(), ControlChange(0, 64, 127)))
    stage.invite(*TWO, line=8.0)
    stage.run_to(8.5)
    pedal = [call for call in stage.output.calls if call[:2] == ("control", 64)]
    assert pedal == [("control", 64, 127), ("control", 64, 0), ("control", 64, 127)]
    assert stage.show.sound.ledger.pedals() == [THEIRS]


@pytest.mark.parametrize("what", ["stop", "panic", "locate"])
def test_a_stop_or_a_jump_on_the_way_brings_them_at_once(what: str) -> None:
    stage = Relieved(*TWO)
    stage.run_to(6.3)
    stage.invite(*ONE, line=8.0)
    now = stage.clock.now()
    if what == "locate":
        stage.show.locate(Beats(20.3), now)
    else:
        (stage.show.stop if what == "stop" else stage.show.panic)(now)
        assert stage.show.sound.sounding == 0
        stage.show.play(now)
    stage.settle()
    assert [p.name for p in stage.show.partners] == [""] and not stage.show.inviting
    stage.run_to(float(stage.beat) + 4.0)
    assert stage.struck(2) and not [b for place in (0, 1) for b in stage.beats(place) if b > 6.3]
    assert first_difference(stage.take()) is None
    stage.show.stop(stage.clock.now())
    stage.settle()
    assert hangs(stage) == [] and stage.output.sounding == {}


def test_while_nothing_plays_they_are_there_at_once() -> None:
    stage = Relieved(*ONE)
    stage.run_to(2.0)
    stage.show.stop(stage.clock.now())
    stage.invite(*TWO, line=float(stage.beat))
    assert [p.name for p in stage.show.partners] == ["a", "b"]
    stage.show.play(stage.clock.now())
    stage.settle()
    stage.run_to(6.1)
    assert stage.beats(1) == stage.beats(2) == [4, 5, 6]
    assert first_difference(stage.take()) is None


def test_who_comes_while_a_followed_clock_stands_is_armed_for_its_start() -> None:
    followed = replace(SOLO, sync=Sync(source=ClockSource.MIDI))
    stage = Relieved(member("", followed, YOU))
    stage.show.locate(Beats(4.0), stage.clock.now())
    stage.settle()
    stage.invite(member("a", followed, YOU), member("b", followed, YOU), line=4.0)
    begins = stage.clock.now()
    stage.show.begin(TempoMap(begins, Beats(4.0), 120.0), begins)
    stage.settle()
    stage.run_to(6.1)
    assert stage.beats(1) == stage.beats(2) == [4, 5, 6] and missed(stage) == []
    assert first_difference(stage.take()) is None


def test_a_model_that_was_started_again_before_the_line_is_armed_again() -> None:
    stage = Relieved(*ONE)
    stage.run_to(6.3)
    stage.models.append(LateInference(silent=True))
    deaf = stage.models.pop()
    stage.invite(*TWO, line=8.0)
    stage.models[1].silent = True
    stage.models[1].asked.clear()
    stage.show.inference_restarted((), stage.clock.now(), None, 1)
    assert stage.models[1].asked, "it is asked for its first steps again"
    stage.models[1].silent = deaf.silent = False
    stage.run_to(10.1)
    assert stage.beats(1) == [8, 9, 10]
    assert first_difference(stage.take()) is None


SETS = (ONE, TWO, (member("d", ALONG, YOU), member("e", ANSWER, YOU, "d.soprano")))
MOMENTS = st.floats(0.05, 2.0, allow_nan=False)
DEEDS = st.sampled_from(["key", "up", "pedal", "tempo", "stop", "play", "panic", "jump", "invite"])


@given(
    begin=st.sampled_from(SETS),
    deeds=st.lists(st.tuples(MOMENTS, DEEDS, st.integers(0, 2), st.integers(40, 60)), max_size=14),
    lead=st.sampled_from([0.0, 0.03]),
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_whatever_happens_nothing_hangs_and_it_is_the_same_again(
    begin: Sequence[Member], deeds: list[tuple[float, str, int, int]], lead: float
) -> None:
    stage = Relieved(*begin, lead=lead)
    for pause, deed, number, pitch in deeds:
        stage.clock.sleep_until(stage.clock.now())
        wait(stage, pause)
        _do(stage, deed, number, pitch)
    wait(stage, 4.0)
    for key in range(40, 61):
        stage.release(key)
    stage.show.stop(stage.clock.now())
    stage.settle()
    wait(stage, 0.2)
    assert hangs(stage) == [] and stage.output.sounding == {}
    assert stage.show.sound.ledger.sounding() == []
    assert first_difference(stage.take()) is None


def wait(stage: Relieved, seconds: float) -> None:
    """Let time pass, whether the transport rolls or stands."""
    until = Seconds(stage.clock.now() + seconds)
    while stage.clock.now() < until:
        wake = stage.show.wake()
        soonest = Seconds(stage.clock.now() + 1e-5)
        stage.clock.sleep_until(until if wake is None else min(until, max(wake, soonest)))
        stage.settle()


def _do(stage: Relieved, deed: str, number: int, pitch: int) -> None:
    show, now = stage.show, stage.clock.now()
    match deed:
        case "key":
            show.hear(Stamped(now, NoteOn(0, pitch, 90)))
        case "up":
            show.hear(Stamped(now, NoteOff(0, pitch)))
        case "pedal":
            show.hear(Stamped(now, ControlChange(0, 64, 127 * (pitch % 2))))
        case "tempo":
            show.wish(Turn("tempo", 60.0 + 2 * pitch), now)
        case "jump":
            show.locate(Beats(float(pitch)), now)
        case "invite" if not show.inviting:
            bar = show.settings.meter.bar
            line = show.beat(now) if not show.playing else (show.beat(now) // bar + 1) * bar
            stage.invite(*SETS[number], line=line, first=number)
        case "play" | "stop" | "panic":
            {"play": show.play, "stop": show.stop, "panic": show.panic}[deed](now)
    stage.settle()
