"""Tunes and tokens: there and back, with and without merges, as the engine reads them too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import Bounds, Told
from ripieno.grammar.tokens.writing import Writer
from ripieno_models.families.folk_transformer import KIND
from ripieno_models.families.song_transformer import KIND as SONG
from ripieno_models.tokens.adopt import adopted
from ripieno_models.tokens.export import vocabulary
from ripieno_models.tokens.scheme import Scheme
from ripieno_models.tokens.tune import MELODY, METERS, PIANO, Note, Tune, one_line

from tests.models.tunes import melody, song

FOLK, REMI = replace(KIND, numbered=True), KIND
"""The same music, with bars that are numbered, and with bars that are all alike."""


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
    assert names(folk(), Tune("", notes, (6, 8), None)) == [
        "Bar_8", "TimeSig_6/8", "Position_20", "Pitch_62", "Duration_1.0.4",
        "Bar_1", "TimeSig_6/8", "Position_0", "Pitch_64", "Duration_1.0.4",
        "Position_4", "Pitch_66", "Duration_2.0.4",
        "Bar_2", "TimeSig_6/8", "Position_0", "Pitch_67", "Duration_3.0.4",
    ]  # fmt: skip


def told(tune: Tune, unit: int) -> list[Told]:
    """A tune's notes as the engine has them, `unit` ticks to a sixteenth."""
    return [Told(n.onset * unit, (n.onset + n.duration) * unit, n.pitch, 80, 0) for n in tune.notes]


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("meter", METERS)
def test_the_engine_writes_the_same_tokens(meter: tuple[int, int], numbered: bool) -> None:
    """Bars too: after a pickup a part begins with the second bar, else with the first."""
    scheme = folk() if numbered else REMI.scheme()
    reader = Reader(vocabulary(scheme))
    writer, unit = Writer(reader), reader.vocabulary.quarter // 4
    for seed in range(6):
        tune = melody(seed, meter, bars=19)
        if seed % 2:  # with a pickup
            first = next(n for n in tune.notes if 2 * n.onset >= tune.bar)
            tune = replace(tune, notes=tune.notes[tune.notes.index(first) :])
        pickup = 2 * tune.notes[0].onset >= tune.bar
        part = tune.bar * unit if pickup else 0
        written = writer.write(told(tune, unit), 0, 10**6, meter, part)
        assert [n for chunk in written.chunks for n in chunk] == scheme.encode(tune)
        bars = [scheme.names[n] for n in scheme.encode(tune) if n in scheme.bars]
        assert len(set(bars)) == (8 if numbered else 1)


def test_the_reader_lets_only_the_next_bar_of_a_part_through() -> None:
    scheme = folk()
    reader = Reader(vocabulary(scheme))
    bounds = Bounds(reader.pitches, meter=(4, 4), part=reader.bar_length((4, 4)))
    state, found = reader.start(), []
    for _ in range(12):
        bars = [n for n in reader.legal(state, bounds) if n in scheme.bars]
        assert len(bars) == 1
        found.append(scheme.names[bars[0]])
        for name in (found[-1], "TimeSig_4/4"):
            kind, _, value = name.partition("_")
            after = reader.advance(state, reader.vocabulary.events[kind, value], bounds)
            assert after is not None
            state = after
    assert found == [f"Bar_{place}" for place in (8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3)]
    plain = reader.vocabulary.ids["Bar", "None"]
    assert plain not in reader.legal(state, bounds)


@pytest.mark.parametrize("size", [0, 300])
def test_numbered_bars_merge_with_their_metre_alone(size: int) -> None:
    scheme = folk(size)
    starts = [spelled for spelled in scheme.spelled if spelled[0] in scheme.bars]
    assert all(len(spelled) <= 2 for spelled in starts)
    assert any(len(spelled) == 2 for spelled in starts) == bool(size)


def test_a_model_of_other_tokens_begins_with_what_means_the_same() -> None:
    old, new = REMI.scheme(), folk(300)
    rows = torch.arange(len(old), dtype=torch.float)[:, None].repeat(1, 3)
    found = adopted({"embedding.weight": rows, "layer": rows}, old, new)
    table = found["embedding.weight"]
    assert table.shape == (len(new), 3)
    assert found["layer"] is rows
    assert table[new.base["Pitch_64"], 0] == old.base["Pitch_64"]
    assert table[new.base["Bar_5"], 0] == old.base["Bar_None"]
    merged = next(n for n, spelled in enumerate(new.spelled) if len(spelled) > 1)
    base = [old.base[new.names[n].replace("Bar_", "Bar_None_").split("_None")[0] + "_None"]
            if new.names[n].startswith("Bar_") else old.base[new.names[n]]
            for n in new.spelled[merged]]  # fmt: skip
    assert table[merged, 0] == pytest.approx(sum(base) / len(base))


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
