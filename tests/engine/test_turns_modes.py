"""Modes that change while they play, jumps, an armed transport, room for the player, his tempo."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ripieno.clock import Beats, Seconds
from ripieno.commands import Choose, Mute, Seed, Turn
from ripieno.events import Note, Phase
from ripieno.modes.space import NATURAL, Space
from ripieno.settings import Horizon, Mode, Settings, Sync, Turns

from tests.engine.turns_stage import TurnsStage
from tests.fakes import CHORD

TUNE = Seed("two notes", (Note(0, 76, 90, Beats(0.0), Beats(2.0)),))
COMMIT = Horizon(commit=Beats(1.0), lookahead=Beats(3.0))


def started(mode: Mode, seed: Seed | None = None, **options: object) -> TurnsStage:
    stage = TurnsStage(Settings(mode=mode, bpm=120, **options), seed)  # type: ignore[arg-type]
    stage.play()
    return stage


# ---- another mode


def test_from_solo_to_accompany_what_is_committed_still_sounds() -> None:
    stage = started(Mode.SOLO, horizon=COMMIT)
    stage.run_to(2.3)
    stage.wish(Choose("mode", "accompany"))
    stage.run_to(3.2)
    assert stage.bass[-1] == 3.0
    assert len(stage.output.sounding) == 4
    stage.run_to(3.6)
    assert stage.output.sounding == {}, "committed up to 3.5"
    assert stage.phase is Phase.IDLE
    assert stage.show.missed == 0


def test_from_solo_to_accompany_with_a_key_down_the_music_goes_on() -> None:
    stage = started(Mode.SOLO, horizon=COMMIT)
    stage.run_to(2.0)
    stage.strike(79)
    stage.run_to(2.3)
    stage.wish(Choose("mode", "accompany"))
    stage.run_to(6.5)
    assert stage.phase is Phase.ACCOMPANYING
    assert set(stage.output.sounding) == {(4, 79), *((v, CHORD[v]) for v in (1, 2, 3))}
    assert stage.bass == [float(beat) for beat in range(7)]
    assert stage.show.missed == 0


@pytest.mark.parametrize("seed", [None, TUNE])
def test_from_answer_to_solo_the_music_goes_on(seed: Seed | None) -> None:
    stage = started(Mode.ANSWER, seed)
    for place in range(4):
        stage.play_note(60 + place, place, place + 0.9)
    stage.run_to(6.3)
    stage.wish(Choose("mode", "solo"))
    stage.run_to(11.5)
    assert stage.phase is Phase.PLAYING
    assert stage.bass == [float(beat) for beat in range(5, 12)], "no beat is lost, none twice"
    spans = [(r.begin, r.end) for r in stage.inference.asked if r.begin >= 6.5 and r.end > r.begin]
    assert not any(r.fresh for r in stage.inference.asked if r.begin >= 4)
    assert spans[-1][1] >= 11.5
    assert stage.show.missed == 0


def test_from_silence_solo_begins_as_ever() -> None:
    stage = started(Mode.ANSWER, TUNE)
    stage.run_to(1.3)
    stage.wish(Choose("mode", "solo"))
    stage.run_to(5)
    assert (0, 76, 4.0) in stage.machine()


def test_from_your_phrase_to_solo_it_goes_on_from_what_you_played() -> None:
    stage = started(Mode.ANSWER, TUNE)
    stage.play_note(64, 0.0, 0.9)
    stage.play_note(65, 1.0, 1.9)
    stage.run_to(2.1)
    stage.wish(Choose("mode", "solo"))
    stage.run_to(4.2)
    assert stage.bass[0] == 2.25
    told = [r for r in stage.inference.asked if r.end == r.begin and r.begin > r.since]
    assert told[-1].begin == 2.25
    assert all(a.begin == b.since for a, b in pairwise(told))


def test_from_solo_to_answer_a_note_of_yours_silences_what_was_committed() -> None:
    stage = started(Mode.SOLO, horizon=COMMIT)
    stage.run_to(2.3)
    stage.wish(Choose("mode", "answer"))
    stage.run_to(2.6)
    assert len(stage.output.sounding) == 4
    stage.strike(70)
    assert set(stage.output.sounding) == {(4, 70)}
    stage.run_to(3.3)
    assert set(stage.output.sounding) == {(4, 70)}
    stage.release(70)
    stage.run_to(5.6)
    assert stage.phase is Phase.ANSWERING


def test_from_accompany_to_answer_a_held_key_is_a_phrase() -> None:
    stage = started(Mode.ACCOMPANY)
    stage.run_to(0.0)
    stage.strike(74)
    stage.run_to(2.3)
    stage.wish(Choose("mode", "answer"))
    stage.run_to(3.0)
    assert set(stage.output.sounding) == {(4, 74)}
    assert stage.phase is Phase.LISTENING
    stage.release(74)
    stage.run_to(4.6)
    assert stage.phase is Phase.ANSWERING


def test_from_accompany_to_solo_the_music_goes_on() -> None:
    stage = started(Mode.ACCOMPANY)
    stage.run_to(0.0)
    stage.strike(74)
    stage.run_to(2.4)
    stage.wish(Choose("mode", "solo"))
    stage.release(74)
    stage.run_to(6.5)
    assert stage.bass == [float(beat) for beat in range(7)]
    assert len(stage.output.sounding) == 4
    assert stage.show.missed == 0


# ---- a knob


@pytest.mark.parametrize(
    "wish",
    [
        Turn("temperature", 0.5),
        Turn("seed", 7),
        Choose("key", "G major"),
        Choose("parallels", "hard"),
    ],
)
def test_a_change_rewinds_an_answer_to_the_commit_point(wish: Turn | Choose) -> None:
    stage = started(Mode.ANSWER, horizon=COMMIT)
    for place in range(4):
        stage.play_note(60 + place, place, place + 0.9)
    stage.run_to(5.3)
    count = len(stage.inference.asked)
    stage.wish(wish)
    asked = [r for r in stage.inference.asked[count:] if r.end > r.begin]
    assert asked[0].begin == 6.5
    stage.run_to(7.9)
    assert stage.bass == [5.0, 6.0, 7.0]
    assert stage.show.missed == 0


@pytest.mark.parametrize("wish", [Turn("tempo", 90), Mute(1, True), Turn("velocity", 30)])
def test_tempo_and_mute_do_not_touch_the_plan(wish: Turn | Mute) -> None:
    stage = started(Mode.SOLO)
    stage.run_to(5.3)
    count = len(stage.inference.asked)
    stage.wish(wish)
    assert len(stage.inference.asked) == count


# ---- jumps, and a start that is known before


def test_a_jump_in_solo_cuts_and_goes_on_from_the_new_place_without_a_burst() -> None:
    stage = started(Mode.SOLO)
    stage.run_to(6.3)
    struck = len(stage.machine())
    stage.locate(40.0)
    assert len(stage.machine()) == struck
    assert stage.output.sounding == {}
    stage.run_to(43.5)
    new = [beat for beat in stage.bass if beat >= 40]
    assert new == [40.25, 41.0, 42.0, 43.0] or new == [41.0, 42.0, 43.0]
    told = next(r for r in stage.inference.asked if r.fresh and r.begin > 30)
    assert (told.since, told.begin) == (36.25, 40.25)
    assert {n.voice for n in told.heard} == {0, 1, 2, 3}, "it knows the bar that was heard last"
    stage.locate(2.0)
    stage.run_to(5.5)
    assert stage.bass[-4:] == [2.25, 3.0, 4.0, 5.0] or stage.bass[-3:] == [3.0, 4.0, 5.0]
    assert stage.show.missed == 0


def test_a_jump_ends_the_phrase_that_is_heard() -> None:
    stage = started(Mode.ANSWER)
    stage.play_note(60, 0.0, 0.9)
    stage.play_note(62, 1.0, 1.5)
    stage.locate(10.0)
    assert stage.phase is Phase.IDLE
    stage.run_to(16)
    assert stage.machine() == []
    stage.play_note(64, 16.0, 16.9)
    stage.run_to(18.1)
    fresh = [r for r in stage.inference.asked if r.fresh]
    assert fresh[-1].begin == 16.0
    assert stage.phase is Phase.ANSWERING


def test_an_armed_solo_begins_at_the_first_tick() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, sync=Sync()), TUNE)
    stage.show.arm(Beats(8.0), stage.clock.now())
    for planned in stage.inference.answers():
        stage.show.planned(planned, stage.clock.now())
    assert stage.machine() == []
    stage.follow(8.0)
    assert {(v, b) for v, _, b in stage.machine()} == {(v, 8.0) for v in range(4)}
    stage.run_to(9.5)
    assert stage.show.missed == 0


def test_arming_elsewhere_voids_what_was_ready() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120))
    for place in (8.0, 16.0):
        stage.show.arm(Beats(place), stage.clock.now())
        for planned in stage.inference.answers():
            stage.show.planned(planned, stage.clock.now())
    stage.follow(16.0)
    assert {b for _, _, b in stage.machine()} == {16.0}


# ---- room


def test_the_busier_the_player_the_more_is_kept_back_with_hysteresis() -> None:
    space = Space()
    assert space.density() is None
    assert space.listen(0.5, 1.0)
    assert space.density() == pytest.approx(NATURAL * 0.75)
    assert not space.listen(0.5, 1.2), "a small change is none"
    assert space.listen(0.5, 4.0)
    assert space.density() == pytest.approx(NATURAL * 0.5), "at the most its share"
    assert not space.listen(0.5, 3.0)
    assert space.listen(0.5, 0.0)
    assert space.density() is None
    assert not Space().listen(0.0, 9.0), "without a share nothing is kept back"


def test_the_knob_for_density_turns_what_is_asked_for_from_the_commit_point_on() -> None:
    stage = started(Mode.SOLO)
    stage.run_to(4.0)
    assert stage.inference.asked[-1].density is None
    stage.show.wish(Turn("density", 0.5), stage.clock.now())
    stage.run_to(5.0)
    assert stage.inference.asked[-1].density == pytest.approx(NATURAL * 0.5)
    stage.show.wish(Turn("space", 0.5), stage.clock.now())
    assert Space().density(0.5) == pytest.approx(NATURAL * 0.5), "room for a player is beside it"


def test_in_solo_a_busy_player_is_left_room_from_the_commit_point_on() -> None:
    stage = started(Mode.SOLO, turns=Turns(space=0.8))
    stage.run_to(4.0)
    assert stage.inference.asked[-1].density is None
    for place in range(8):
        stage.play_note(72 + place, 4.0 + place / 2, 4.3 + place / 2)
    busy = stage.inference.asked[-1].density
    assert busy is not None and busy < 0.5
    stage.run_to(16)
    assert stage.inference.asked[-1].density is None, "and takes it back when the player rests"


# ---- touch


def test_an_accent_does_not_change_how_loud_the_player_is() -> None:
    stage = started(Mode.ANSWER)
    for place, velocity in enumerate((50, 52, 51, 120, 49)):
        stage.run_to(place)
        stage.strike(60 + place, velocity)
        stage.run_to(place + 0.9)
        stage.release(60 + place)
    assert stage.show.conductor.moment.for_model().velocity == 51


# ---- the tempo of the first phrase


def tempo_stage(bpm: float = 90) -> TurnsStage:
    stage = TurnsStage(Settings(mode=Mode.ANSWER, bpm=bpm, sync=Sync(from_phrase=True)))
    stage.play()
    stage.run_to(0.0)
    return stage


def play_at(stage: TurnsStage, bpm: float, lengths: tuple[float, ...]) -> float:
    """Play notes of so many beats of `bpm`; gives the second in which the first was struck."""
    began = at = stage.clock.now()
    for place, length in enumerate(lengths):
        stage.run_to(stage.show.tempo.beats(at))
        stage.strike(60 + place)
        at = Seconds(at + length * 60 / bpm)
        stage.run_to(stage.show.tempo.beats(Seconds(at - 0.06)))
        stage.release(60 + place)
    return began


@pytest.mark.parametrize("played", [72, 104, 132])
def test_the_first_phrase_gives_the_tempo(played: float) -> None:
    stage = tempo_stage()
    lengths = (1.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.5, 0.5, 2.0)
    began = play_at(stage, played, lengths)
    stage.run_to(stage.beat + 3)
    bpm = stage.show.settings.bpm
    assert bpm == pytest.approx(played, rel=0.03)
    assert stage.show.tempo.bpm == bpm
    told = [r for r in stage.inference.asked if r.fresh][-1:]
    after = stage.inference.asked[stage.inference.asked.index(told[0]) :]
    onsets = sorted({n.onset - told[0].since for r in after for n in r.heard})
    expected = [sum(lengths[:place]) for place in range(len(lengths))]
    assert onsets == expected, "and the phrase is told in beats of its own"
    stage.wait_for_machine()
    first = next(fact for fact in stage.recorder.started if fact.voice is not None)
    steps = (first.at - began) * bpm / 15
    assert steps == pytest.approx(round(steps), abs=0.2), "the answer stands on the player's grid"


def test_the_second_phrase_leaves_the_tempo_alone() -> None:
    stage = tempo_stage()
    play_at(stage, 120, (1.0, 1.0, 0.5, 0.5, 1.0, 1.0))
    stage.wait_for_machine()
    taken = stage.show.settings.bpm
    assert taken == pytest.approx(120, rel=0.03)
    stage.run_to(stage.beat + 12)
    assert stage.phase is Phase.IDLE
    play_at(stage, 80, (1.0, 1.0, 0.5, 0.5, 1.0, 1.0))
    stage.run_to(stage.beat + 4)
    assert stage.show.settings.bpm == taken


def test_a_tempo_that_you_set_stands() -> None:
    stage = tempo_stage()
    stage.wish(Turn("tempo", 100))
    play_at(stage, 140, (1.0, 1.0, 0.5, 0.5, 1.0, 1.0))
    stage.wait_for_machine()
    assert stage.show.settings.bpm == 100


def test_a_phrase_with_an_upbeat_stands_right_on_the_beats() -> None:
    stage = tempo_stage()
    play_at(stage, 120, (0.5, 1.0, 1.0, 0.5, 0.5, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0, 2.0))
    stage.run_to(stage.beat + 3)
    assert stage.show.settings.bpm == pytest.approx(120, rel=0.03)
    fresh = [r for r in stage.inference.asked if r.fresh][-1]
    after = stage.inference.asked[stage.inference.asked.index(fresh) :]
    onsets = sorted({n.onset for r in after for n in r.heard})
    assert onsets[0] % 1.0 == 0.5
    assert onsets[1] % 1.0 == 0.0


def test_a_new_seed_is_reached_without_a_gap_however_short_the_plan_is() -> None:
    short = Horizon(commit=Beats(0.25), lookahead=Beats(0.5))
    stage = started(Mode.SOLO, horizon=short)
    stage.run_to(5.3)
    stage.wish(TUNE)
    stage.run_to(11.5)
    assert stage.bass == [float(beat) for beat in range(12)]
    assert (0, 76, 8.0) in stage.machine()
    assert stage.show.missed == 0


def test_to_look_at_the_key_that_was_heard_changes_nothing() -> None:
    """A screen looks thirty times a second, and a take is computed again without one."""
    seen, unseen = (TurnsStage(Settings(mode=Mode.SOLO, bpm=120.0)) for _ in range(2))
    for stage in (seen, unseen):
        stage.play()
        for number, pitch in enumerate((60, 64, 67, 61, 66, 70, 63, 68, 62, 65)):
            stage.run_to(number * 0.5)
            stage.strike(pitch)
            if stage is seen:
                assert (
                    stage.show.conductor.moment.heard_key == stage.show.conductor.moment.heard_key
                )
            stage.run_to(number * 0.5 + 0.4)
            stage.release(pitch)
        stage.run_to(6.0)
    keys = [[r.settings.rules.key for r in stage.inference.asked] for stage in (seen, unseen)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) > 1, "the key that is heard moves on"
