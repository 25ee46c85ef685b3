"""Loop, mutate, undo and keep: the last answer again, and what the model hears of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ripieno.clock import Beats
from ripieno.commands import AnswerNow, Cadence, Choose, Keep, Loop, Mutate, Turn, Undo
from ripieno.events import Phase, Request, Sounding
from ripieno.modes.passage import Record, fixed
from ripieno.modes.repeat import Hole, Repeat
from ripieno.settings import Mode, Settings, Turns

from tests.engine.turns_stage import TurnsStage
from tests.fakes import CHORD

Played = list[tuple[int, int, float]]


def wandering(request: Request, step: Beats, voice: int) -> Sounding:
    """Another pitch for every beat of the score, so that a repetition can be told from new music.

    What is drawn with another seed lies a semitone higher.
    """
    pitch = CHORD[voice] - 12 + int(step) % 12 + request.settings.sampling.seed - 1
    return Sounding(voice, pitch, step % 1.0 == 0.0, request.settings.velocity)


def answered(bars: int = 1) -> TurnsStage:
    """A phrase of a bar, answered from beat 5 on up to a bar line: beat 8 for one bar."""
    turns = Turns(bars=bars)
    stage = TurnsStage(Settings(mode=Mode.ANSWER, bpm=120, turns=turns))
    stage.inference.decide = wandering
    stage.play()
    for place in range(4):
        stage.play_note(60 + place, place, place + 0.9)
    return stage


def music(stage: TurnsStage, begin: float, end: float) -> Played:
    """What the machine struck in [begin, end), counted from `begin`."""
    return sorted((v, p, b - begin) for v, p, b in stage.machine() if begin <= b < end)


def test_a_loop_repeats_the_answer_from_its_end_until_it_is_asked_again() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Loop())
    assert "bar 3" in stage.said[-1]
    stage.run_to(17.0)
    answer = music(stage, 4, 8)
    assert answer and answer[0][2] == 1.0
    assert music(stage, 8, 12) == answer == music(stage, 12, 16)
    assert stage.phase is Phase.ANSWERING
    stage.wish(Loop())
    stage.run_to(21)
    assert music(stage, 16, 20) == answer, "the round that plays is the last"
    assert stage.phase is Phase.IDLE
    assert stage.output.sounding == {}
    assert stage.show.missed == 0


def test_an_answer_that_is_over_can_still_be_looped_from_the_next_bar_line() -> None:
    stage = answered()
    stage.run_to(9.3)
    assert stage.phase is Phase.IDLE
    stage.wish(Loop())
    stage.run_to(15.9)
    assert music(stage, 8, 12) == []
    assert music(stage, 12, 16) == music(stage, 4, 8)


def test_a_loop_yields_at_once_to_the_player() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Loop())
    stage.run_to(10.3)
    stage.strike(79)
    assert set(stage.output.sounding) == {(4, 79)}
    assert stage.phase is Phase.LISTENING
    stage.run_to(11)
    stage.release(79)
    stage.run_to(12.1)
    assert stage.phase is Phase.ANSWERING, "and is answered as ever"
    stage.run_to(20)
    assert stage.phase is Phase.IDLE, "and nothing loops any more"


def test_what_is_repeated_is_told_to_the_model() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Loop())
    stage.run_to(16.5)
    told = [r for r in stage.inference.asked if r.since >= 8.0 and len(r.given) == 4]
    assert all(r.begin == r.end for r in told), "nothing is decided anew"
    edges = [(r.since, r.begin) for r in told]
    assert edges[0][0] == 8.0
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    heard = {(n.voice, n.pitch, n.onset - 8) for r in told for n in r.heard if r.begin <= 12}
    assert sorted(heard) == music(stage, 4, 8)


def test_a_mutation_keeps_the_beginning_and_draws_the_rest_anew() -> None:
    stage = answered(bars=2)
    stage.run_to(12.5)  # the answer ended at 12
    assert stage.phase is Phase.IDLE
    before = music(stage, 4, 12)
    stage.wish(Turn("seed", 2), Mutate())  # the model now plays a semitone higher
    stage.run_to(28)
    again = music(stage, 16, 24)
    assert again != before
    assert [n for n in again if n[2] < 2.0] == [n for n in before if n[2] < 2.0]
    asked = [r for r in stage.inference.asked if r.begin >= 16.0 and r.end > r.begin]
    assert asked and asked[0].begin >= 18.0, "half a bar at least is as it was"
    assert asked[-1].end == 24.0, "and all that comes after is new, so that no rule is broken"
    assert all(a.end == b.begin for a, b in pairwise(asked))
    assert stage.phase is Phase.IDLE
    assert stage.show.missed == 0


def test_a_mutation_can_be_taken_back_and_the_one_before_plays() -> None:
    stage = answered(bars=2)
    stage.run_to(12.5)
    before = music(stage, 4, 12)
    stage.wish(Turn("seed", 5), Mutate())
    stage.run_to(25)
    assert music(stage, 16, 24) != before
    stage.wish(Undo())
    stage.run_to(36.5)
    assert music(stage, 28, 36) == before
    stage.wish(Undo())
    assert "no answer before" in stage.said[-1]


def test_a_mutated_loop_goes_on_with_what_came_of_it() -> None:
    stage = answered(bars=2)
    stage.run_to(12.5)
    stage.wish(Loop())
    stage.run_to(18)
    stage.wish(Turn("seed", 3), Mutate())
    stage.run_to(40.5)
    first, mutated, after = (music(stage, begin, begin + 8) for begin in (16, 24, 32))
    assert mutated != first
    assert after == mutated
    assert stage.phase is Phase.ANSWERING
    stage.wish(Undo())
    stage.run_to(53)
    assert music(stage, 44, 52) == first, "from the next bar line on"
    assert music(stage, 40, 44) == [n for n in mutated if n[2] < 4], "until then the loop goes on"


def test_an_interrupted_answer_is_the_last_answer_too() -> None:
    stage = answered(bars=4)
    stage.run_to(6.5)
    stage.strike(79)
    stage.run_to(7.0)
    stage.release(79)
    heard = music(stage, 4, 6.5)
    stage.wish(Loop())
    stage.run_to(12.5)
    assert [n for n in music(stage, 8, 12)] == heard


def test_an_answer_is_kept_as_the_seed_phrase_when_it_ends() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Keep())
    assert stage.show.conductor.moment.seed is None
    stage.run_to(8.2)
    seed = stage.show.conductor.moment.seed
    assert seed is not None
    assert sorted((n.voice, n.pitch, n.onset) for n in seed.notes) == music(stage, 4, 8)
    assert "Kept: 1 bar as the seed phrase" in stage.said[-1]
    stage.show.stop(stage.clock.now())
    stage.wish(Choose("mode", "solo"))
    stage.play()
    assert stage.show.conductor.moment.seed is seed


@pytest.mark.parametrize("wish", [Loop(), Mutate(), Undo(), Keep()])
@pytest.mark.parametrize("mode", list(Mode))
def test_with_nothing_to_repeat_a_sentence_says_so(wish: object, mode: Mode) -> None:
    stage = TurnsStage(Settings(mode=mode, bpm=120))
    stage.play()
    if mode is not Mode.SOLO:
        stage.wish(wish)
        assert any(word in stage.said[-1] for word in ("no answer", "this mode", "before"))
    stage.run_to(9)
    stage.show.stop(stage.clock.now())
    stage.wish(wish)
    assert stage.said


def test_solo_loops_its_last_bars_and_goes_on_without_a_break() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, turns=Turns(bars=2)))
    stage.inference.decide = wandering
    stage.play()
    stage.run_to(9.5)
    stage.wish(Loop())
    stage.run_to(26)
    last = music(stage, 4, 12)
    assert music(stage, 12, 20) == last
    stage.wish(Loop())
    stage.run_to(33)
    assert music(stage, 20, 28) == last
    new = [(v, p, b) for v, p, b in stage.machine() if b == 28.0]
    assert {p for v, p, b in new if v == 0} == {CHORD[0] - 12 + 28 % 12}
    assert stage.bass == [float(beat) for beat in range(34)], "not a beat is lost"
    assert stage.show.missed == 0


def test_in_solo_you_may_play_over_the_loop() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, turns=Turns(bars=1)))
    stage.play()
    stage.run_to(5.5)
    stage.wish(Loop())
    stage.play_note(79, 9.0, 9.5)
    stage.run_to(17)
    assert stage.bass == [float(beat) for beat in range(18)]


def test_solo_mutates_and_takes_back() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, turns=Turns(bars=2)))
    stage.inference.decide = wandering
    stage.play()
    stage.run_to(9.5)
    stage.wish(Turn("seed", 4), Mutate())
    stage.run_to(20.5)
    first, mutated = music(stage, 4, 12), music(stage, 12, 20)
    assert mutated != first and mutated[0] == first[0]
    stage.wish(Undo())
    stage.run_to(32.5)
    assert music(stage, 24, 32) == mutated, "what is new was on no pile yet: the last one plays"


def test_a_cadence_ends_a_loop_with_its_round() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Loop())
    stage.run_to(9.0)
    stage.wish(Cadence())
    stage.run_to(12.5)
    assert stage.phase is Phase.IDLE


def test_asking_for_the_end_ends_a_loop_at_once() -> None:
    stage = answered()
    stage.run_to(6.2)
    stage.wish(Loop())
    stage.run_to(9.3)
    stage.wish(AnswerNow())
    assert stage.output.sounding == {}
    stage.run_to(14)
    assert stage.phase is Phase.IDLE


def test_a_record_tells_what_was_heard_with_its_gaps() -> None:
    record = Record()
    for step, pitch, struck in ((0, 60, True), (1, 60, False), (3, 60, False), (4, 62, True)):
        record.add(fixed(1, Beats(step / 4), (Sounding(0, pitch, struck, 80),)))
    passage = record.passage(Beats(0.0), Beats(2.0))
    assert passage is not None
    assert [(n.pitch, n.onset, n.duration) for n in passage.notes] == [
        (60, 0.0, 0.5),
        (60, 0.75, 0.25),
        (62, 1.0, 0.25),
    ]
    assert passage.length == 2.0
    assert record.passage(Beats(4.0), Beats(8.0)) is None
    late = record.passage(Beats(0.0), Beats(2.0), first=Beats(0.25), last=Beats(0.75))
    assert late is not None
    assert [(n.onset, n.duration) for n in late.notes] == [(0.25, 0.25)]


def test_a_hole_leaves_half_a_bar_and_reaches_to_the_end() -> None:
    from random import Random

    record = Record()
    for step in range(16):
        record.add(fixed(1, Beats(step / 4), (Sounding(0, 60, True, 80),)))
    passage = record.passage(Beats(0.0), Beats(4.0))
    assert passage is not None
    settings = Settings()
    for seed in range(40):
        hole = Hole.drawn(passage, settings.meter, Random(seed), whole=False)
        assert hole.begin == 2.0
        assert hole.voices and set(hole.voices) <= {0, 1, 2, 3}
    repeat = Repeat.of(1, Beats(8.0), passage, record, None, stop=True)
    assert repeat.round_end(Beats(7.0)) == 12.0
    assert repeat.round_end(Beats(12.0)) == 16.0


def test_an_answer_can_be_taken_back_while_it_plays() -> None:
    stage = answered(bars=2)
    stage.run_to(12.5)
    first = music(stage, 4, 12)
    stage.play_note(70, 16.0, 16.9)
    stage.run_to(20.5)
    assert stage.phase is Phase.ANSWERING
    stage.wish(Undo())
    stage.run_to(33)
    assert music(stage, 24, 32) == first, "from the next bar line on the one before it"
    stage.wish(Undo())
    assert "no answer before" in stage.said[-1], "and the other one is gone"


def test_a_loop_that_is_asked_for_in_your_phrase_takes_its_place() -> None:
    stage = answered(bars=1)
    stage.run_to(8.5)
    first = music(stage, 4, 8)
    stage.play_note(70, 12.0, 12.9)
    stage.wish(Loop())
    stage.run_to(15.9)
    assert music(stage, 12, 16) == [], "and not an answer to it"
    stage.run_to(20)
    assert music(stage, 16, 20) == first
    told = [r for r in stage.inference.asked if any(n.pitch == 70 for n in r.heard)]
    assert told, "the model knows the phrase all the same"


def test_a_note_of_yours_before_the_loop_begins_calls_it_off() -> None:
    stage = answered(bars=1)
    stage.run_to(8.5)
    stage.wish(Loop())
    stage.play_note(70, 9.0, 9.4)
    stage.run_to(11.5)
    assert music(stage, 8, 11) == []
    stage.run_to(19)
    assert stage.phase is Phase.IDLE, "your note is answered, and nothing loops"


def test_loop_twice_is_no_loop() -> None:
    stage = answered(bars=1)
    stage.run_to(6.0)
    stage.wish(Loop(), Loop())
    stage.run_to(12)
    assert stage.phase is Phase.IDLE
    assert music(stage, 8, 12) == []


def test_solo_keeps_its_last_bars() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, turns=Turns(bars=2)))
    stage.inference.decide = wandering
    stage.play()
    stage.run_to(13.0)
    stage.wish(Keep())
    seed = stage.show.conductor.moment.seed
    assert seed is not None
    assert sorted((n.voice, n.pitch, n.onset) for n in seed.notes) == music(stage, 4, 12)
    stage.run_to(17)
    assert stage.bass == [float(beat) for beat in range(18)], "and plays on undisturbed"


def test_what_an_answer_left_can_be_looped_in_solo() -> None:
    stage = answered(bars=1)
    stage.run_to(8.5)
    first = music(stage, 4, 8)
    stage.wish(Choose("mode", "solo"))
    stage.run_to(13.0)
    stage.wish(Undo())
    stage.run_to(21)
    assert music(stage, 16, 20) == first
    assert stage.show.missed == 0


def test_a_knob_turned_in_a_mutation_is_heard_in_what_is_drawn_anew() -> None:
    stage = answered(bars=2)
    stage.run_to(12.5)
    before = music(stage, 4, 12)
    stage.wish(Mutate())
    stage.run_to(16.5)
    count = len(stage.inference.asked)
    stage.wish(Turn("seed", 6))
    asked = [r for r in stage.inference.asked[count:] if r.end > r.begin]
    stage.run_to(24.5)
    asked += [r for r in stage.inference.asked[count:] if r.end > r.begin and r not in asked]
    assert asked and all(r.settings.sampling.seed == 6 for r in asked)
    assert asked[0].begin >= 18.0
    again = music(stage, 16, 24)
    assert [n for n in again if n[2] < 2.0] == [n for n in before if n[2] < 2.0]
    assert again != before
    assert stage.show.missed == 0


def test_a_repetition_can_be_made_a_loop_and_a_loop_be_mutated_once_more() -> None:
    stage = answered(bars=1)
    stage.run_to(8.5)
    stage.wish(Mutate())
    stage.run_to(13)
    stage.wish(Loop())
    stage.run_to(24.5)
    mutated = music(stage, 12, 16)
    assert mutated != [] and music(stage, 16, 20) == mutated == music(stage, 20, 24)
    stage.wish(Mutate(), Loop())
    assert "next round" in stage.said[-1]
    stage.run_to(33)
    assert stage.phase is Phase.IDLE
    once_more = music(stage, 28, 32)
    assert [n for n in once_more if n[2] < 2] == [n for n in mutated if n[2] < 2]
    assert once_more != mutated


def test_a_cadence_in_solo_closes_what_is_new_and_ends_a_loop() -> None:
    stage = TurnsStage(Settings(mode=Mode.SOLO, bpm=120, turns=Turns(bars=1)))
    stage.play()
    stage.run_to(4.5)
    stage.wish(Cadence())
    assert stage.inference.asked[-1].cadence == 6.0
    stage.wish(Loop())
    stage.run_to(13.0)
    count = len([r for r in stage.inference.asked if r.end > r.begin])
    stage.wish(Cadence())
    stage.run_to(20.0)
    new = [r for r in stage.inference.asked if r.end > r.begin][count:]
    assert new[0].begin == 16.0, "the model goes on where the round ends"
