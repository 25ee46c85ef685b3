"""POP909: which bars are read, its keys and chords, and that tokens tell its songs whole."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from ripieno.errors import RipienoError
from ripieno.grammar.lead_sheet import Chord
from ripieno_models.corpora import pop909
from ripieno_models.families.pop909 import LOUDNESSES, MELODIES, PIANO
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY

BAR = 4 * 480
DATA = Path(__file__).parents[3] / "shared" / "data"
needs_pop = pytest.mark.skipif(
    not (DATA / pop909.FILE).exists(), reason="POP909 does not lie beside this checkout"
)


def record(name: str = "a", **told: Any) -> dict[str, Any]:
    """Nine bars, then one of two beats, then eight: from the second downbeat on there are notes."""
    lines = [*range(BAR, 11 * BAR, BAR), *(10 * BAR + 960 + BAR * n for n in range(8))]
    melody = [[2 * BAR + 470, 480, 60, 90], [10 * BAR + 960, 240, 62, 91]]
    piano = [[line, 960, pitch, 70] for line in lines for pitch in (48, 52)]
    chords = [[BAR, 480, "N"], *([line, 480, "C:maj/3"] for line in lines[1:5])]
    return {
        "id": name, "beats_per_bar": 4, "ticks_per_beat": 480, "key": ["A:min"],
        "downbeats": lines, "chords": [*chords, [6 * BAR, 480, "Gb:min7/b3"]],
        "tracks": {"MELODY": melody, "BRIDGE": [], "PIANO": piano},
    } | told  # fmt: skip


def write(data: Path, records: list[dict[str, Any]]) -> None:
    (data / "pop909").mkdir()
    with gzip.open(data / pop909.FILE, "wt") as lines:
        lines.writelines(json.dumps(each) + "\n" for each in records)
    splits = {each["id"]: "valid" for each in records}
    (data / pop909.SPLITS).write_text(json.dumps(splits))


def test_a_song_is_cut_where_a_bar_is_not_whole(tmp_path: Path) -> None:
    write(tmp_path, [record()])
    first, second = pop909.pieces(tmp_path)
    assert (first.name, second.name) == ("a-0", "a-1")
    assert (first.bars, second.bars) == (9, 8)
    assert first.split is Split.VALID
    assert [(note.onset, note.velocity) for note in first.of(MELODY)] == [(20, 90)]
    assert [note.onset for note in second.of(MELODY)] == [0]


def test_what_is_off_the_grid_or_too_short_is_left_out(tmp_path: Path) -> None:
    late = [[BAR + 40 + 160 * n, 100, 60, 80] for n in range(60)]
    short = record("b", downbeats=[BAR * n for n in range(1, 5)])
    triplets = record("c", tracks={"MELODY": [], "BRIDGE": [], "PIANO": late})
    write(tmp_path, [short, triplets])
    assert list(pop909.pieces(tmp_path)) == []


def test_chords_change_where_they_do_and_keep_no_bass(tmp_path: Path) -> None:
    write(tmp_path, [record()])
    sheet = next(iter(pop909.sheets(tmp_path)))
    assert sheet.chords == ((0, None), (16, Chord(0, "")), (80, Chord(6, "m7")))
    assert (sheet.length, sheet.fifths, sheet.bar) == (9 * 16, 0, 16)


@pytest.mark.parametrize(
    ("keys", "fifths"),
    [
        (["Gb:maj"], 6),
        (["C#:min"], 4),
        (["Eb:maj"], -3),
        (["D:min"], -1),
        (["C:maj", "D:maj"], None),
    ],
)
def test_a_key_is_a_signature_unless_there_are_several(keys: list[str], fifths: int | None) -> None:
    told = pop909.fifths_of(keys)
    assert told == fifths or (fifths == 6 and told == -6)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RipienoError, match="no such file"):
        list(pop909.pieces(tmp_path))


@needs_pop
def test_the_songs_stand_on_their_bars_and_in_their_keys() -> None:
    songs = list(pop909.pieces(DATA))
    assert 1500 < len(songs) < 1700
    by_split = {split: sum(song.split is split for song in songs) for split in Split}
    assert by_split[Split.TRAIN] > 7 * by_split[Split.VALID] > 0
    tonal = [song for song in songs if song.fifths is not None]
    inside = [
        (note.pitch - 7 * song.fifths) % 12 in (0, 2, 4, 5, 7, 9, 11)
        for song in tonal
        for note in song.of(MELODY)
        if song.fifths is not None
    ]
    assert sum(inside) > 0.99 * len(inside)
    for song in songs[::50]:
        scheme = PIANO.scheme()
        back = scheme.decode(scheme.encode(song))
        told = [(n.onset, n.part, n.pitch, min(n.duration, 48)) for n in song.notes]
        assert [(n.onset, n.part, n.pitch, n.duration) for n in back] == told
        apart = 127 / LOUDNESSES
        assert all(
            abs(a.velocity - b.velocity) <= apart for a, b in zip(back, song.notes, strict=True)
        )
    assert MELODIES.scheme().encode(MELODIES.tunes(DATA)[0])
