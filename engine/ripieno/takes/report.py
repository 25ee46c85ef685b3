"""How a performance went, in numbers, from its take alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from ripieno.clock import Beats, Seconds
from ripieno.events import NoteOn, Rung
from ripieno.modes.ear import STEP
from ripieno.takes.apart import apart
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
)
from ripieno.takes.rules import Violation, hung, unended, violations
from ripieno.takes.take import Take


@dataclass(frozen=True, slots=True)
class Spread:
    """Some durations: the median, what 99 of 100 stay within, the longest, and how many."""

    p50: Seconds
    p99: Seconds
    worst: Seconds
    count: int

    @classmethod
    def of(cls, durations: Iterable[float]) -> Spread | None:
        """The nearest-rank quantiles; None of nothing."""
        found = sorted(durations)
        if not found:
            return None
        ranks = (-(-len(found) * share // 100) - 1 for share in (50, 99, 100))
        p50, p99, worst = (Seconds(found[rank]) for rank in ranks)
        return cls(p50, p99, worst, len(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that `ripieno takes show` tells. Durations are None where nothing was measured."""

    seconds: Seconds
    notes: Mapping[Source, int]
    first_note: Spread | None
    """From the beginning of a turn of the machine's to its first note."""
    joined: Spread | None
    """From a key of yours to the notes that were to sound with it."""
    lateness: Spread | None
    """By how much a note of the model's came after its moment."""
    reply: Spread | None
    """From a request to the first step that came for it."""
    staleness: Spread | None
    """How old what the model knew of you was, when a note that it chose was due."""
    model: Spread | None
    """What a step cost."""
    steps: int
    """Steps that were due to be played."""
    missed: int
    """Of which had not come in time, so that the chord was held."""
    unserved: int
    """Of which came, but ran out of time while they were decided."""
    void: int
    """Steps that nobody wanted any more when they came."""
    cuts: int
    """How often a plan was given up for a new one, and the model rewound."""
    rungs: Mapping[Rung, int]
    candidates: float
    """How many whole steps were drawn for one that was played, on average."""
    relaxed: Mapping[str, int]
    """Soft rules given up, by name."""
    violations: tuple[Violation, ...]
    hung: tuple[NoteStarted, ...]
    unended: tuple[tuple[int, int], ...]
    """Channel and pitch of note-ons that went out without a note-off."""

    @property
    def served(self) -> float:
        """In-time served ratio, 0…1: the share of steps that were there when they were due."""
        return 1.0 if not self.steps else 1.0 - (self.missed + self.unserved) / self.steps


def report(take: Take) -> Report:
    """What `take` says about itself."""
    facts = take.facts
    steps = [fact for fact in facts if isinstance(fact, StepPlanned)]
    each = apart(take)
    due = [step for own in each for step in _due(own)]
    missed = sum(isinstance(fact, StepMissed) for fact in facts)
    wanted = [step for step in steps if not step.void]
    started = [fact for fact in facts if isinstance(fact, NoteStarted)]
    return Report(
        seconds=Seconds(max((fact.at for fact in facts), default=0.0) - take.header.started),
        notes=Counter(note.source for note in started),
        first_note=Spread.of(chain.from_iterable(map(_first_notes, each))),
        joined=Spread.of(chain.from_iterable(map(_joined, each))),
        lateness=Spread.of(chain.from_iterable(map(lateness, each))),
        reply=Spread.of(chain.from_iterable(map(_replies, each))),
        staleness=Spread.of(chain.from_iterable(map(_staleness, each))),
        model=Spread.of(step.seconds for step in steps),
        steps=len(due) + missed,
        missed=missed,
        unserved=sum(not step.served for step in due),
        void=len(steps) - len(wanted),
        cuts=sum(map(_cuts, each)),
        rungs=Counter(step.rung for step in due),
        candidates=sum(step.candidates for step in due) / len(due) if due else 0.0,
        relaxed=Counter(name for step in due for name in step.relaxed),
        violations=violations(take),
        hung=hung(take),
        unended=unended(take),
    )


@dataclass(slots=True)
class _Plan:
    """Steps that wait for their beat; what is cut before it comes was never due."""

    waiting: dict[int, StepPlanned] = field(default_factory=dict)
    played: list[StepPlanned] = field(default_factory=list)

    def reach(self, beat: Beats) -> None:
        """The music has come to `beat`."""
        for place in [place for place in self.waiting if place < _place(beat)]:
            self.played.append(self.waiting.pop(place))

    def cut(self, beat: Beats) -> None:
        """What was planned from `beat` on is void."""
        self.reach(beat)
        self.waiting.clear()


def _due(facts: Iterable[Fact]) -> list[StepPlanned]:
    """The steps that were still wanted when their beat came."""
    plan, epoch, last = _Plan(), -1, Beats(0.0)
    for fact in facts:
        match fact:
            case Asked(request, _) if request.epoch > epoch:
                epoch = request.epoch
                plan.cut(request.begin)
            case StepPlanned() if not fact.void:
                plan.waiting[_place(fact.beat)] = fact
            case Marked(mark, _, beat) if mark in (Mark.ANSWER_ENDS, Mark.STOPPED):
                plan.cut(beat)
            case NoteStarted() | NoteEnded():
                last = fact.beat
                plan.reach(last)
    plan.cut(Beats(last + STEP))
    return plan.played


def _first_notes(facts: Iterable[Fact]) -> Iterator[float]:
    """Turns begin with an answer, or with the transport where the machine plays from the start."""
    began: Seconds | None = None
    for fact in facts:
        if isinstance(fact, Marked) and fact.mark in (Mark.ANSWER_BEGINS, Mark.PLAYED):
            began = fact.at
        elif isinstance(fact, Marked) or (
            isinstance(fact, NoteStarted) and fact.source is Source.PLAYER
        ):
            began = None
        elif began is not None and isinstance(fact, NoteStarted) and fact.source is Source.MODEL:
            yield max(0.0, fact.at - began)
            began = None


def _joined(facts: Iterable[Fact]) -> Iterator[float]:
    struck: Seconds | None = None
    waiting = False
    for fact in facts:
        if isinstance(fact, Heard) and isinstance(fact.message, NoteOn):
            struck = fact.at
        elif isinstance(fact, StepPlanned):
            waiting = fact.at_once and not fact.void
        elif waiting and isinstance(fact, NoteStarted) and fact.source is Source.MODEL:
            if struck is not None:
                yield fact.at - struck
            struck, waiting = None, False


def lateness(facts: Iterable[Fact]) -> Iterator[float]:
    """From a note's moment to that for which it was handed to the outputs.

    Notes that join a key of the player's have no moment of their own, and are left out.
    """
    joining: dict[int, bool] = {}
    told: dict[tuple[int, int], float] = {}
    tells = any(isinstance(fact, Sent) for fact in facts)
    for fact in facts:
        match fact:
            case StepPlanned() if not fact.void:
                joining[_place(fact.beat)] = fact.at_once
            case NoteStarted(Source.MODEL, _, channel, pitch, _, beat, due, at) if due is not None:
                if joining.get(_place(beat)):
                    continue
                if tells:
                    told[channel, pitch] = due
                else:
                    yield max(0.0, at - due)
            case Sent(text, at) if text.startswith("9"):
                was_due = told.pop((int(text[1], 16), int(text[2:4], 16)), None)
                if was_due is not None:
                    yield max(0.0, at - was_due)


def _replies(facts: Iterable[Fact]) -> Iterator[float]:
    asked: dict[int, Seconds] = {}
    for fact in facts:
        if isinstance(fact, Asked):
            asked[fact.request.number] = fact.at
        elif isinstance(fact, StepPlanned) and fact.request in asked:
            yield max(0.0, fact.at - asked.pop(fact.request))  # one may be asked ahead of time


def _staleness(facts: Iterable[Fact]) -> Iterator[float]:
    asked: dict[int, Seconds] = {}
    chosen: dict[int, Seconds] = {}
    for fact in facts:
        if isinstance(fact, Asked):
            asked[fact.request.number] = fact.at
        elif isinstance(fact, StepPlanned) and not fact.void and fact.request in asked:
            chosen[_place(fact.beat)] = asked[fact.request]
        elif isinstance(fact, NoteStarted) and fact.source is Source.MODEL:
            knew = chosen.get(_place(fact.beat))
            if knew is not None and fact.planned is not None:
                yield max(0.0, fact.planned - knew)


def _cuts(facts: Iterable[Fact]) -> int:
    """Requests of a new epoch that plan again what was planned already."""
    epoch, planned, cuts = -1, Beats(float("-inf")), 0
    for fact in facts:
        if isinstance(fact, StepPlanned) and not fact.void:
            planned = max(planned, fact.end)
        elif isinstance(fact, Asked) and fact.request.epoch > epoch:
            cuts += fact.request.begin < planned
            epoch, planned = fact.request.epoch, Beats(min(planned, fact.request.begin))
    return cuts


def _place(beat: Beats) -> int:
    """The number of the step at `beat`."""
    return round(beat / STEP)
