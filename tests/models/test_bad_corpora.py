"""Folders as players have them: what cannot be learned from is counted, and said why."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest
import torch
from ripieno.errors import PhraseError, RipienoError
from ripieno_models import cli, corpora, runs
from ripieno_models.corpora import four_column, midi_folder
from ripieno_models.corpora.skipping import summary
from ripieno_models.families.registry import family
from ripieno_models.train_keeping import BEST, LAST, put_folder, write_whole

from tests.models.lines import BEAT, columns, four_lines, midi, write_texts

HOURS = 3
AN_HOUR = 120 * 60
"""Quarter notes, at the 120 a minute that a file without a tempo is played at."""


def with_tempos(path: Path, count: int) -> None:
    """A good piece whose tempo changes `count` times."""
    midi(path, four_lines())
    file = mido.MidiFile(path)
    track = file.add_track()
    for number in range(count):
        track.append(mido.MetaMessage("set_tempo", tempo=400_000 + number, time=1))
    file.save(path)


def bad_files(folder: Path) -> list[str]:
    """A file of each kind that cannot be learned from, and what is said about it, by name."""
    (folder / "a broken.mid").write_bytes(
        b"MThd\x00\x00\x00\x06\x00\x01\x00\x05\x01\xe0MTrk\xff\xff"
    )
    (folder / "b empty.mid").write_bytes(b"")
    midi(folder / "c drums.mid", [[(36, BEAT)] * 8], channel=9)
    long = [[(pitch, BEAT * AN_HOUR // 10)] * 10 * HOURS for pitch in (72, 67, 60, 48)]
    midi(folder / "d hours.mid", long)
    midi(folder / "e no note.mid", [[]])
    midi(folder / "f solo.mid", four_lines()[:1])
    midi(folder / "g deep.mid", [*four_lines()[:3], [(12, BEAT)] * 16])
    return [
        "no MIDI file that can be read",
        "no MIDI file that can be read",
        "there are only drums in it",
        f"it lasts {AN_HOUR * HOURS:,} quarter notes; allowed: at most",
        "there is no note in it",
        "1 tracks or channels with notes; allowed: four",
        "a voice sings 12",
    ]


def test_bad_midi_files_are_counted_and_the_good_ones_are_read(tmp_path: Path) -> None:
    sentences = bad_files(tmp_path)
    midi(tmp_path / "no tempo.mid", four_lines())
    with_tempos(tmp_path / "tempos.mid", 10_000)
    found = corpora.find(tmp_path)
    assert [piece.name for piece in found.pieces] == ["no tempo", "tempos"]
    plain, changing = found.pieces
    assert (plain.tokens == changing.tokens).all()
    assert len(found.skipped) == len(sentences)
    for told, sentence in zip(found.skipped, sentences, strict=True):
        assert sentence in told
        assert str(tmp_path) in told
    said = summary(list(found.skipped), len(found.pieces))
    assert said.startswith("Skipped 7 of 9 files:")
    assert said.endswith("and 4 more")


def test_a_folder_with_nothing_to_learn_from_is_refused_with_the_first_reason(
    tmp_path: Path,
) -> None:
    bad_files(tmp_path)
    with pytest.raises(RipienoError, match=r"none of its 7 files.*The first: .*a broken\.mid"):
        corpora.find(tmp_path)


def test_bad_text_files_are_counted(tmp_path: Path) -> None:
    write_texts(tmp_path, train=1, valid=0)
    (tmp_path / "five.txt").write_text("72 67 60 48 36\n")
    (tmp_path / "minus.txt").write_text("72 67 60 48\n72 67 -1 48\n")
    found = corpora.find(tmp_path)
    assert len(found.pieces) == 1
    five, minus = found.skipped
    assert "five.txt, line 1: 5 columns; allowed: four numbers" in five
    assert "minus.txt, line 2: '-1' is no MIDI number" in minus
    with pytest.raises(PhraseError, match="5 columns"):
        list(four_column.pieces(tmp_path))


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.truncate(midi_folder.LARGEST + (1 << 20))
    with pytest.raises(PhraseError, match="17 MiB is too large"):
        midi_folder.piece_of(path)


@pytest.mark.parametrize(
    ("flag", "value", "sentence"),
    [
        ("--batch", "0", "batch = 0 is out of range; allowed: 1…4096"),
        ("--dropout", "1.5", "dropout = 1.5 is out of range"),
        ("--devices", "0", "devices"),
        ("--strategy", "dpp", "there is no strategy 'dpp'"),
        ("--devices", "3", "batch = 32 cannot be shared out among 3 processes. The nearest is 33."),
    ],
)
def test_what_is_out_of_range_is_refused_before_anything_is_written(
    flag: str, value: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    write_texts(data)
    told = cli.main(["train", "chorale-lstm", "--data", str(data), "--out", str(out), flag, value])
    assert told == cli.WRONG_INPUT
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_a_run_of_another_family_is_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    write_texts(data)
    runs.write(out, runs.RECORD, {"family": "plain-lstm"})
    common = ["--data", str(data), "--out", str(out), "--resume"]
    assert cli.main(["train", "chorale-lstm", *common]) == cli.WRONG_INPUT
    told = capsys.readouterr().err
    assert "a run of 'plain-lstm', which chorale-lstm cannot go on with" in told
    assert "ripieno-models train plain-lstm --resume" in told


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    kind = family("plain-lstm")
    model = kind.build(kind.options())
    for content in ({"state_dict": {"model.x": torch.zeros(2)}}, {"other": 1}):
        torch.save(content, tmp_path / BEST)
        with pytest.raises(RipienoError, match="no weights of this model"):
            runs.put(tmp_path / BEST, model)
    (tmp_path / LAST).write_bytes(b"half a checkpoint")
    with pytest.raises(RipienoError, match="no weights of this model"):
        runs.put(tmp_path / LAST, model)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_whole(path, b"before")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]


def test_a_folder_is_put_in_place_of_another_or_not_at_all(tmp_path: Path) -> None:
    made, place = tmp_path / "made", tmp_path / "place"
    made.mkdir()
    (made / "new").write_text("new")
    put_folder(made, place)
    (place / "stale").write_text("left by somebody")
    put_folder(made, place)
    assert [path.name for path in place.iterdir()] == ["new"]
    (made / "below").mkdir()
    with pytest.raises(RipienoError, match=r"cannot be written.*do it again"):
        put_folder(made, place)
    assert (place / "new").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "place"]


def test_prepared_and_written_pieces_still_come_back(tmp_path: Path) -> None:
    write_texts(tmp_path, train=1, valid=0)
    (path,) = four_column.files(tmp_path)
    assert four_column.file_of(path).name == path.stem
    assert columns(0) == path.read_text()
