"""Several who play together: one transport, who hears whom, who is late, what you reach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ripieno.clock import Beats, Seconds, TempoMap
from ripieno.commands import (
    AnswerNow,
    Become,
    Choose,
    Front,
    Mute,
    Programs,
    Turn,
)
from ripieno.ensemble import YOU, Member, check_members, in_common
from ripieno.errors import SettingError
from ripieno.events import Phase, Rung, Sounding
from ripieno.settings import Horizon, Key, Mode, Rules, Settings, Strength, Turns
from ripieno.takes.facts import Asked, StepMissed, StepPlanned

from tests.engine.ensembles import EnsembleStage

SOLO = Settings(mode=Mode.SOLO, bpm=120.0)
ALONG = Settings(
    mode=Mode.ACCOMPANY,
    bpm=120.0,
    player_voice=3,
    horizon=Horizon(commit=Beats(0.0), lookahead=Beats(1.0)),
)
ANSWER = Settings(mode=Mode.ANSWER, bpm=120.0, turns=Turns(after_beats=Beats(0.5), bars=1))
TRADING = replace(ANSWER, turns=Turns(every_bars=1, yields=False))


def member(name: str, settings: Settings, *hears: str, **rest: Any) -> Member:
    return Member(name=name, settings=replace(settings, **rest), hears=hears)


def stage(*members: Member) -> EnsembleStage:
    found = EnsembleStage(members)
    found.play()
    return found


def test_two_play_at_once_each_on_channels_of_its_own() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(4.1)
    assert both.beats(0) == both.beats(1) == [0, 1, 2, 3, 4]
    assert both.channels() == set(range(8))
    assert both.show.missed == 0


def test_each_asks_its_own_model_and_the_take_says_whose_it_was() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(4.1)
    for place, model in enumerate(both.models):
        asked = [
            f.request for f in both.recorder.facts if isinstance(f, Asked) and f.partner == place
        ]
        assert asked == model.asked
        assert [request.number for request in asked] == list(range(1, len(asked) + 1))
        planned = [f for f in both.recorder.facts if isinstance(f, StepPlanned)]
        assert {f.request for f in planned if f.partner == place} <= {0, *(r.number for r in asked)}


@pytest.mark.parametrize("hears", [(), (YOU,)])
def test_only_who_hears_you_goes_along_with_you(hears: tuple[str, ...]) -> None:
    both = stage(member("a", ALONG, YOU), member("b", ANSWER, *hears))
    both.run_to(0.0)
    both.strike(48)
    both.run_to(0.6)
    assert both.beats(0)[0] == 0
    listening = both.partners[1].phase is Phase.LISTENING
    assert listening == bool(hears)


def test_who_hears_another_is_told_what_that_one_sounds_and_when() -> None:
    both = stage(member("choir", ALONG, YOU), member("fiddle", TRADING, "choir"))
    both.run_to(0.0)
    both.strike(48)
    both.run_to(3.6)
    heard = [n for r in both.models[1].asked for n in r.heard]
    assert {(n.voice, n.pitch, n.onset) for n in heard if n.onset < 2} >= {
        (0, 72, 0.0),
        (0, 72, 1.0),
    }
    assert both.partners[1].phase is Phase.LISTENING
    both.run_to(4.1)
    assert both.partners[1].phase is Phase.ANSWERING
    assert both.beats(1)[0] == 4


def test_one_voice_of_another_can_be_heard_alone() -> None:
    both = stage(member("choir", ALONG, YOU), member("fiddle", TRADING, "choir.alto"))
    both.run_to(0.0)
    both.strike(48)
    both.run_to(3.6)
    assert {n.pitch for r in both.models[1].asked for n in r.heard} == {67}


def test_who_does_not_yield_plays_its_turn_to_the_end_and_then_listens() -> None:
    both = stage(member("choir", ALONG, YOU), member("fiddle", TRADING, "choir"))
    both.run_to(0.0)
    both.strike(48)
    both.run_to(12.1)
    assert both.beats(1) == [4, 5, 6, 7, 12]
    assert both.beats(0) == list(range(13)), "the choir goes on beneath"
    assert both.show.missed == 0


def test_who_yields_falls_silent_with_the_first_note_that_it_hears() -> None:
    both = stage(member("choir", ALONG, YOU), member("fiddle", ANSWER, "choir"))
    both.run_to(0.0)
    both.strike(48)
    both.run_to(0.9)
    both.release(48)  # the choir pauses with you, and the fiddle takes over
    both.run_to(4.1)
    assert both.partners[1].phase is Phase.ANSWERING
    both.strike(50)
    both.run_to(both.beat + 0.02)
    assert both.partners[1].phase is Phase.LISTENING
    assert not both.channels() & {4, 5, 6, 7}


def test_your_note_does_not_move_the_score_that_others_play_on() -> None:
    alone = stage(member("", ANSWER, YOU))
    alone.run_to(1.4)
    alone.strike(60)
    assert alone.beat == pytest.approx(4.0)
    both = stage(member("a", ANSWER, YOU), member("b", SOLO))
    both.run_to(1.4)
    both.strike(60)
    assert both.beat == pytest.approx(1.4)
    both.run_to(6.1)
    assert both.beats(1) == [0, 1, 2, 3, 4, 5, 6]


# ---- what you reach


def test_controls_are_for_the_one_in_front_and_what_all_share_for_all() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    now = both.clock.now()
    both.show.wish(Turn("temperature", 0.5), now)
    both.show.wish(Front(1), now)
    both.show.wish(Turn("temperature", 1.5), now)
    both.show.wish(Turn("tempo", 90.0), now)
    both.show.wish(Choose("key", "D minor"), now)
    first, second = (partner.settings for partner in both.partners)
    assert (first.sampling.temperature, second.sampling.temperature) == (0.5, 1.5)
    assert first.bpm == second.bpm == both.show.tempo.bpm == 90.0
    assert first.rules.key == second.rules.key == Key.parse("D minor")
    both.show.wish(Front(7), now)
    assert both.show.front is both.partners[1], "there is nobody at that place"


def test_sounds_and_mutes_are_those_of_the_one_in_front() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(0.5)
    both.show.wish(Front(1), both.clock.now())
    both.show.wish(Programs((40, 40, 40, 40)), both.clock.now())
    both.show.wish(Mute(0, True), both.clock.now())
    both.run_to(1.5)
    assert {both.output.programs.get(c) for c in (4, 5, 6, 7)} <= {40, None}
    assert both.partners[0].section.routing.programs == (19, 19, 19, 19)
    assert both.partners[1].section.routing.programs == (40, 40, 40, 40)
    assert both.channels() == {0, 1, 2, 3, 5, 6, 7}


def test_answer_now_reaches_whoever_can_answer() -> None:
    both = stage(member("choir", ALONG, YOU), member("fiddle", ANSWER))
    both.run_to(1.0)
    both.show.wish(AnswerNow(), both.clock.now())
    both.settle()
    both.run_to(2.1)
    assert both.partners[1].phase is Phase.ANSWERING
    assert both.beats(0) == []


def test_a_scene_of_the_one_in_front_brings_its_tempo_to_all() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.show.wish(Become(replace(SOLO, bpm=60.0, muted=frozenset({1}))), both.clock.now())
    assert both.partners[1].settings.bpm == 60.0
    assert both.partners[1].settings.muted == frozenset()
    assert both.show.tempo.bpm == 60.0


def test_a_clock_that_is_followed_moves_all() -> None:
    both = EnsembleStage([member("a", SOLO), member("b", SOLO)])
    both.show.begin(TempoMap(both.clock.now(), Beats(0.0), 100.0), both.clock.now())
    both.settle()
    both.run_to(4.1)
    assert both.beats(0) == both.beats(1) == [0, 1, 2, 3, 4]
    both.show.locate(Beats(16.0), both.clock.now())
    both.settle()
    both.run_to(18.1)
    assert [b for b in both.beats(0) if b > 5] == [b for b in both.beats(1) if b > 5]
    assert both.beats(0)[-1] == 18


# ---- silence


@pytest.mark.parametrize("how", ["stop", "panic"])
def test_stop_and_panic_silence_all_of_them(how: str) -> None:
    both = stage(member("a", SOLO), member("b", ALONG, "a.soprano"), member("c", SOLO))
    both.run_to(2.3)
    assert len(both.channels()) > 8
    getattr(both.show, how)(both.clock.now())
    assert both.output.sounding == {}
    assert both.ledger.sounding() == []
    assert {partner.phase for partner in both.partners} == {Phase.STOPPED}
    both.play()
    both.run_to(both.beat + 4)
    assert len(both.channels()) > 8


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_note_hangs_whoever_hears_whom_and_whatever_you_do(data: st.DataObject) -> None:
    names = ["a", "b", "c"]
    heard = [YOU, *names, "a.soprano", "b.bass"]
    members = [
        member(
            name,
            data.draw(st.sampled_from([SOLO, ALONG, ANSWER, TRADING])),
            *data.draw(st.sets(st.sampled_from([h for h in heard if h.split(".")[0] != name]))),
        )
        for name in names
    ]
    show = stage(*members)
    down: set[int] = set()
    for _ in range(data.draw(st.integers(1, 12))):
        what = data.draw(st.sampled_from(["on", "off", "time", "front", "mute", "stop", "late"]))
        now = show.clock.now()
        if what == "on":
            down.add(pitch := data.draw(st.integers(40, 60)))
            show.strike(pitch)
        elif what == "off" and down:
            show.release(down.pop())
        elif what == "time":
            show.run_to(show.beat + data.draw(st.sampled_from([0.1, 0.7, 2.0, 5.0])))
        elif what == "front":
            show.show.wish(Front(data.draw(st.integers(0, 2))), now)
        elif what == "mute":
            show.show.wish(Mute(data.draw(st.integers(0, 3)), data.draw(st.booleans())), now)
        elif what == "late":
            show.models[data.draw(st.integers(0, 2))].silent = data.draw(st.booleans())
        elif what == "stop" and show.show.playing:
            show.show.stop(now)
            show.play()
    show.show.stop(show.clock.now())
    for number in range(100):  # what is on its way to the outputs arrives, a message at a time
        show.show.sound.pump(Seconds(show.clock.now() + 0.002 * number))
    assert show.output.sounding == {}
    assert show.ledger.sounding() == []
    started, ended = show.recorder.started, show.recorder.ended
    assert len(started) == len(ended)


# ---- one that is late, and one that dies


def test_one_that_is_silent_leaves_the_others_playing() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(1.9)
    both.models[0].silent = True
    both.run_to(8.1)
    assert both.beats(1) == list(range(9))
    assert both.partners[1].missed == 0
    assert both.partners[0].missed > 8
    assert {0, 1, 2, 3} <= both.channels(), "its chord is held"
    both.show.inference_restarted((), both.clock.now(), None, 0)
    both.models[0].silent = False
    both.run_to(12.1)
    assert both.beats(0)[-1] >= 11


def test_misses_are_counted_for_the_one_that_is_late() -> None:
    both = stage(
        member("a", SOLO, horizon=Horizon(lookahead=Beats(0.25))),
        member("b", SOLO, horizon=Horizon(lookahead=Beats(0.25))),
    )
    both.models[1].delay = 0.5
    both.run_to(8.1)
    assert both.partners[0].missed == 0
    missed = [f for f in both.recorder.facts if isinstance(f, StepMissed)]
    assert missed
    assert {f.partner for f in missed} == {1}
    assert both.beats(0) == list(range(9))


def test_what_a_restarted_model_is_told_is_its_own() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(2.0)
    before = [len(model.asked) for model in both.models]
    both.show.inference_restarted((), both.clock.now(), None, 1)
    assert len(both.models[0].asked) == before[0]
    assert both.models[1].asked[before[1]].fresh


def test_the_rung_is_that_of_each_one() -> None:
    both = stage(member("a", SOLO), member("b", SOLO))
    both.run_to(0.5)
    (planned,) = list(both.models[1]._plan(replace(both.models[1].asked[-1])))[:1]
    low = replace(planned, rung=Rung.HOLD, voices=(Sounding(0, None, False, 0),))
    both.show.planned(low, both.clock.now(), 1)
    assert [partner.rung for partner in both.partners] == [Rung.FULL, Rung.HOLD]


# ---- who can hear whom


def test_what_all_have_in_common() -> None:
    locked = replace(SOLO, rules=Rules(key=Key.parse("C major"), key_lock=Strength.HARD))
    other = replace(SOLO, bpm=66.0, transpose=12)
    common = in_common(locked, other)
    assert (common.bpm, common.transpose, common.rules.key) == (66.0, 12, None)
    assert common.rules.key_lock is Strength.OFF, "there is no key to lock to"
    assert in_common(locked, locked) == locked


@pytest.mark.parametrize(
    ("hears", "words"),
    [
        (("a",), ["cannot hear itself"]),
        (("fidle",), ["'fidle'", "nobody is called so", "'fiddle'"]),
        (("fiddle.sopran",), ["no such voice", "'soprano'"]),
        (("you.bass",), ["no such voice"]),
    ],
)
def test_who_cannot_be_heard_is_named(hears: tuple[str, ...], words: list[str]) -> None:
    with pytest.raises(SettingError) as refused:
        check_members([member("a", SOLO, *hears), member("fiddle", SOLO)])
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_who_accompanies_hears_somebody() -> None:
    with pytest.raises(SettingError, match="accompanies, and hears nobody"):
        check_members([member("a", ALONG), member("b", SOLO)])
