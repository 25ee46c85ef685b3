"""Random performances: hard rules are never broken, and rewinding never changes the music."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ripieno.clock import Beats, VirtualClock
from ripieno.events import Note, Planned, Request, Sounding
from ripieno.grammar.grid import Cursor
from ripieno.inference.bundle import load_manifest
from ripieno.inference.generate import Generator
from ripieno.inference.onnx_model import StepModel
from ripieno.settings import FULL_RANGES, Key, Rules, Sampling, Settings, Strength

from tests.engine.bundles import Recipe, write_bundle
from tests.engine.rule_checker import Played, violations

CLOCK = VirtualClock()
# A nearly random model: the rules have to do all the work.
WILD = Recipe(hidden=8, layers=1, spread=6.0, hold_bias=3.0, rest_bias=0.0)

strengths = st.sampled_from(list(Strength))
keys = st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


@st.composite
def ranges(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """The full ranges, or anything, also beyond the vocabulary and narrower than an octave."""
    if draw(st.booleans()):
        return FULL_RANGES
    lows = [draw(st.integers(25, 85)) for _ in range(4)]
    return tuple((low, low + draw(st.integers(0, 30))) for low in lows)


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    key = draw(st.none() | keys)
    return Rules(
        ranges=draw(ranges()),
        max_leap=draw(st.integers(1, 24)),
        crossing=draw(strengths),
        spacing=draw(strengths),
        parallels=draw(strengths),
        key=key,
        key_lock=draw(strengths) if key else Strength.OFF,
        longest_rest=Beats(draw(st.sampled_from([0.25, 1.0, 2.0]))),
        longest_loop=draw(st.integers(2, 4)),
    )


samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([0.7, 1.0]),
    min_p=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 99),
)


@st.composite
def heard(draw: st.DrawFn, begin: int, end: int, voices: frozenset[int]) -> tuple[Note, ...]:
    """What a player does who cares for no rule: any pitch in any voice, and some in no voice."""
    notes = []
    for voice in voices:
        step = begin - draw(st.integers(0, 3))
        while step < end:
            length = draw(st.integers(1, 9))
            pitch = draw(st.integers(30, 90))
            held = Beats(length / 4) if draw(st.integers(0, 9)) else None
            if draw(st.booleans()):
                notes.append(Note(voice, pitch, 64, Beats(step / 4), held))
            step += length
    return tuple(notes)


@dataclass(frozen=True)
class Script:
    """Requests as offsets in steps from where the log ends, made real while playing."""

    back: int
    silent: int
    planned: int
    taken: int
    fresh: bool
    ask: Request


@st.composite
def scripts(draw: st.DrawFn) -> list[Script]:
    made, end = [], 0
    for epoch in range(draw(st.integers(1, 7))):
        back = draw(st.sampled_from([0, 0, 0, 1, 4, 13, 40, -5]))
        silent, planned = draw(st.integers(0, 12)), draw(st.integers(0, 24))
        since = end - back
        begin, stop = since + silent, since + silent + planned
        voices = st.frozensets(st.integers(0, 3), max_size=3)
        given_voices, player = draw(voices), draw(voices)
        notes = draw(heard(since, stop, given_voices | player))
        asked = Request(
            epoch=epoch,
            since=Beats(since / 4),
            begin=Beats(begin / 4),
            end=Beats(stop / 4),
            heard=notes,
            given=tuple(sorted(given_voices)),
            player=tuple(sorted(player)),
            settings=Settings(rules=draw(rules()), sampling=draw(samplings)),
            cadence=draw(st.none() | st.just(Beats(stop / 4))),
            fresh=draw(st.integers(0, 9)) == 0,
        )
        taken = draw(st.just(planned) | st.integers(0, planned))
        made.append(Script(back, silent, planned, taken, asked.fresh, asked))
        end = begin + taken
    return made


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "wild", WILD)


@pytest.fixture(scope="module")
def models(wild: Path) -> tuple[StepModel, StepModel]:
    first, second = (StepModel.open(load_manifest(wild)) for _ in range(2))
    return first, second


def take(generator: Generator, script: Script) -> list[Planned]:
    """As inference does it: iterate, and stop in the middle when a newer request comes."""
    steps: list[Planned] = []
    plan = generator.plan(script.ask, CLOCK)
    if script.taken or not script.planned:
        for step in plan:
            steps.append(step)
            if len(steps) == script.taken:
                break
    return steps


class Witness:
    """Writes down what was played by whom under which rules, from requests and answers alone."""

    def __init__(self) -> None:
        self.played: dict[int, Played] = {}

    def see(self, generator: Generator, script: Script, steps: list[Planned]) -> None:
        asked, anew = script.ask, False
        for entry in generator.context.entries:
            voices = tuple(v for v in entry.voices if v is not None)
            known = self.played.get(entry.step)
            as_before = known is not None and known.voices == voices
            # what follows something new was decided anew too, even where it came out as before
            anew = anew or not as_before or bool(steps_of(steps, entry.step))
            if not anew:
                continue
            told = asked.player if entry.step >= round(asked.begin * 4) else asked.given
            ours = frozenset(range(4)) - frozenset(told)
            self.played[entry.step] = Played(entry.step, voices, ours, asked.settings.rules)
        there = {entry.step for entry in generator.context.entries}
        self.played = {step: p for step, p in sorted(self.played.items()) if step in there}
        for step in steps:
            log = self.played[round(step.begin * 4)].voices
            assert step.voices == tuple(v for v in log if v.voice not in asked.player)


def steps_of(steps: list[Planned], step: int) -> bool:
    return any(round(planned.begin * 4) == step for planned in steps)


def check_player(generator: Generator, script: Script) -> None:
    """What the player did stands in the log as it was."""
    asked = script.ask
    for entry in generator.context.entries:
        if not asked.since * 4 <= entry.step < asked.end * 4:
            continue
        told = asked.player if entry.step >= round(asked.begin * 4) else asked.given
        for voice in told:
            sounding = entry.voices[voice]
            assert sounding is not None
            assert sounding.pitch == sounds_at(asked.heard, voice, entry.step)


def sounds_at(notes: tuple[Note, ...], voice: int, step: int) -> int | None:
    """The pitch of the note of `voice` that was struck last, if it still sounds at `step`."""
    struck = [n for n in notes if n.voice == voice and n.onset * 4 <= step]
    if not struck:
        return None
    last = max(struck, key=lambda n: n.onset)
    over = last.duration is not None and (last.onset + last.duration) * 4 <= step
    return None if over else last.pitch


def refed(model: StepModel, generator: Generator) -> bytes:
    """The state of `model` after the whole log, from nothing."""
    model.reset()
    cursor = Cursor()
    for entry in generator.context.entries:
        for voice, token in entry.decisions:
            model.step(cursor.features(voice, entry.here))
            cursor.decide(voice, token)
        cursor.next_step()
    return model.snapshot().tobytes()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=scripts())
def test_hard_rules_are_never_broken(
    models: tuple[StepModel, StepModel], script: list[Script]
) -> None:
    generator, witness = Generator(models[0]), Witness()
    for part in script:
        steps = take(generator, part)
        witness.see(generator, part, steps)
        if part.taken or not part.planned:
            check_player(generator, part)
        assert violations(list(witness.played.values())) == []


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=scripts())
def test_rewinding_equals_telling_everything_anew(
    models: tuple[StepModel, StepModel], script: list[Script]
) -> None:
    quick = Generator(models[0], kept_states=16)
    naive = Generator(models[1], kept_states=0, window=10**6)
    played = [(take(quick, part), take(naive, part)) for part in script]
    for fast, slow in played:
        assert [(s.begin, s.voices, s.relaxed) for s in fast] == [
            (s.begin, s.voices, s.relaxed) for s in slow
        ]
    quick.context.catch_up()
    assert models[0].snapshot().tobytes() == refed(models[1], quick)


def test_thousands_of_steps_among_a_wandering_player(models: tuple[StepModel, StepModel]) -> None:
    """The player's tenor crosses everybody all the time: the others give way, and still play."""
    generator = Generator(models[0])
    hard = Rules(
        spacing=Strength.HARD,
        parallels=Strength.HARD,
        key=Key(7, "major"),
        key_lock=Strength.HARD,
    )
    notes = tuple(Note(2, 45 + (i * 7) % 33, 70, Beats(i * 0.75), Beats(0.75)) for i in range(1000))
    asked = Request(
        epoch=1,
        since=Beats(0.0),
        begin=Beats(0.0),
        end=Beats(750.0),
        heard=notes,
        given=(),
        player=(2,),
        settings=Settings(rules=hard),
        fresh=True,
    )
    steps = list(generator.plan(asked, CLOCK))
    entries = generator.context.entries
    ours = frozenset((0, 1, 3))
    played = [
        Played(e.step, tuple(v for v in e.voices if v is not None), ours, hard) for e in entries
    ]
    assert len(steps) == len(played) == 3000
    assert violations(played) == []
    struck = sum(v.struck for s in steps for v in s.voices)
    given_way = sum(
        a.pitch is not None and b.pitch is None
        for before, now in pairwise(steps)
        for a, b in zip(before.voices, now.voices, strict=True)
    )
    assert struck > 1000
    assert given_way > 100


def test_the_judge_sees_each_kind_of_violation() -> None:
    """A judge that lets everything pass would prove nothing."""
    hard = Rules(
        spacing=Strength.HARD,
        parallels=Strength.HARD,
        key=Key(0, "major"),
        key_lock=Strength.HARD,
    )

    def step(number: int, *pitches: int | None, struck: bool = True) -> Played:
        voices = tuple(Sounding(v, p, struck and p is not None, 80) for v, p in enumerate(pitches))
        return Played(number, voices, frozenset(range(4)), hard)

    fine = step(0, 72, 67, 60, 48)
    assert violations([fine, step(1, 72, 67, 60, 48, struck=False)]) == []
    wrong = {
        "out of range": step(0, 84, 76, 67, 48),
        "out of key": step(0, 73, 67, 60, 48),
        "crosses": step(0, 64, 67, 60, 48),
        "lies 14": step(0, 79, 65, 60, 48),
        "leaps": step(1, 57, 57, 57, 48),
        "holds": step(1, 74, 67, 60, 48, struck=False),
    }
    for word, bad in wrong.items():
        told = violations([bad] if bad.step == 0 else [fine, bad])
        assert any(word in sentence for sentence in told), word
    theirs = replace(step(0, 64, 67, 60, 48), ours=frozenset((3,)))
    assert violations([theirs]) == []
