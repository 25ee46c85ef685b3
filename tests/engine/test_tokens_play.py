"""The whole engine in virtual time with models of event tokens: a line that answers, a piano."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from ripieno.cli.regenerate import steps_differ
from ripieno.clock import Beats, Meter, Seconds
from ripieno.events import Note, Planned, Sounding
from ripieno.grammar.tokens.vocabulary import Scheme
from ripieno.inference.bundle import check
from ripieno.inference.link import ModelSpec
from ripieno.inference.opening import open_model
from ripieno.inference.tokens.drawing import Drawing, Drawn
from ripieno.inference.tokens.generate import TokensGenerator
from ripieno.ledger import Ledger
from ripieno.modes.passage import Passage
from ripieno.modes.repeat import Hole
from ripieno.preset import phrases
from ripieno.preset.preset import Preset
from ripieno.render import render
from ripieno.routing import Routing
from ripieno.settings import Assign, Mode, Rules, Settings, Turns
from ripieno.sound import Sound, When
from ripieno.stage import Stage
from ripieno.takes.rerun import first_difference
from ripieno.takes.take import NoteEnded, NoteStarted, Source, Take, read
from ripieno.takes.take_score import score_of

from tests.engine.asking import note, plan, request
from tests.engine.miditok_schemes import kit
from tests.engine.token_bundles import TokenRecipe, write_token_bundle
from tests.fakes import FakeOutput, FakeRecorder

WIDE = ((48, 84),) * 4
EVERYONE = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    line = kit(Scheme.REMI, velocities=False, meters=True).vocabulary
    parts = kit(Scheme.REMI, velocities=False, meters=True, programs=True).vocabulary
    loud = kit(Scheme.REMI).vocabulary
    return {
        "melody": write_token_bundle(folder / "melody", line, TokenRecipe(cached=True)),
        "piano": write_token_bundle(
            folder / "piano", loud, TokenRecipe(use="piano", polyphony=6, cached=True)
        ),
        "song": write_token_bundle(
            folder / "song",
            parts,
            TokenRecipe(
                use="accompaniment", polyphony=5, cached=True, programs=(0, 1), given="any"
            ),
        ),
    }


def settings_for(mode: Mode) -> Settings:
    return Settings(
        mode=mode,
        rules=Rules(ranges=WIDE),
        turns=Turns(bars=2),
        assign=Assign.CHANNEL if mode is Mode.ACCOMPANY else Assign.LINE,
        voice_channels=(0, None, None, None),
        meter=Meter(3, 4),
    )


def played(bundle: Path, take: Path, settings: Settings, bars: int = 8) -> Take:
    stage = Stage(
        preset=Preset(name="test", settings=settings),
        model=ModelSpec(bundle, "fp32"),
        seed=phrases.load_phrase("old-hundredth"),
        soundfont=Path("none.sf2"),
        take=take,
        log=take.with_suffix(".log"),
        guest=0 if settings.mode is Mode.SOLO else None,
        bars=bars,
    )
    render(stage)
    return read(take)


PERFORMANCES = [
    ("melody", Mode.SOLO),
    ("melody", Mode.ANSWER),
    ("piano", Mode.SOLO),
    ("piano", Mode.ANSWER),
    ("song", Mode.ANSWER),
    ("song", Mode.ACCOMPANY),
]


@pytest.mark.parametrize(("name", "mode"), PERFORMANCES)
def test_a_performance_is_whole_and_can_be_made_again(
    name: str, mode: Mode, bundles: dict[str, Path], tmp_path: Path
) -> None:
    take = played(bundles[name], tmp_path / "a.take", settings_for(mode))
    played(bundles[name], tmp_path / "b.take", settings_for(mode))
    assert (tmp_path / "a.take").read_bytes() == (tmp_path / "b.take").read_bytes()
    started = [f for f in take.facts if isinstance(f, NoteStarted)]
    ended = [f for f in take.facts if isinstance(f, NoteEnded)]
    ours = [f for f in started if f.source is Source.MODEL]
    assert ours
    key = Counter((f.source, f.voice, f.channel, f.pitch) for f in started)
    assert key == Counter((f.source, f.voice, f.channel, f.pitch) for f in ended)
    if name != "melody":
        assert {f.channel for f in ours} == {Routing().channels[3]}
    assert steps_differ(take, bundles[name]) is None
    assert first_difference(take) is None
    assert {part.name for part in score_of(take).parts} >= (
        {"soprano"} if name == "melody" else {"bass"}
    )


def together(steps: list[Planned]) -> int:
    return max(sum(v.pitch is not None for v in step.voices) for step in steps)


def test_a_piano_plays_several_notes_in_slots_of_its_part(bundles: dict[str, Path]) -> None:
    generator = TokensGenerator(open_model(check(bundles["piano"])))
    settings = Settings(rules=Rules(ranges=WIDE))
    chord = tuple(note(v, p, 0, 1.0) for v, p in enumerate((76, 72, 67, 60)))
    steps = plan(generator, request(0, 1, 33, heard=chord, given=EVERYONE, settings=settings))
    assert 2 <= together(steps) <= 6
    for step in steps:
        voices = [v.voice for v in step.voices]
        assert voices == [0, 1, 2, 3, 7, 11, 15, 19, 23, 27]
        assert all(v.pitch is None for v in step.voices[:4])
        sounding = [v.pitch for v in step.voices if v.pitch is not None]
        assert len(set(sounding)) == len(sounding)


def test_a_piano_follows_a_melody_and_never_hears_ahead(bundles: dict[str, Path]) -> None:
    """Step by step as it is played: what was decided does not depend on what comes later."""

    def accompanied(pitches: tuple[int, ...]) -> list[tuple[Sounding, ...]]:
        generator = TokensGenerator(open_model(check(bundles["song"])))
        steps = []
        for number in range(4 * len(pitches)):
            beat = number / 4
            mine = tuple(
                note(0, p, n, None if n == int(beat) else 1.0)
                for n, p in enumerate(pitches[: int(beat) + 1])
            )
            heard = tuple(n for n in mine if n.duration is None or n.onset + n.duration > beat)
            steps += plan(
                generator,
                request(
                    beat,
                    beat,
                    beat + 0.25,
                    heard=heard,
                    given=(0,),
                    player=(0,),
                    settings=settings_for(Mode.ACCOMPANY),
                ),
            )
        told = generator.speaker.stream.ids
        names = [generator.speaker.reader.vocabulary.tokens[n][0] for n in told]
        first = names.index(("Program", "0"))
        assert names[first + 1] == ("Pitch", str(pitches[0]))
        assert names[first + 2] == ("Duration", "1.0.4")
        for place, name in enumerate(names[:-1]):
            if name == ("Program", "0"):  # nothing of the machine's comes before it at its position
                assert names[place - 1][0] == "Position"
        return [step.voices for step in steps]

    one = accompanied((60, 62, 64, 65, 67, 69))
    other = accompanied((60, 62, 64, 77, 79, 81))
    assert one[:12] == other[:12]
    assert one != other
    assert any(v.pitch is not None for voices in one for v in voices)
    assert all(v.voice != 0 for voices in one for v in voices)


def sound() -> tuple[Sound, FakeOutput]:
    output = FakeOutput()
    return Sound([output], Ledger(), Routing(), FakeRecorder()), output


def step(begin: float, *voices: Sounding) -> Planned:
    return Planned(
        1, Beats(begin), Beats(begin + 0.25), voices, False, Seconds(0.0), Seconds(0.0), True
    )


def when(beat: float) -> When:
    return When(Beats(beat), Seconds(beat), Seconds(beat))


def test_slots_share_the_channel_the_level_and_the_mute_of_their_voice() -> None:
    player, _ = sound()
    chord = [Sounding(v, p, True, 70 + v) for v, p in ((7, 60), (11, 64), (15, 67))]
    player.sections[0].perform(step(0, *chord), when(0))
    assert player.sections[0].machine() == tuple(
        Note(v, p, 70 + v, Beats(0), None) for v, p in ((7, 60), (11, 64), (15, 67))
    )
    assert player.sections[0].levels() == (0, 0, 0, 85)
    bass = Routing().channels[3]
    assert {channel for channel, _ in player.ledger.sounding()} == {bass}
    player.sections[0].mute(frozenset({3}), when(1))
    player.pump(Seconds(2))
    assert player.sections[0].machine() == ()
    player.sections[0].perform(step(2, *chord), when(2))
    assert player.sections[0].machine() == ()


def test_a_voice_that_rests_silences_slots_that_nobody_names() -> None:
    player, _ = sound()
    player.sections[0].perform(
        step(0, Sounding(7, 60, True, 70), Sounding(11, 64, True, 70)), when(0)
    )
    player.sections[0].perform(
        step(1, Sounding(3, None, False, 0), Sounding(7, 60, False, 70)), when(1)
    )
    assert [n.voice for n in player.sections[0].machine()] == [7]
    player.sections[0].perform(step(2, *(Sounding(v, None, False, 0) for v in EVERYONE)), when(2))
    assert player.sections[0].machine() == ()


def test_muting_changes_nothing_that_was_decided(bundles: dict[str, Path]) -> None:
    generator = TokensGenerator(open_model(check(bundles["melody"])))
    settings = settings_for(Mode.ANSWER)
    first = plan(generator, request(0, 0, 4, settings=settings, fresh=True))
    muted = replace(settings, muted=frozenset({0}))
    again = plan(
        TokensGenerator(open_model(check(bundles["melody"]))),
        request(0, 0, 4, settings=muted, fresh=True),
    )
    assert [s.voices for s in first] == [s.voices for s in again]


def test_what_is_mutated_is_what_sounds() -> None:
    """A line has one voice that can be drawn anew, and a piano its slots together."""
    line = Passage((note(0, 72, 0, 1.0), note(0, 74, 1.0, 1.0)), Beats(4))
    piano = Passage((note(7, 60, 0, 4.0), note(11, 64, 0, 4.0)), Beats(4))
    for seed in range(8):
        for passage, voices in ((line, (0,)), (piano, (3,))):
            hole = Hole.drawn(passage, Meter(), Random(seed), whole=False)
            assert hole.voices == voices
    assert piano.at(Beats(8)).voices == (0, 1, 2, 3, 7, 11)


def test_the_piano_waits_where_the_model_sees_the_player(
    bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Drawn] = []
    run = Drawing.run

    def watched(drawing: Drawing) -> Drawn:
        drawn.append(run(drawing))
        return drawn[-1]

    monkeypatch.setattr(Drawing, "run", watched)
    generator = TokensGenerator(open_model(check(bundles["song"])))
    settings = settings_for(Mode.ACCOMPANY)
    for number in range(64):
        beat = number / 4
        heard = (note(0, 72, int(beat), None),)
        asked = request(
            beat, beat, beat + 0.25, heard=heard, given=(0,), player=(0,), settings=settings
        )
        plan(generator, asked)
    assert any(each.waits for each in drawn)
    assert any(each.notes for each in drawn)
    assert all(each.served for each in drawn)
    names = [generator.speaker.reader.vocabulary.tokens[n] for n in generator.speaker.stream.ids]
    assert names.count((("Program", "0"),)) == 16, "only what the player struck is told as theirs"
