"""A performance: controls, tempo, misses, panic, and a model that comes back."""

from __future__ import annotations

import pytest
from ripieno.clock import Beats
from ripieno.commands import Choose, Mute, SeedFromPlayed, Turn
from ripieno.events import Phase, ProgramChange, Stamped
from ripieno.settings import Horizon, Mode, Settings
from ripieno.takes.facts import Heard
from ripieno.takes.history import History
from ripieno.takes.take import Mark, Marked, StepPlanned, TempoSet, Turned

from tests.fakes import FakeRecorder, FakeStage


def solo(bpm: float = 120, lookahead: float = 2.0) -> FakeStage:
    horizon = Horizon(lookahead=Beats(lookahead))
    stage = FakeStage(Settings(mode=Mode.SOLO, bpm=bpm, horizon=horizon))
    stage.play()
    return stage


def test_a_change_of_tempo_moves_what_has_not_sounded() -> None:
    stage = solo(bpm=60)
    stage.run_to(2.5)
    at = stage.clock.now()
    stage.show.wish(Turn("tempo", 120), at)
    stage.run_to(3.0)
    assert stage.clock.now() - at == pytest.approx(0.25, abs=1e-3)
    assert [beat for voice, _, beat in stage.machine() if voice == 0] == [0, 1, 2, 3]
    assert stage.show.missed == 0
    tempos = [f.bpm for f in stage.recorder.facts if isinstance(f, TempoSet)]
    assert tempos == [60, 120]


def test_a_knob_out_of_bounds_changes_nothing_and_is_told() -> None:
    stage = solo()
    before = stage.show.settings
    stage.show.wish(Turn("tempo", 0), stage.clock.now())
    stage.show.wish(Turn("temprature", 1), stage.clock.now())
    stage.show.wish(Choose("mode", "sole"), stage.clock.now())
    assert stage.show.settings == before
    texts = [notice.text for notice in stage.show.notices]
    assert "20…300" in texts[0]
    assert "'temperature'" in texts[1]
    assert "'solo'" in texts[2]
    assert [notice.number for notice in stage.show.notices] == [1, 2, 3]


def test_a_late_step_holds_the_chord_is_counted_and_the_next_is_asked_anew() -> None:
    stage = solo(lookahead=0.25)
    stage.run_to(1.8)
    stage.inference.silent = True
    stage.run_to(4.6)
    assert len(stage.output.sounding) == 4, "the chord is held"
    missed = stage.show.missed
    assert missed > 4
    stage.inference.silent = False
    stage.run_to(8.9)
    assert stage.show.missed <= missed + 2
    told = [r for r in stage.inference.asked if r.since < r.begin and len(r.given) == 4]
    assert all(len(r.heard) == 4 for r in told), "what was held is what was heard"
    assert [beat for voice, _, beat in stage.machine() if voice == 0][-2:] == [7.0, 8.0]


def test_mute_is_heard_at_once() -> None:
    stage = solo()
    stage.run_to(1.3)
    stage.show.wish(Mute(2, True), stage.clock.now())
    assert (2, 60) not in stage.output.sounding
    stage.run_to(2.2)
    assert {channel for channel, _ in stage.output.sounding} == {0, 1, 3}
    stage.show.wish(Mute(2, False), stage.clock.now())
    stage.run_to(3.1)
    assert (2, 60) in stage.output.sounding


def test_the_player_chooses_another_sound() -> None:
    stage = solo()
    stage.show.hear(Stamped(stage.clock.now(), ProgramChange(0, 48)))
    assert stage.output.programs[4] == 48
    assert Heard(ProgramChange(0, 48), False, stage.clock.now()) in stage.recorder.facts


def test_panic_is_silence_and_play_goes_on() -> None:
    stage = solo()
    stage.strike(64)
    stage.run_to(1.3)
    stage.show.panic(stage.clock.now())
    assert stage.output.sounding == {}
    assert stage.output.calls[-1][0] == "silence"
    assert stage.phase is Phase.STOPPED
    stage.play()
    stage.run_to(6)
    assert stage.output.sounding != {}


@pytest.mark.parametrize("stopped", [0.3, 2.3, 3.7, 4.0])
def test_music_comes_soon_after_play(stopped: float) -> None:
    stage = solo()
    stage.run_to(stopped)
    stage.show.stop(stage.clock.now())
    assert stage.beat == pytest.approx(stopped, abs=1e-3), "it stands where it was stopped"
    at, struck = stage.clock.now(), len(stage.machine())
    stage.play()
    stage.run_to(stage.beat + 0.51)
    assert len(stage.machine()) == struck + 4
    assert stage.machine()[-1][2] % 4.0 == 0.0, "on a bar line"
    assert stage.clock.now() - at < 0.3
    assert stage.show.missed == 0


def test_changing_the_mode_leaves_nothing_behind() -> None:
    stage = solo()
    stage.run_to(2.3)
    stage.show.wish(Choose("mode", "accompany"), stage.clock.now())
    stage.run_to(2.8)
    assert stage.output.sounding == {}, "from the commit point on"
    assert stage.phase is Phase.IDLE
    stage.strike(74)
    assert {v for v, _, _ in stage.machine()[-3:]} == {1, 2, 3}
    stage.show.wish(Choose("mode", "solo"), stage.clock.now())
    stage.run_to(stage.beat + 4.5)
    mine, machine = {(4, 74)}, {(voice, pitch) for voice, pitch in enumerate((72, 67, 60, 48))}
    assert set(stage.output.sounding) == mine | machine, "your own key is still down"


def test_what_you_played_becomes_the_seed() -> None:
    stage = FakeStage(Settings(mode=Mode.ANSWER, bpm=120))
    stage.play()
    stage.show.wish(SeedFromPlayed(), stage.clock.now())
    assert "no phrase" in stage.show.notices[-1].text
    stage.play_note(60, 0.0, 0.9)
    stage.play_note(64, 1.0, 1.9)
    stage.show.wish(SeedFromPlayed(), stage.clock.now())
    seed = stage.show.conductor.moment.seed
    assert seed is not None
    assert [(n.pitch, n.onset) for n in seed.notes] == [(60, 0.0), (64, 1.0)]


def test_the_transposed_keyboard_is_released_as_it_was_struck() -> None:
    stage = FakeStage(Settings(mode=Mode.ANSWER, transpose=12))
    stage.play()
    stage.run_to(0)
    stage.strike(60)
    assert set(stage.output.sounding) == {(4, 72)}
    stage.show.wish(Turn("transpose", 0), stage.clock.now())
    stage.release(60)
    stage.run_to(0.1)
    assert stage.output.sounding == {}
    assert stage.show.conductor.moment.ear.held == []


def test_the_take_tells_what_happened() -> None:
    stage = FakeStage(Settings(mode=Mode.ANSWER, bpm=120))
    stage.play()
    stage.play_note(60, 0.0, 0.9)
    stage.run_to(3)
    stage.show.wish(Turn("temperature", 0.7), stage.clock.now())
    stage.run_to(9)
    stage.show.stop(stage.clock.now())
    marks = [f.mark for f in stage.recorder.facts if isinstance(f, Marked)]
    assert marks == [
        Mark.PLAYED,
        Mark.PHRASE_BEGINS,
        Mark.PHRASE_ENDS,
        Mark.ANSWER_BEGINS,
        Mark.ANSWER_ENDS,
        Mark.STOPPED,
    ]
    assert [(f.name, f.value) for f in stage.recorder.facts if isinstance(f, Turned)] == [
        ("temperature", "0.7")
    ]
    assert len(stage.recorder.started) == len(stage.recorder.ended)
    assert any(isinstance(f, StepPlanned) for f in stage.recorder.facts)


def test_a_model_that_comes_back_is_told_what_was_heard() -> None:
    stage = solo()
    history = History(FakeRecorder())
    stage.run_to(3.2)
    for fact in stage.recorder.facts:
        history.record(fact)
    heard = history.heard(Beats(0.0), 0)
    assert {note.voice for note in heard} == {0, 1, 2, 3}
    before = len(stage.inference.asked)
    stage.show.inference_restarted(heard, stage.clock.now())
    told, *asked = stage.inference.asked[before:]
    assert told.fresh
    assert told.heard == heard
    assert told.since == 0.0
    assert asked[0].begin >= told.begin
    stage.run_to(7)
    assert stage.output.sounding != {}
