"""Tunes and tokens: there and back, with and without merges, as the engine reads them too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from ripieno_models.families.folk_transformer import KIND as FOLK
from ripieno_models.families.song_transformer import KIND as SONG
from ripieno_models.tokens.export import vocabulary
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.tune import MELODY, METERS, PIANO, Note, Tune, one_line

from tests.models.tunes import melody, song


@cache
def folk(size: int = 0) -> Scheme:
    scheme = FOLK.scheme()
    if size:
        scheme.train([scheme.encode(melody(seed)) for seed in range(60)], size)
    return scheme


def names(scheme: Scheme, tune: Tune) -> list[str]:
    return [scheme.names[number] for number in scheme.encode(tune)]


def test_a_jig_is_written_bar_by_bar_with_its_metre_and_its_pickup() -> None:
    notes = (Note(10, 0, 62, 2), Note(12, 0, 64, 2), Note(14, 0, 66, 4), Note(24, 0, 67, 6))
    bar = ["Bar_None", "TimeSig_6/8"]
    assert names(folk(), Tune("", notes, (6, 8), None)) == [
        *bar, "Position_20", "Pitch_62", "Duration_1.0.4",
        *bar, "Position_0", "Pitch_64", "Duration_1.0.4",
        "Position_4", "Pitch_66", "Duration_2.0.4",
        *bar, "Position_0", "Pitch_67", "Duration_3.0.4",
    ]  # fmt: skip


def test_a_melody_comes_before_the_piano_where_they_begin_together() -> None:
    notes = (Note(0, MELODY, 60, 4), Note(0, PIANO, 48, 4), Note(0, PIANO, 55, 4))
    assert names(SONG.scheme(), Tune("", notes, (4, 4), 0)) == [
        "Bar_None", "TimeSig_4/4", "Position_0", "Program_0", "Pitch_60", "Duration_1.0.4",
        "Program_1", "Pitch_48", "Duration_1.0.4", "Program_1", "Pitch_55", "Duration_1.0.4",
    ]  # fmt: skip


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("size", [0, 300])
def test_what_was_written_is_read_again(meter: tuple[int, int], size: int) -> None:
    scheme = folk(size)
    for seed in range(5):
        tune = melody(seed, meter)
        read = scheme.decode(scheme.merged(scheme.encode(tune)))
        told = [(note.onset, note.pitch, note.duration) for note in read]
        assert told == [(note.onset, note.pitch, note.duration) for note in tune.notes]


def test_a_song_is_read_again_with_its_parts() -> None:
    scheme = SONG.scheme()
    for seed in range(8):
        tune = song(seed)
        told = [replace(note, velocity=80) for note in scheme.decode(scheme.encode(tune))]
        assert told == list(tune.notes)


def test_merges_stay_inside_a_note_and_shorten_the_line() -> None:
    scheme = folk(300)
    assert len(scheme) == 300
    line = scheme.encode(melody(3))
    merged = scheme.merged(line)
    assert len(merged) < 0.8 * len(line)
    assert scheme.plain(merged) == line
    for spelled in scheme.spelled:
        assert not any(number in scheme.lasts for number in spelled[:-1])


@pytest.mark.parametrize("size", [0, 300])
def test_the_engine_reads_the_same_vocabulary(size: int) -> None:
    scheme = folk(size)
    engines = vocabulary(scheme)
    assert len(engines) == len(scheme)
    for seed in range(20):
        for group in scheme.groups(scheme.encode(melody(seed))):
            assert engines.merged(group) == scheme.merged_group(group)


def test_a_vocabulary_is_kept_and_found_again(tmp_path: Path) -> None:
    scheme = folk(300)
    scheme.write(tmp_path / "kept.json")
    again = Scheme.read(tmp_path / "kept.json")
    assert again.spelled == scheme.spelled
    assert again.merged(again.encode(melody(7))) == scheme.merged(scheme.encode(melody(7)))


def test_a_line_has_one_note_at_a_time() -> None:
    notes = [Note(0, 0, 60, 8), Note(0, 0, 64, 8), Note(4, 0, 62, 4)]
    assert one_line(notes) == [Note(0, 0, 64, 4), Note(4, 0, 62, 4)]
    assert one_line([]) == []
