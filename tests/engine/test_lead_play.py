"""Models of lead sheets, played: chords under a melody, whole states, whatever goes wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.clock import Beats, SystemClock
from ripieno.errors import BundleError
from ripieno.events import Note, Planned, Request, Rung, Sounding
from ripieno.inference.bundle import check
from ripieno.inference.generate import Effort
from ripieno.inference.grammars import player_of
from ripieno.inference.lead.generate import LeadPlayer
from ripieno.inference.model import Model
from ripieno.inference.opening import open_model
from ripieno.settings import Horizon, Key, Mode, Rules, Sampling, Settings, Strength

from tests.engine.asking import CLOCK, SCALE, music, note, plan, request
from tests.engine.lead_bundles import write_lead_bundle
from tests.engine.slow import RunClock, SlowModel

ALONG = Settings(mode=Mode.ACCOMPANY, sampling=Sampling(temperature=0.8))
SOLO = replace(ALONG, mode=Mode.SOLO)
MACHINES = (1, 2, 3)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(check(write_lead_bundle(tmp_path_factory.mktemp("lead") / "b")))


@pytest.fixture
def model(opened: Model) -> Model:
    opened.reset()
    return opened


def asked(begin: float, end: float, heard: tuple[Note, ...] = SCALE, **changes: object) -> Request:
    told = {"heard": heard, "given": (0,), "player": (0,), "settings": ALONG} | changes
    return request(begin, begin, end, **told)


def live(player: LeadPlayer, beats: float, settings: Settings = ALONG) -> list[Planned]:
    """Sixteenth by sixteenth, knowing only what has begun."""
    steps: list[Planned] = []
    for number in range(round(beats * 4)):
        now = number / 4
        heard = tuple(n for n in SCALE if n.onset <= now)
        steps += plan(player, asked(now, now + 0.25, heard, settings=settings))
    return steps


def test_the_manifest_chooses_the_player(model: Model) -> None:
    assert isinstance(player_of(model), LeadPlayer)


def test_chords_sound_under_a_melody_in_whole_states(model: Model) -> None:
    steps = live(LeadPlayer(model), 8)
    assert [step.begin for step in steps] == [Beats(n / 4) for n in range(32)]
    sounding: dict[int, int] = {}
    chords = 0
    for step in steps:
        assert [voice.voice for voice in step.voices] == list(MACHINES)
        for state in step.voices:
            if state.pitch is not None and not state.struck:
                assert sounding[state.voice] == state.pitch, "what is held was struck before"
            assert (state.velocity > 0) == (state.pitch is not None)
        sounding = {s.voice: s.pitch for s in step.voices if s.pitch is not None}
        chords += any(state.struck for state in step.voices)
    assert chords >= 3
    assert any(all(s.pitch is not None for s in step.voices) for step in steps)


def test_chords_change_on_eighths_only(model: Model) -> None:
    player = LeadPlayer(model)
    live(player, 8)
    chords = [step.after.chord for step in player._score.steps]
    changed = [n for n in range(1, 32) if chords[n] != chords[n - 1]]
    assert changed
    assert all(number % 2 == 0 for number in changed)


def test_the_same_gives_the_same_and_another_seed_another(model: Model) -> None:
    first = music(live(LeadPlayer(model), 8))
    assert music(live(LeadPlayer(model), 8)) == first
    other = replace(ALONG, sampling=Sampling(temperature=0.8, seed=2))
    assert music(live(LeadPlayer(model), 8, other)) != first


def test_pieces_make_the_whole_and_what_is_decided_again_is_decided_from_the_same_past(
    model: Model,
) -> None:
    whole = music(plan(LeadPlayer(model), asked(0, 8)))
    assert music(live(LeadPlayer(model), 8)) == whole
    player = LeadPlayer(model)
    live(player, 8)
    wrong = (*SCALE[:5], note(0, 61, 5.0, 3.0))
    list(player.plan(request(4, 8, 8, heard=wrong, given=(0,), settings=ALONG), CLOCK))
    fresh = LeadPlayer(model.__class__.open(model.manifest))  # type: ignore[attr-defined]
    list(fresh.plan(request(0, 8, 8, heard=wrong, given=(0,), settings=ALONG), CLOCK))
    told = [[step.melody for step in p._score.steps] for p in (player, fresh)]
    assert told[0] == told[1]
    before = [[step.rows for step in p._score.steps[:20]] for p in (player, fresh)]
    assert before[0] == before[1], "what lies before the difference stands"


def test_going_back_leaves_the_model_where_a_fresh_one_is(model: Model) -> None:
    player = LeadPlayer(model)
    live(player, 8)
    player._score.rewind(13)
    rows = [row for step in player._score.steps for row in step.rows]
    row = player._score.steps[-1].rows[0]
    here = player._score.ask(row).copy()
    other = open_model(model.manifest)
    for each in rows:
        other.step(each)
    assert (other.step(row) == here).all()


def test_hard_rules_hold(model: Model) -> None:
    key = Key(2, "major")
    rules = Rules(key=key, key_lock=Strength.HARD, max_leap=7)
    settings = replace(ALONG, rules=rules)
    before: dict[int, int] = {}
    told = 0
    for step in live(LeadPlayer(model), 8, settings):
        melody = [n.pitch for n in SCALE if n.onset <= step.begin][-1]
        line = [melody, *(s.pitch for s in step.voices if s.pitch is not None)]
        assert line == sorted(line, reverse=True)
        for state in step.voices:
            if state.pitch is None:
                continue
            told += 1
            low, high = rules.ranges[state.voice]
            assert low <= state.pitch <= high
            assert state.pitch % 12 in key.pitch_classes
            assert abs(state.pitch - before.get(state.voice, state.pitch)) <= 7
            before[state.voice] = state.pitch
    assert told > 40


def test_with_nobody_at_the_keys_it_goes_on_with_the_melody(model: Model) -> None:
    settings = replace(SOLO, rules=Rules(ranges=((60, 76), (53, 74), (48, 69), (36, 64))))
    steps = plan(LeadPlayer(model), request(0, 0, 16, settings=settings))
    assert all([v.voice for v in step.voices] == [0, 1, 2, 3] for step in steps)
    melody = [step.voices[0] for step in steps]
    pitches = [state.pitch for state in melody if state.struck]
    assert len(pitches) >= 8
    assert all(pitch is not None and 60 <= pitch <= 76 for pitch in pitches)
    rest = longest = 0
    for state in melody:
        rest = rest + 1 if state.pitch is None else 0
        longest = max(longest, rest)
    assert longest <= 8, "two beats, and not for ever"


@pytest.mark.parametrize("harm", ["nan", "the graph broke"])
def test_a_model_that_fails_is_told_of_and_the_chord_is_held(harm: str, model: Model) -> None:
    slow = SlowModel(model, RunClock(), harm=lambda run: harm if run == 21 else "")
    player = LeadPlayer(slow)
    steps = live(player, 8)
    assert len(steps) == 32
    unserved = [n for n, step in enumerate(steps) if not step.served]
    assert unserved
    assert len(player.faults) == 1
    assert "the music goes on" in player.faults[0]
    for number in unserved[:1]:
        assert not any(state.struck for state in steps[number].voices)
    assert steps[-1].served


def test_without_time_the_chord_is_held(model: Model) -> None:
    clock = RunClock()
    player = LeadPlayer(SlowModel(model, clock, cost=0.2))
    settings = replace(ALONG, horizon=Horizon(budget_ms=10))
    steps: list[Planned] = []
    for number in range(16):
        heard = tuple(n for n in SCALE if n.onset <= number / 4)
        now = asked(number / 4, (number + 1) / 4, heard, settings=settings)
        steps += player.plan(now, clock)
    assert any(step.begun is Rung.HOLD for step in steps), "the ladder was walked down"
    assert all(step.decided == 0 for step in steps if step.begun is Rung.HOLD)


def test_what_was_done_can_be_done_again(model: Model) -> None:
    first = plan(LeadPlayer(model), asked(0, 4))
    efforts = {step.begin: Effort(step.begun, 1, step.decided) for step in first}
    again = LeadPlayer(model)
    told = list(again.plan(asked(0, 4), SystemClock(), efforts))
    assert music(told) == music(first)
    silent = {step.begin: Effort(Rung.HOLD, 1, 0) for step in first}
    held = list(LeadPlayer(model).plan(asked(0, 4), SystemClock(), silent))
    assert all(step.decided == 0 and not step.served for step in held)
    assert all(state.pitch is None for step in held for state in step.voices)


def test_what_the_machine_is_told_to_have_held_it_takes_as_held(model: Model) -> None:
    player = LeadPlayer(model)
    live(player, 4)
    chord = player._score.steps[-1].after.chord
    states = {s.voice: s for s in player._score.voices}
    held = tuple(
        note(voice, state.pitch, 3.0, None)
        for voice, state in states.items()
        if state.pitch is not None
    )
    told = request(4, 5, 5, heard=(*SCALE, *held), given=(0, 1, 2, 3), settings=ALONG)
    assert list(player.plan(told, CLOCK)) == []
    assert [step.after.chord for step in player._score.steps[16:]] == [chord] * 4
    sounding = {s.voice: s.pitch for s in player._score.voices if isinstance(s, Sounding)}
    assert sounding == {voice: state.pitch for voice, state in states.items()}


@pytest.mark.parametrize(
    ("key", "line", "words"),
    [
        ("melody", "melody_tokens = 48", "melody_tokens is 48"),
        ("features", "features = ['stream']", "not the grammar's"),
        ("kinds", "kinds = ['', 'm']", "not the grammar's"),
        ("logits", "shape = [1, 12]", "output is logits"),
    ],
)
def test_a_strange_manifest_is_refused(tmp_path: Path, key: str, line: str, words: str) -> None:
    folder = write_lead_bundle(tmp_path / "b", **{key: line})
    with pytest.raises(BundleError, match=words.replace("[", r"\[")):
        check(folder)
