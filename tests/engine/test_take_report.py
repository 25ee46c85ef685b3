"""How a performance went: counted from facts that we know, and by an independent reader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ripieno.cli import main
from ripieno.clock import Beats, Seconds
from ripieno.commands import Mute
from ripieno.events import NoteOn, Request, Rung, Sounding
from ripieno.settings import Key, Rules, Settings, Strength
from ripieno.takes.facts import (
    Asked,
    Fact,
    Heard,
    Mark,
    Marked,
    NoteEnded,
    NoteStarted,
    Sent,
    Source,
    StepMissed,
    StepPlanned,
    Wished,
)
from ripieno.takes.report import Spread, report
from ripieno.takes.rules import hung, unended, violations
from ripieno.takes.take import Journal, Take

from tests.engine.test_take import HEADER, take

SOFT = Settings(rules=Rules(crossing=Strength.OFF, parallels=Strength.OFF, spacing=Strength.OFF))


def at(beat: float) -> Seconds:
    return Seconds(100.0 + beat)


def asked(
    number: int, begin: float, epoch: int = 1, settings: Settings = SOFT, when: float | None = None
) -> Asked:
    request = Request(
        epoch, Beats(begin), Beats(begin), Beats(begin + 1), (), (), (), settings, number=number
    )
    return Asked(request, at(begin - 0.5 if when is None else when))


def step(beat: float, request: int = 1, epoch: int = 1, **more: Any) -> StepPlanned:
    return StepPlanned(
        epoch, Beats(beat), Beats(beat + 0.25), Seconds(0.002), True, (), at(beat - 0.25),
        (Sounding(0, 60, True, 80),), request=request,
    ) if not more else replace(step(beat, request, epoch), **more)  # fmt: skip


def on(beat: float, pitch: int, voice: int = 0, late: float = 0.0) -> NoteStarted:
    return NoteStarted(
        Source.MODEL, voice, voice, pitch, 80, Beats(beat), at(beat), Seconds(at(beat) + late)
    )


def off(beat: float, pitch: int, voice: int = 0) -> NoteEnded:
    return NoteEnded(Source.MODEL, voice, voice, pitch, Beats(beat), at(beat))


def told(settings: Settings, *facts: Fact) -> Take:
    return replace(take(*facts), header=replace(HEADER, settings=settings))


# ---- the numbers ---------------------------------------------------------------------------


def test_a_spread_is_of_nearest_ranks() -> None:
    assert Spread.of([]) is None
    assert Spread.of([3.0]) == Spread(Seconds(3), Seconds(3), Seconds(3), 1)
    assert Spread.of(range(1, 201)) == Spread(Seconds(100), Seconds(198), Seconds(200), 200)


def test_steps_are_counted_by_what_became_of_them() -> None:
    facts = (
        Marked(Mark.PLAYED, "", Beats(0), at(0)),
        asked(1, 0.0),
        step(0.0),
        step(0.25, rung=Rung.FEWER, candidates=3, relaxed=("spacing",)),
        step(0.5, served=False, rung=Rung.HOLD),
        step(0.75),
        step(1.0),  # given up before its beat
        asked(2, 1.0, epoch=2, when=0.9),
        step(1.0, request=2, epoch=2),
        step(1.25, request=1, void=True),
        on(0.0, 60, late=0.002),
        off(1.0, 60),
        on(1.0, 62, late=0.004),
        StepMissed(Beats(1.25), at(1.26)),
        off(1.5, 62),
        Marked(Mark.STOPPED, "", Beats(1.5), at(1.5)),
    )
    found = report(told(SOFT, *facts))
    assert (found.steps, found.missed, found.unserved, found.void) == (6, 1, 1, 1)
    assert found.served == pytest.approx(4 / 6)
    assert found.cuts == 1
    assert dict(found.rungs) == {Rung.FULL: 3, Rung.FEWER: 1, Rung.HOLD: 1}
    assert found.candidates == pytest.approx(7 / 5)
    assert dict(found.relaxed) == {"spacing": 1}
    assert dict(found.notes) == {Source.MODEL: 2}
    assert found.lateness is not None
    assert found.lateness.p50 == pytest.approx(0.002)
    assert found.lateness.worst == pytest.approx(0.004)
    assert found.reply is not None
    assert found.reply.count == 2
    assert found.first_note is not None
    assert found.first_note.worst == pytest.approx(0.002)
    assert found.staleness is not None
    assert found.staleness.worst == pytest.approx(0.5)
    assert found.seconds == 1.5
    assert not found.violations
    assert not found.hung


def test_lateness_is_that_of_the_messages_where_the_take_tells_of_them() -> None:
    facts = (
        step(0.0),
        step(1.0, at_once=True),
        on(0.0, 60),
        Sent("903c50", Seconds(at(0.0) + 0.003)),
        Sent("803c40", at(0.5)),
        on(0.5, 62),  # hushed before it went out
        Sent("944050", at(0.6)),  # the player's
        on(0.75, 62),
        Sent("903e50", at(0.75)),
        on(1.0, 64, late=0.1),  # with a key of the player's
        Sent("904050", Seconds(at(1.0) + 0.1)),
    )
    lateness = report(told(SOFT, *facts)).lateness
    assert lateness is not None
    assert (lateness.count, lateness.p50) == (2, 0.0)
    assert lateness.worst == pytest.approx(0.003)


def test_an_answer_that_you_interrupt_was_not_late_with_what_it_never_played() -> None:
    facts = (
        Marked(Mark.ANSWER_BEGINS, "", Beats(0), at(0)),
        asked(1, 0.0),
        step(0.0),
        step(0.25),
        step(0.5),
        step(0.75),
        on(0.0, 60),
        Marked(Mark.ANSWER_ENDS, "", Beats(0.4), at(0.4)),
    )
    assert report(told(SOFT, *facts)).steps == 2


def test_a_jump_back_does_not_undo_what_was_played() -> None:
    facts: tuple[Fact, ...] = (
        asked(1, 8.0),
        *(step(8 + n / 4) for n in range(8)),
        on(8, 60),
        off(9.5, 60),
        asked(2, 0.0, epoch=2, when=9.6),
        *(step(n / 4, request=2, epoch=2) for n in range(4)),
        on(0, 60),
        off(0.5, 60),
        Marked(Mark.STOPPED, "", Beats(0.5), at(11)),
    )
    assert report(told(SOFT, *facts)).steps == 6 + 2


def test_notes_that_join_yours_are_timed_from_your_key() -> None:
    facts = (
        asked(1, 0.0),
        Heard(NoteOn(0, 72, 80), False, at(0.0)),
        step(0.0, at_once=True),
        on(0.0, 60, late=0.003),
        off(0.5, 60),
        on(0.5, 62),
        off(0.75, 62),
    )
    joined = report(told(SOFT, *facts)).joined
    assert joined is not None
    assert (joined.count, joined.worst) == (1, pytest.approx(0.003))


def test_an_empty_take_has_a_report() -> None:
    found = report(take())
    assert (found.steps, found.served, found.first_note) == (0, 1.0, None)


# ---- the independent reader ----------------------------------------------------------------


def rules(**changed: Any) -> Settings:
    return replace(SOFT, rules=replace(SOFT.rules, **changed))


TWO_VOICES = (on(0, 72, 0), on(0, 60, 1))


@pytest.mark.parametrize(
    ("settings", "facts", "broken"),
    [
        (SOFT, (on(0, 82),), "soprano: 82 lies outside 57…81"),
        (SOFT, (on(0, 57), off(1, 57), on(1, 70)), "leaps from 57 to 70"),
        (SOFT, (on(0, 57), off(1, 57), on(1, 69)), ""),
        (SOFT, (on(0, 60), on(0.5, 62)), "two notes at once"),
        (rules(crossing=Strength.HARD), (on(0, 60, 0), on(0, 62, 1)), "crosses the alto at 62"),
        (rules(crossing=Strength.SOFT), (on(0, 60, 0), on(0, 62, 1)), ""),
        (rules(spacing=Strength.HARD), (on(0, 74, 0), on(0, 60, 1)), "lies 14 from the"),
        (rules(spacing=Strength.HARD), (on(0, 60, 2), on(0, 38, 3)), ""),
        (
            rules(key=Key.parse("G major"), key_lock=Strength.HARD),
            (on(0, 65),),
            "65 is not in G major",
        ),
        (
            rules(parallels=Strength.HARD),
            (*TWO_VOICES, off(1, 72), off(1, 60, 1), on(1, 74), on(1, 62, 1)),
            "in parallel with the",
        ),
        (
            rules(parallels=Strength.HARD),
            (*TWO_VOICES, off(1, 72), off(1, 60, 1), on(1, 74), on(1, 65, 1)),
            "",
        ),
        (
            SOFT,
            (on(0, 57), off(1, 57), Marked(Mark.ANSWER_BEGINS, "", Beats(1), at(1)), on(1, 79)),
            "",
        ),
        (SOFT, (on(0, 57), off(1, 57), Wished(Mute(0, True), at(1)), on(2, 79)), ""),
    ],
)
def test_a_broken_rule_is_heard(settings: Settings, facts: tuple[Fact, ...], broken: str) -> None:
    said = "; ".join(str(each) for each in violations(told(settings, *facts)))
    assert (broken in said) if broken else not said


def test_a_note_is_judged_by_the_rules_under_which_it_was_planned() -> None:
    low = rules(ranges=((57, 70), (53, 74), (48, 69), (36, 64)))
    facts = (
        asked(1, 0.0, settings=SOFT),
        step(0.0, 1),
        step(0.25, 1),
        asked(2, 0.25, epoch=2, settings=low),
        on(0.0, 72),
        off(0.25, 72),
        on(0.25, 74),  # decided before the range was changed
        step(0.5, 2, epoch=2),
        off(0.5, 74),
        on(0.5, 72),
    )
    assert [str(each) for each in violations(told(SOFT, *facts))] == [
        "beat 0.5, soprano: 72 lies outside 57…70"
    ]


def test_the_seed_and_the_player_may_play_what_they_like() -> None:
    facts = tuple(
        replace(on(beat, pitch), source=source, voice=voice)
        for source, voice in ((Source.SEED, 0), (Source.PLAYER, None))
        for beat, pitch in ((0, 30), (1, 120))
    )
    assert not violations(told(SOFT, *facts))


def test_a_note_without_its_end_hangs_unless_the_take_was_cut_off() -> None:
    facts = (on(0, 60), on(0, 62, 1), off(1, 60))
    assert hung(told(SOFT, *facts)) == (facts[1],)
    assert hung(replace(told(SOFT, *facts), torn=True)) == ()


def test_a_note_on_without_its_off_is_counted_from_the_bytes() -> None:
    facts = (
        Sent("903c50", at(0)),
        Sent("913c50", at(0)),
        Sent("903e50", at(1)),
        Sent("803c40", at(1)),
        Sent("b07b00", at(2)),
        Sent("fa", at(2)),
        Sent("813c40", at(2)),
    )
    assert unended(told(SOFT, *facts)) == ((0, 62),)
    assert report(told(SOFT, *facts)).unended == ((0, 62),)
    assert unended(replace(told(SOFT, *facts), torn=True)) == ()


# ---- the command ---------------------------------------------------------------------------


def kept(path: Path, settings: Settings, *facts: Fact) -> Path:
    journal = Journal(path, replace(HEADER, settings=settings))
    for fact in facts:
        journal.record(fact)
    journal.close()
    return path


def test_the_report_is_shown_and_its_code_says_whether_the_promises_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = kept(tmp_path / "good.take", SOFT, asked(1, 0.0), step(0), on(0, 60), off(0.25, 60))
    kept(tmp_path / "hung.take", SOFT, on(0, 60))
    kept(tmp_path / "bytes.take", SOFT, Sent("9f7f50", at(0)))
    assert main(["takes", "show", str(good)]) == 0
    said = capsys.readouterr().out
    assert "100.0% of 1; 0 missed, 0 ran out of time" in said
    assert "hard rules broken         0" in said
    assert main(["takes", "show", "hung", "--takes", str(tmp_path)]) == 1
    assert "channel 1, pitch 60, since beat 0" in capsys.readouterr().out
    assert main(["takes", "show", "bytes", "--takes", str(tmp_path)]) == 1
    assert "channel 16, pitch 127" in capsys.readouterr().out
    assert main(["takes", "show", "god", "--takes", str(tmp_path)]) == 2
    assert "Did you mean 'good'?" in capsys.readouterr().err


def test_a_take_is_found_by_file_by_name_and_as_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path / "one.take", SOFT, on(0, 60), off(8, 60))
    folder = ["--takes", str(tmp_path)]
    for words in (["one"], ["one.take"], ["last"], [str(tmp_path / "one.take")]):
        assert main(["takes", "save-last", *words, "--bars", "1", *folder]) == 0
    assert main(["takes", "save-last", *folder]) == 0
    assert len(list(tmp_path.glob("one-last1*.mid"))) == 5
    assert (tmp_path / "one-last16.mid").exists()
    capsys.readouterr()
    assert main(["takes", "one", "two", "three", *folder]) == 2
    assert "names more than one take; allowed: one of export, show" in capsys.readouterr().err
    assert main(["takes", "export", "one", "--no-wav", *folder]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "one.mid")
