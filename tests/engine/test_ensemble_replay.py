"""A take of an ensemble: written, read, computed again, exported, told by whose it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ripieno.cli.arguments import parser_of
from ripieno.cli.options import asked
from ripieno.cli.play import _stage
from ripieno.cli.regenerate import bundle_of, steps_differ
from ripieno.commands import Front, Turn
from ripieno.ensemble import YOU
from ripieno.render import render
from ripieno.takes.facts import Asked, NoteStarted, StepPlanned
from ripieno.takes.header import Chair, Header
from ripieno.takes.lines import Reader, Writer
from ripieno.takes.report import report
from ripieno.takes.rerun import first_difference
from ripieno.takes.rules import violations
from ripieno.takes.sessions import sessions
from ripieno.takes.take import Take, read
from ripieno.takes.take_score import score_of
from ripieno.takes.trace import trace

from tests.engine.test_ensemble import SOLO, member, stage
from tests.engine.test_take import HEADER


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """The choir and the fiddle, nine bars, in virtual time by their real models."""
    folder = tmp_path_factory.mktemp("takes")
    words = ["render", "--preset", "choir-and-fiddle", "--model", "chorale-lstm", "--bars", "9"]
    what = asked(parser_of().parse_args([*words, "--precision", "fp32"]))
    scene = _stage(what, str(folder), 9, what.guest(screen=False))
    render(scene)
    return read(scene.take)


def test_the_header_knows_all_of_them(take: Take) -> None:
    choir, fiddle = take.header.chairs
    assert (choir.name, choir.model, choir.hears) == ("choir", "chorale-lstm", ("you",))
    assert (fiddle.name, fiddle.model) == ("fiddle", "folk-transformer")
    assert fiddle.hears == ("choir.soprano",)
    assert fiddle.channels == (5, 5, 5, 5)
    assert (take.header.model, take.header.settings) == (choir.model, choir.settings)


def test_it_is_the_same_again_by_the_performance_and_by_both_models(take: Take) -> None:
    assert first_difference(take) is None
    assert steps_differ(take, bundle_of(take)) is None
    found = sessions(take)
    assert [session.partner for session in found] == [0, 1]
    steps = sum(len(session.steps) for session in found)
    assert steps == sum(isinstance(fact, StepPlanned) for fact in take.facts)


def test_another_note_of_the_fiddle_is_a_difference(take: Take) -> None:
    facts = list(take.facts)
    place = next(
        number
        for number, fact in enumerate(facts)
        if isinstance(fact, StepPlanned) and fact.partner == 1 and fact.voices[0].pitch
    )
    step = facts[place]
    assert isinstance(step, StepPlanned)
    voices = (replace(step.voices[0], pitch=(step.voices[0].pitch or 0) + 1), *step.voices[1:])
    facts[place] = replace(step, voices=voices)
    changed = replace(take, facts=tuple(facts))
    assert first_difference(changed) is not None
    assert steps_differ(changed, bundle_of(take)) is not None


def test_each_part_of_the_score_is_named_after_whose_it_is(take: Take) -> None:
    score = score_of(take)
    parts = {part.name: part for part in score.parts}
    assert list(parts)[:4] == ["choir soprano", "choir alto", "choir tenor", "fiddle soprano"]
    assert list(parts)[-1] == "you"
    assert {parts[name].channel for name in parts} == {0, 1, 2, 5, 4}
    assert parts["fiddle soprano"].program == 40
    fiddle = [note.onset for note in parts["fiddle soprano"].notes]
    assert min(fiddle) >= 16, "the fiddle listens for four bars"
    assert max(fiddle) < 32


def test_what_is_reported_is_of_both(take: Take) -> None:
    told = report(take)
    assert told.violations == ()
    assert told.hung == ()
    assert told.unended == ()
    assert told.steps >= 7 * 16 + 4 * 16
    assert told.missed == 0


def test_rules_are_each_ones_own(take: Take) -> None:
    """A fiddle may leap further and sings higher than a choir: by the choir's rules it breaks
    them."""
    choir, fiddle = take.header.chairs
    strict = replace(fiddle.settings, rules=replace(fiddle.settings.rules, ranges=((60, 61),) * 4))
    asked_so = [
        replace(fact, request=replace(fact.request, settings=strict))
        if isinstance(fact, Asked) and fact.partner == 1
        else fact
        for fact in take.facts
    ]
    header = replace(take.header, ensemble=(choir, replace(fiddle, settings=strict)))
    found = violations(replace(take, header=header, facts=tuple(asked_so)))
    assert found
    assert {violation.note.partner for violation in found} == {1}


def test_the_trace_has_a_track_for_each_voice_of_each(take: Take) -> None:
    text = trace(take)
    assert '"sound: choir soprano"' in text
    assert '"sound: fiddle soprano"' in text


def test_lines_of_one_alone_are_as_they_were() -> None:
    """Who plays alone leaves no trace of an ensemble in the lines of a take."""
    lines = Writer(HEADER)
    alone = stage(member("", SOLO, YOU))
    alone.run_to(2.1)
    written = b"".join(lines.line(fact) for fact in alone.recorder.facts)
    assert b"partner" not in written
    both = stage(member("a", SOLO), member("b", SOLO, YOU))
    both.show.wish(Front(1), both.clock.now())
    both.show.wish(Turn("temperature", 0.7), both.clock.now())
    both.strike(60)
    both.run_to(6.1)
    reader, lines = Reader(Writer(HEADER).first), Writer(HEADER)
    facts = both.recorder.facts
    assert [reader.fact(lines.line(fact)) for fact in facts] == facts
    assert {fact.partner for fact in facts if isinstance(fact, NoteStarted)} == {0, 1}


def test_a_header_of_before_has_one_chair() -> None:
    (chair,) = HEADER.chairs
    assert isinstance(HEADER, Header)
    assert chair == Chair(
        "",
        ("you",),
        HEADER.settings,
        HEADER.channels,
        HEADER.programs,
        HEADER.model,
        HEADER.precision,
        HEADER.bundle,
        HEADER.smaller,
        HEADER.smaller_bundle,
    )
