"""What it costs that others come in while one plays: how soon they do, and what the music loses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ripieno.clock import Beats
from ripieno.commands import Quit, Recall
from ripieno.ensemble import Member, Seated
from ripieno.events import Telemetry
from ripieno.routing import OutputKind, OutputSpec, Routing
from ripieno.settings import Mode, Settings
from ripieno.takes.facts import (
    Fact,
    Invited,
    ModelReady,
    NoteStarted,
    StepMissed,
    StepPlanned,
)
from ripieno.takes.report import lateness
from ripieno.takes.take import Take

from tests.bench_table import Findings, Row, Sample, Target, at_most
from tests.live.show import quick, show, stage_of

BPM = 120.0
LATE_MS = 5.0
AFTER = Beats(4.0)
"""What others cost that have come in is looked for in their first bar."""
STEPS = 48
"""So many steps of each who plays are waited for: three bars of sixteenths."""
ALONE, TOGETHER = ("",), ("choir", "fiddle")
SILENCE = Routing(outputs=(OutputSpec(OutputKind.NONE),), inputs=())


@dataclass(frozen=True, slots=True)
class Arrived:
    """Those of one recall: seconds from it until their models were there, and their first note."""

    ready: float
    heard: float


def recalled(place: Path, bundle: Path, times: int) -> Findings:
    """For one that plays two come in and for the two one, in turns, `times` each."""
    folder = place / "recalled"
    folder.mkdir()
    settings = quick(Mode.SOLO, bpm=BPM)
    stage = stage_of(folder, bundle, settings, routing=SILENCE)
    wished: list[float] = []
    with show(stage) as running:
        running.beats_on(8)
        for who in (TOGETHER, ALONE) * times:
            wished.append(time.perf_counter())
            running.send(_recall(who, bundle, settings))
            running.until(partial(_play, who), "those who were recalled")
        running.send(Quit())
        running.until_over()
    return _found(running.take(), wished)


def _recall(who: tuple[str, ...], bundle: Path, settings: Settings) -> Recall:
    """Those who are called so, all with `bundle`, each on channels of its own."""
    players = tuple(
        Seated(
            member=Member(name=name, settings=settings, hears=()),
            model=str(bundle),
            fallback="",
            precision="auto",
            routing=replace(SILENCE, channels=tuple(range(4 * place, 4 * place + 4))),
        )
        for place, name in enumerate(who)
    )
    return Recall("-".join(who) or "alone", settings, routing=SILENCE, players=players)


def _play(who: tuple[str, ...], told: Telemetry) -> bool:
    here = tuple(partner.name for partner in told.partners)
    return here == who and all(partner.steps >= STEPS for partner in told.partners)


def _found(take: Take, wished: list[float]) -> Findings:
    arrived = list(_arrived(take, wished))
    several, one = arrived[0::2], arrived[1::2]
    rows = [
        _row("recall → all models are there", [a.ready for a in several], [a.ready for a in one]),
        _row("recall → first note", [a.heard for a in several], [a.heard for a in one]),
    ]
    loading, line, else_late = _lateness(take, wished)
    rows += [Row("others come in: lateness", each, else_late) for each in (loading, line)]
    since = [fact for fact in take.facts if isinstance(fact, StepMissed | StepPlanned)]
    since = [fact for fact in since if fact.at > wished[0]]
    missed = sum(isinstance(fact, StepMissed) for fact in since)
    steps = [fact for fact in since if isinstance(fact, StepPlanned) and not fact.void]
    held = sum(not step.served for step in steps)
    words = (
        f"{len(wished)} recalls of others at {BPM:g} bpm, one for two and two for one in turns: "
        f"{missed} of {len(steps) + missed} sixteenths missed, {held} held for want of time. They "
        "come in on a bar line that is a second away at least; a bar is 2 s.",
    )
    targets = (
        Target("no step is lost when others come in", f"{missed} missed", not missed),
        at_most(f"lateness p99 while they load ≤ {LATE_MS:g} ms", loading.p99, LATE_MS),
        at_most(f"lateness p99 around their line ≤ {LATE_MS:g} ms", line.p99, LATE_MS),
    )
    return Findings(tuple(rows), targets, words)


def _row(title: str, several: list[float], one: list[float]) -> Row:
    came, returned = (tuple(1000.0 * each for each in values) for values in (several, one))
    return Row("others come in: two for one", Sample(title, came), Sample("one for two", returned))


def _arrived(take: Take, wished: list[float]) -> Iterator[Arrived]:
    """What came of each recall, in their order."""
    invited = [fact for fact in take.facts if isinstance(fact, Invited)]
    first = len(take.header.chairs)
    for fact, at in zip(invited, wished, strict=True):
        theirs = range(first, first + len(fact.chairs))
        first = theirs.stop
        ready = (f for f in take.facts if isinstance(f, ModelReady) and f.partner in theirs)
        notes = (f for f in take.facts if isinstance(f, NoteStarted) and f.partner in theirs)
        yield Arrived(max(f.at for f in ready) - at, min(f.at for f in notes) - at)


def _lateness(take: Take, wished: list[float]) -> tuple[Sample, Sample, Sample]:
    """That of the notes while others load, from when they are invited (a second before their line)
    to a bar after it, and of all others."""
    invited = [fact for fact in take.facts if isinstance(fact, Invited)]
    loading: list[Fact] = []
    line: list[Fact] = []
    elsewhere: list[Fact] = []
    facts = elsewhere
    for fact in take.facts:
        if isinstance(fact, NoteStarted):  # what is sent follows its note
            facts = elsewhere
            for asked, who in zip(wished, invited, strict=True):
                if asked <= fact.at < who.at:
                    facts = loading
                elif fact.at >= who.at and fact.beat < who.line + AFTER:
                    facts = line
                    break
        facts.append(fact)
    return (
        _late("while they load", loading),
        _late("around their line", line),
        _late("elsewhere", elsewhere),
    )


def _late(name: str, facts: list[Fact]) -> Sample:
    return Sample(name, tuple(1000.0 * each for each in lateness(facts)))
