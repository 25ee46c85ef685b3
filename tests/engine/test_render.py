"""The whole engine in virtual time, with a real model: repeatable, in bounds, nothing hanging."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ripieno.errors import RipienoError
from ripieno.inference.link import ModelSpec
from ripieno.midi.midifile import read_score
from ripieno.preset import phrases
from ripieno.preset.preset import Preset
from ripieno.render import render
from ripieno.settings import FULL_RANGES, Key, Mode, Rules, Sampling, Settings, Strength
from ripieno.stage import Stage
from ripieno.takes.take import NoteEnded, NoteStarted, Source, Take, read
from ripieno.takes.take_score import export_midi

from tests.engine.bundles import write_bundle

MODES = tuple(Mode)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundle") / "test-lstm")


def played(bundle: Path, take: Path, settings: Settings, bars: int = 8) -> Take:
    stage = Stage(
        preset=Preset(name="test", settings=settings),
        model=ModelSpec(bundle, "auto"),
        seed=phrases.load_phrase("old-hundredth"),
        soundfont=Path("none.sf2"),
        take=take,
        log=take.with_suffix(".log"),
        guest=0 if settings.mode is Mode.SOLO else None,
        bars=bars,
    )
    render(stage)
    return read(take)


def notes(take: Take, source: Source) -> list[NoteStarted]:
    return [f for f in take.facts if isinstance(f, NoteStarted) and f.source is source]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_bytes(mode: Mode, bundle: Path, tmp_path: Path) -> None:
    settings = Settings(mode=mode)
    played(bundle, tmp_path / "a.take", settings)
    played(bundle, tmp_path / "b.take", settings)
    assert (tmp_path / "a.take").read_bytes() == (tmp_path / "b.take").read_bytes()


def test_another_seed_gives_other_music(bundle: Path, tmp_path: Path) -> None:
    settings = Settings(mode=Mode.SOLO)
    other = replace(settings, sampling=Sampling(seed=2))
    first = notes(played(bundle, tmp_path / "a.take", settings), Source.MODEL)
    second = notes(played(bundle, tmp_path / "b.take", other), Source.MODEL)
    assert [n.pitch for n in first] != [n.pitch for n in second]


LEAD = 0.001
"""Seconds for which a note is told before it sounds, so that a note struck again has ended."""


@pytest.mark.parametrize("mode", MODES)
def test_every_note_is_released_and_in_order(mode: Mode, bundle: Path, tmp_path: Path) -> None:
    take = played(bundle, tmp_path / "a.take", Settings(mode=mode))
    down: set[tuple[int, int]] = set()
    clock = 0.0
    for fact in take.facts:
        told_ahead = isinstance(fact, NoteStarted | NoteEnded)
        assert fact.at >= clock - LEAD - 1e-9, "facts are told in order of time"
        clock = max(clock, fact.at - (LEAD if told_ahead else 0))
        if isinstance(fact, NoteStarted):
            assert (fact.channel, fact.pitch) not in down
            down.add((fact.channel, fact.pitch))
        elif isinstance(fact, NoteEnded):
            down.remove((fact.channel, fact.pitch))
    assert not down
    assert len(notes(take, Source.MODEL)) > 20


@pytest.mark.parametrize("mode", MODES)
def test_the_machine_keeps_to_the_grid_and_to_its_moment(
    mode: Mode, bundle: Path, tmp_path: Path
) -> None:
    """In virtual time nothing is late; only a chord that joins your onset may leave the grid."""
    for note in notes(played(bundle, tmp_path / "a.take", Settings(mode=mode)), Source.MODEL):
        assert note.beat * 4 == pytest.approx(round(note.beat * 4), abs=1e-6)
        assert note.planned is not None
        assert note.at == pytest.approx(note.planned, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_hard_rules_hold_by_another_reader(mode: Mode, bundle: Path, tmp_path: Path) -> None:
    ranges = ((60, 76), (55, 70), (50, 64), (40, 57))
    rules = Rules(ranges=ranges, max_leap=7, key=Key.parse("D major"), key_lock=Strength.HARD)
    take = played(bundle, tmp_path / "a.take", Settings(mode=mode, rules=rules), bars=16)
    last: dict[int, int] = {}
    scale = {(2 + degree) % 12 for degree in (0, 2, 4, 5, 7, 9, 11)}
    for note in notes(take, Source.MODEL):
        assert note.voice is not None
        low, high = ranges[note.voice]
        assert low <= note.pitch <= high
        assert note.pitch % 12 in scale
        last[note.voice] = note.pitch
    assert last


def test_a_solo_begins_with_its_seed(bundle: Path, tmp_path: Path) -> None:
    take = played(bundle, tmp_path / "a.take", Settings(mode=Mode.SOLO))
    seed = phrases.load_phrase("old-hundredth")
    sown = [(n.pitch, n.beat) for n in notes(take, Source.SEED)]
    assert sown == [(n.pitch, pytest.approx(n.onset)) for n in seed.notes]


def test_the_players_notes_are_never_altered(bundle: Path, tmp_path: Path) -> None:
    rules = Rules(ranges=FULL_RANGES, max_leap=1)
    take = played(bundle, tmp_path / "a.take", Settings(mode=Mode.ANSWER, rules=rules))
    seed = phrases.load_phrase("old-hundredth")
    mine = [n.pitch for n in notes(take, Source.PLAYER)]
    assert mine[: len(seed.notes)] == [n.pitch for n in seed.notes]


def test_a_rendering_needs_a_length(bundle: Path, tmp_path: Path) -> None:
    stage = Stage(
        preset=Preset(name="test"),
        model=ModelSpec(bundle, "auto"),
        seed=None,
        soundfont=Path("none.sf2"),
        take=tmp_path / "a.take",
        log=tmp_path / "log",
    )
    with pytest.raises(RipienoError, match="--bars"):
        render(stage)


def test_the_midi_file_has_every_note_where_it_was_heard(bundle: Path, tmp_path: Path) -> None:
    take = played(bundle, tmp_path / "a.take", Settings(mode=Mode.ANSWER), bars=12)
    export_midi(take, tmp_path / "a.mid")
    score = read_score(tmp_path / "a.mid")
    written = sorted((note.onset, note.pitch) for part in score.parts for note in part.notes)
    heard = sorted((f.beat, f.pitch) for f in take.facts if isinstance(f, NoteStarted))
    assert [pitch for _, pitch in written] == [pitch for _, pitch in heard]
    for (onset, _), (beat, _) in zip(written, heard, strict=True):
        assert onset == pytest.approx(beat, abs=2 / 480)
