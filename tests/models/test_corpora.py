"""Corpora: they agree with each other, come back from a round trip, and refuse with a sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import mido
import numpy as np
import pytest
from ripieno.errors import PhraseError, RipienoError
from ripieno_models import corpora
from ripieno_models.corpora import four_column, midi_folder, music21_chorales, prepared
from ripieno_models.piece import Split
from ripieno_models.sample import write_midi

from tests.models.material import PREPARED, all_prepared, few, needs_prepared


@needs_prepared
def test_music21_and_the_prepared_chorales_agree() -> None:
    ready = {piece.name: piece for piece in all_prepared()}
    agreements, fermatas = [], []
    for piece in music21_chorales.pieces(list(ready)[::14]):
        other = ready[piece.name]
        common = min(len(piece), len(other))
        assert abs(len(piece) - len(other)) <= 4
        assert piece.fifths == other.fifths
        assert piece.split is other.split
        same = piece.tokens[:common] == other.tokens[:common]
        agreements.append(same.all(axis=1).mean())
        assert (piece.place[:common] == other.place[:common]).mean() > 0.99, piece.name
        assert (piece.bar_steps[:common] == other.bar_steps[:common]).all(), piece.name
        fermatas.append((piece.fermata[:common] == other.fermata[:common]).mean())
    assert len(agreements) == 30
    assert np.mean(agreements) > 0.998
    assert np.mean(fermatas) > 0.99


@needs_prepared
def test_the_split_has_no_leak() -> None:
    pieces = {piece.name: piece.split for piece in all_prepared()}
    assert len(pieces) == 408
    splits = list(pieces.values())
    counts = {split: splits.count(split) for split in Split}
    assert counts == {Split.TRAIN: 248, Split.VALID: 74, Split.TEST: 80, Split.UNUSED: 6}
    with gzip.open(PREPARED, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    for record in records:
        its = pieces.get(record["id"])
        for near in record["near_dups"]:
            other = pieces.get(near.removesuffix(".mxl"))
            if its is Split.TRAIN and other is not None:
                assert other in (Split.TRAIN, Split.UNUSED), (record["id"], near)


@needs_prepared
def test_both_sources_split_alike() -> None:
    assert {piece.name: piece.split for piece in all_prepared()} == music21_chorales.splits()


def test_an_unknown_chorale_is_refused() -> None:
    with pytest.raises(RipienoError, match="no chorale 'bwv0'"):
        list(music21_chorales.pieces(["bwv0"]))


def test_a_broken_prepared_file_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        lines.write('{"id": "a"}\n')
    with pytest.raises(RipienoError, match="line 1 is broken"):
        list(prepared.pieces(path))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RipienoError, match="is broken"):
        list(prepared.pieces(path))


def test_four_columns_come_back(tmp_path: Path) -> None:
    (piece,) = few(Split.TRAIN, 1)
    text = "# a chorale\n" + four_column.text_of(piece)
    (tmp_path / "chorale.txt").write_text(text)
    (again,) = corpora.find(tmp_path).pieces
    assert again.name == "chorale"
    assert (again.tokens == piece.tokens).all()
    (tmp_path / "chorale.txt").write_text(text.replace("!", ""))
    (plain,) = four_column.pieces(tmp_path)
    assert (plain.sounding() == piece.sounding()).all()
    assert len(plain.notes()) < len(piece.notes())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("60 55 50\n", "line 1: 3 columns"),
        ("60 55 50 40\n60 x 50 40\n", "line 2: 'x' is no MIDI number"),
        ("60 55 50 40 # ok\n\n99 55 50 40\n", "line 3: 99 is out of range.*nearest is 81"),
        ("60 55 50 40!!\n", "line 1: '40!!' is no MIDI number"),
        ("60 55 -5 40\n", "line 1: '-5' is no MIDI number"),
        ("# nothing\n", "no note in it"),
        ("\x00\x01\ufffd\n", "line 1: 1 columns"),
    ],
)
def test_broken_text_is_refused_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "broken.txt").write_text(text)
    with pytest.raises(PhraseError, match=sentence):
        list(four_column.pieces(tmp_path))


def test_midi_files_come_back(tmp_path: Path) -> None:
    for piece in few(Split.TRAIN, 2):
        write_midi(piece, tmp_path / f"{piece.name}.mid")
    found = corpora.find(tmp_path).pieces
    for piece, again in zip(few(Split.TRAIN, 2), found, strict=True):
        assert again.name == piece.name
        assert again.notes() == piece.notes()


def test_metre_and_key_of_a_midi_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "waltz.mid"
    file = mido.MidiFile(ticks_per_beat=480)
    for voice, pitch in enumerate((40, 52, 64, 72)):
        track = file.add_track()
        if voice == 0:
            track.append(mido.MetaMessage("time_signature", numerator=3, denominator=4))
            track.append(mido.MetaMessage("key_signature", key="Bb"))
        track.append(mido.Message("note_on", note=pitch, velocity=70))
        track.append(mido.Message("note_off", note=pitch, time=480 * 4))
    file.save(path)
    (piece,) = midi_folder.pieces(tmp_path)
    assert piece.fifths == -2
    assert piece.place.tolist() == [*range(12), 0, 1, 2, 3]
    assert set(piece.bar_steps.tolist()) == {12}
    assert [note.pitch for note in piece.notes()] == [72, 64, 52, 40]


def test_no_midi_file_and_too_few_voices_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "solo.mid"
    path.write_bytes(b"not a MIDI file")
    with pytest.raises(PhraseError, match="no MIDI file"):
        list(midi_folder.pieces(tmp_path))
    file = mido.MidiFile()
    track = file.add_track()
    track.append(mido.Message("note_on", note=60, velocity=70))
    track.append(mido.Message("note_off", note=60, time=480))
    file.save(path)
    with pytest.raises(PhraseError, match=r"1 tracks or channels.*four"):
        list(midi_folder.pieces(tmp_path))


def test_a_folder_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RipienoError, match="nothing to read"):
        corpora.find(tmp_path)
