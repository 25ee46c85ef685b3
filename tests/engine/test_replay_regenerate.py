"""A take computed anew: nothing differs, and what does is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno import resources
from ripieno.cli import main
from ripieno.cli.regenerate import bundle_of, steps_differ
from ripieno.clock import Beats, Seconds, TempoMap, VirtualClock
from ripieno.commands import AnswerNow, Choose, Mute, Seed, Turn
from ripieno.ensemble import alone
from ripieno.errors import BundleError, PhraseError
from ripieno.events import ControlChange, NoteOff, NoteOn, PitchBend, Stamped
from ripieno.inference.computer import manifest_hash, this_computer
from ripieno.inference.link import ModelSpec
from ripieno.ledger import Ledger
from ripieno.modes.conductor import Wish
from ripieno.performance import Performance
from ripieno.preset import phrases
from ripieno.preset.preset import Preset
from ripieno.render import render
from ripieno.routing import Routing
from ripieno.settings import ClockSource, Key, Mode, Rules, Settings, Strength, Sync
from ripieno.sound import Sound
from ripieno.stage import Stage
from ripieno.takes.facts import (
    Asked,
    Fact,
    Heard,
    Leaving,
    ModelReady,
    NoteStarted,
    RequestServed,
    Restarted,
    Sent,
    Source,
    Steered,
    StepPlanned,
    Wished,
)
from ripieno.takes.report import report
from ripieno.takes.rerun import first_difference, rerun
from ripieno.takes.sessions import sessions
from ripieno.takes.take import Journal, Take, read
from ripieno.takes.tap import TakeOutput

from tests.engine.bundles import write_bundle
from tests.engine.test_take import HEADER, request, take
from tests.fakes import FakeInference, FakeRecorder

TAKES = Path(__file__).parents[1] / "takes"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "test-lstm")


def rendered(
    bundle: Path, path: Path, mode: Mode, bars: int = 6, settings: Settings | None = None
) -> Take:
    render(
        Stage(
            preset=Preset(name="test", settings=settings or Settings(mode=mode)),
            model=ModelSpec(bundle, "fp32"),
            seed=phrases.load_phrase("old-hundredth"),
            soundfont=Path("none.sf2"),
            take=path,
            log=path.with_suffix(".log"),
            guest=0 if mode is Mode.SOLO else None,
            bars=bars,
        )
    )
    return read(path)


# ---- the regression takes ------------------------------------------------------------------


def test_the_recorded_performance_plays_the_same_again() -> None:
    """A real session: what was heard, decided and sounded then follows from what came in.

    This half adds and compares only floats as IEEE 754 has them, so it is the same everywhere.
    When the engine was changed on purpose, `python -m tests.takes.record` records a new one.
    """
    recorded = read(TAKES / "answer.take")
    assert not recorded.torn
    assert sum(isinstance(fact, NoteStarted) for fact in recorded.facts) > 20
    assert first_difference(recorded) is None
    assert len(rerun(recorded)) > 300


def test_the_recorded_models_decisions_are_the_same_again() -> None:
    """The model's half sums floats in the processor's own order: see docs/takes.md."""
    recorded = read(TAKES / "answer.take")
    assert {session.precision for session in sessions(recorded)} == {"fp32"}
    assert sum(len(session.steps) for session in sessions(recorded)) > 15
    found = steps_differ(recorded, bundle_of(recorded))
    if found is not None and recorded.header.computer != this_computer():
        pytest.skip(f"computed by {recorded.header.computer}, here by {this_computer()}: {found}")
    assert found is None


def test_the_recorded_performance_kept_its_promises() -> None:
    found = report(read(TAKES / "answer.take"))
    assert not found.violations
    assert not found.hung
    assert found.notes[Source.MODEL] > 10
    assert found.steps > 10


def test_the_take_is_small_and_names_no_place_of_the_machine_it_was_made_on() -> None:
    data = (TAKES / "answer.take").read_bytes()
    assert len(data) < 60_000
    header = data.split(b"\n")[1].decode()
    assert str(Path.home()) not in header
    assert str(resources.bundle_folder("chorale-lstm")) not in header


# ---- both halves, in every mode ------------------------------------------------------------


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_comes_out_the_same_again(mode: Mode, bundle: Path, tmp_path: Path) -> None:
    recorded = rendered(bundle, tmp_path / "a.take", mode)
    assert sum(isinstance(fact, NoteStarted) for fact in recorded.facts) > 20
    assert first_difference(recorded) is None
    assert steps_differ(recorded, bundle) is None


def test_a_take_that_was_cut_off_is_the_same_as_far_as_it_goes(
    bundle: Path, tmp_path: Path
) -> None:
    recorded = rendered(bundle, tmp_path / "a.take", Mode.ANSWER, bars=3)
    for count in range(1, len(recorded.facts), 17):
        facts = recorded.facts[:count]
        if any(isinstance(fact, Wished) for fact in facts):
            assert first_difference(replace(recorded, facts=facts, torn=True)) is None


def live(
    drive: Callable[[int, Performance, Seconds], None], settings: Settings | None = None
) -> Take:
    """A performance of 300 twentieths of a second, with fakes, that `drive` plays in."""
    clock = VirtualClock(Seconds(50.0))
    recorder, inference = FakeRecorder(), FakeInference()
    sound = Sound((TakeOutput(recorder, clock.now),), Ledger(), Routing(), recorder)
    settings = settings or Settings(bpm=120.0)
    seed = phrases.load_phrase("ode-to-joy")
    show = Performance(
        alone(settings), sound, (inference.ask,), recorder, seed=seed, at=clock.now()
    )
    for tick in range(300):
        now = clock.now()
        drive(tick, show, now)
        for planned in inference.answers():
            show.planned(planned, now)
        show.advance(now)
        clock.sleep_until(Seconds(now + 0.05))
    show.stop(clock.now())
    header = replace(HEADER, settings=settings, seed=seed, started=Seconds(50.0))
    return replace(take(*recorder.facts), header=header)


def busy(tick: int, show: Performance, now: Seconds) -> None:
    """Keys, pedals, the wheel, knobs, mutes, modes, a new seed, a death of the model, a panic."""
    if tick == 0:
        show.play(now)
    if tick % 7 == 0:
        show.hear(Stamped(now, NoteOn(0, 60 + tick % 12, 90)))
    if tick % 7 == 4:
        show.hear(Stamped(now, NoteOff(0, 60 + (tick - 4) % 12)))
    wishes: dict[int, Wish] = {
        30: Turn("temperature", 1.3),
        45: Turn("tempo", 97.0),
        60: Mute(1, True),
        75: Turn("tempo", 9999.0),  # refused, with a sentence
        90: Choose("mode", "accompany"),
        120: Mute(1, False),
        140: Choose("mode", "solo"),
        170: Seed("mine", phrases.load_phrase("old-hundredth").notes),
        190: Choose("mode", "answer"),
        230: AnswerNow(),
    }
    if tick in wishes:
        show.wish(wishes[tick], now)
    if tick == 110:
        show.hear(Stamped(now, ControlChange(0, 64, 127)))
        show.hear(Stamped(now, PitchBend(0, 700)))
    if tick == 160:
        show.inference_restarted((), now)
    if tick == 260:
        show.panic(now)
    if tick == 270:
        show.play(now)


def test_whatever_is_played_in_is_played_in_again() -> None:
    recorded = live(busy)
    kinds = {type(fact) for fact in recorded.facts}
    assert kinds >= {Heard, Wished, Restarted, Asked, StepPlanned, Sent}
    assert first_difference(recorded) is None


def under_a_clock(tick: int, show: Performance, now: Seconds) -> None:
    """A sequencer starts, drifts, changes its tempo, loops, is located, stops, and starts again."""
    if tick in (5, 220):
        show.begin(TempoMap(now, Beats(0.0), 120.0), now)
    elif tick == 80:
        show.leaving(Beats(9.0), now)
    elif tick == 90:
        show.begin(TempoMap(now, Beats(4.0), 120.0), now)
    elif tick == 150:
        show.locate(Beats(16.0), now)
    elif tick == 200:
        show.stop(now)
        show.locate(Beats(0.0), now)
    elif tick % 2:
        bpm = 120.0 + tick % 3 if tick < 120 else 140.0
        show.steer(show.tempo.retimed(now, bpm), now)


def test_a_performance_under_another_clock_comes_out_the_same_again() -> None:
    sync = Sync(source=ClockSource.MIDI, metronome=True, swing=0.6)
    recorded = live(under_a_clock, Settings(mode=Mode.SOLO, sync=sync))
    kinds = Counter(type(fact) for fact in recorded.facts)
    assert kinds[Steered] > 50
    assert kinds[Leaving] == 1
    assert kinds[NoteStarted] > 20
    assert first_difference(recorded) is None


# ---- what differs is named -----------------------------------------------------------------


def changed(recorded: Take, number: int, fact: Fact | None) -> Take:
    facts = list(recorded.facts)
    facts[number : number + 1] = [] if fact is None else [fact]
    return replace(recorded, facts=tuple(facts))


def test_a_note_that_was_not_played_so_is_named() -> None:
    recorded = live(busy)
    number, note = next(
        (n, f)
        for n, f in enumerate(recorded.facts)
        if isinstance(f, NoteStarted) and f.source is Source.MODEL
    )
    found = first_difference(changed(recorded, number, replace(note, pitch=note.pitch + 1)))
    assert found is not None
    assert isinstance(found.recorded, NoteStarted)
    assert (found.recorded.pitch, found.again) == (note.pitch + 1, note)


def test_a_key_that_is_missing_changes_what_follows() -> None:
    recorded = live(busy)
    number = next(n for n, f in enumerate(recorded.facts) if isinstance(f, Heard))
    found = first_difference(changed(recorded, number, None))
    assert found is not None
    assert found.recorded != found.again


def test_a_step_that_the_model_would_decide_otherwise_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = rendered(bundle, tmp_path / "a.take", Mode.SOLO, bars=3)
    steps = [n for n, f in enumerate(recorded.facts) if isinstance(f, StepPlanned)]
    step = recorded.facts[steps[5]]
    assert isinstance(step, StepPlanned)
    voices = (replace(step.voices[0], pitch=47, struck=True), *step.voices[1:])
    other = changed(recorded, steps[5], replace(step, voices=voices))
    found = steps_differ(other, bundle)
    assert found is not None
    assert found[0].begin == found[1].begin == step.beat
    assert found[0].voices[0].pitch == 47
    kept = tmp_path / "b.take"
    journal = Journal(kept, other.header)
    for fact in other.facts:
        journal.record(fact)
    journal.close()
    assert main(["replay", str(kept), "--regenerate", "--model", str(bundle)]) == 1
    said = capsys.readouterr().out
    assert f"The model differs first at beat {step.beat:g}" in said
    assert "strikes 47" in said


def test_the_command_says_that_all_is_the_same(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = rendered(bundle, tmp_path / "a.take", Mode.ANSWER)
    assert (
        main(["replay", "a", "--takes", str(tmp_path), "--regenerate", "--model", str(bundle)]) == 0
    )
    said = capsys.readouterr().out
    assert f"The performance: {len(recorded.facts)} facts, the same again." in said
    assert "steps, the same again." in said


def test_another_model_of_the_same_name_is_refused(bundle: Path, tmp_path: Path) -> None:
    recorded = rendered(bundle, tmp_path / "a.take", Mode.SOLO, bars=1)
    with pytest.raises(BundleError, match="not the model that the take was played with"):
        bundle_of(recorded, "chorale-lstm")


def test_a_take_that_does_not_tell_what_came_in_says_so() -> None:
    with pytest.raises(PhraseError, match="by an earlier Ripieno"):
        first_difference(read(TAKES / "version-1.take"))


def test_each_process_of_inference_is_told_apart() -> None:
    asked = [request(number, Settings()) for number in range(1, 5)]

    def served(number: int) -> Fact:
        return RequestServed(asked[number].number, 0, False, Seconds(0))

    told = take(
        ModelReady("m", "int8", Seconds(0)),
        Asked(asked[0], Seconds(0)),
        served(0),
        Asked(asked[1], Seconds(0)),  # this one it never served: it died
        Asked(asked[2], Seconds(0)),
        ModelReady("n", "fp32", Seconds(0), "abc"),
        served(2),
        Asked(asked[3], Seconds(0)),
        served(3),
    )
    assert [(s.model, s.bundle, s.precision, s.requests) for s in sessions(told)] == [
        ("m", "", "int8", (asked[0],)),
        ("n", "abc", "fp32", (asked[2], asked[3])),
    ]


@pytest.mark.parametrize("mode", Mode)
def test_an_independent_reader_finds_no_broken_rule_where_all_are_hard(
    mode: Mode, bundle: Path, tmp_path: Path
) -> None:
    strict = Rules(
        max_leap=7,
        crossing=Strength.HARD,
        parallels=Strength.HARD,
        spacing=Strength.HARD,
        key=Key.parse("D major"),
        key_lock=Strength.HARD,
    )
    settings = Settings(mode=mode, rules=strict)
    recorded = rendered(bundle, tmp_path / "a.take", mode, bars=24, settings=settings)
    found = report(recorded)
    assert found.notes[Source.MODEL] > 40
    assert found.violations == ()
    assert found.hung == ()


def test_a_model_is_known_by_its_manifest(bundle: Path, tmp_path: Path) -> None:
    assert len(manifest_hash(bundle)) == 64
    assert manifest_hash(tmp_path) == ""
    changed_folder = tmp_path / "other"
    changed_folder.mkdir()
    (changed_folder / "manifest.toml").write_bytes((bundle / "manifest.toml").read_bytes() + b"#")
    assert manifest_hash(changed_folder) != manifest_hash(bundle)
    assert this_computer().startswith("onnxruntime 1.")
