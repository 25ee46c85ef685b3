"""The corpora of tunes and songs: bar lines, metres, parts, and what is left out."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import mido
import pytest
import torch
from ripieno.errors import RipienoError
from ripieno_models.corpora import folk, lieder, midi_archive
from ripieno_models.families.registry import CONFIGS
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.options import chosen
from ripieno_models.piece import Split
from ripieno_models.tokens.tune import MELODY, PIANO, meter_of

from tests.models.tunes import melody, write_folk

DATA = Path(__file__).parents[3] / "shared" / "data"
SIZES = {"6m": (6e6, 7e6), "34m": (33e6, 36e6)}
"""Parameters of the larger configurations."""
needs_folk = pytest.mark.skipif(
    not (DATA / folk.FILE).exists(), reason="the fiddle tunes do not lie beside this checkout"
)


def test_prepared_tunes_are_read_as_they_are(tmp_path: Path) -> None:
    tunes = write_folk(tmp_path, 12)
    assert list(folk.pieces(tmp_path)) == tunes
    assert [tune.split for tune in tunes][:8] == [Split.TRAIN] * 6 + [Split.VALID, Split.TEST]


def test_a_pickup_ends_on_the_first_bar_line() -> None:
    record = {
        "id": "a", "ts": [[0, 1, 8], [240, 6, 8]], "ks": [], "bars": [0, 240, 1680, 3120],
        "end": 4560, "melody": [[0, 240, 62], [240, 720, 64], [960, 720, 66], [1680, 1440, 67]],
    }  # fmt: skip
    tune = folk.tune_of(record, Split.TRAIN)
    assert tune is not None
    assert (tune.meter, tune.fifths) == ((6, 8), None)
    assert [note.onset for note in tune.notes] == [10, 12, 18, 24]


def test_metres_that_cannot_be_written() -> None:
    assert meter_of(2, 2) == (4, 4)
    assert meter_of(6, 8) == (6, 8)
    assert meter_of(5, 4) is None
    assert folk.main_meter([[0, 5, 4]], 4800) is None


@needs_folk
def test_the_fiddle_tunes_are_all_there() -> None:
    tunes = list(folk.pieces(DATA))
    assert len(tunes) == 4112
    assert sum(tune.split is Split.TRAIN for tune in tunes) == 3270
    assert sum(len(tune.notes) for tune in tunes) == 426_849
    assert all(52 <= note.pitch <= 95 for tune in tunes for note in tune.notes)


def write_songs(data: Path, songs: dict[str, mido.MidiFile]) -> None:
    folder = data / "lieder"
    folder.mkdir(parents=True)
    with tarfile.open(folder / "lieder_midi.tar.xz", "w:xz") as archive:
        for name, file in songs.items():
            path = folder / f"{name}.mid"
            file.save(path)
            archive.add(path, f"midi/{name}.mid")
    (folder / "splits.json").write_text(json.dumps(dict.fromkeys(songs, "valid")))


def track(name: str, notes: list[tuple[int, int, int]]) -> mido.MidiTrack:
    """A track of (onset, duration, pitch) in ticks."""
    told = [(on, "note_on", pitch, 72) for on, _, pitch in notes]
    told += [(on + length, "note_off", pitch, 0) for on, length, pitch in notes]
    made, now = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for at, kind, pitch, velocity in sorted(told):
        made.append(mido.Message(kind, note=pitch, velocity=velocity, time=at - now))
        now = at
    return made


def song(meters: list[tuple[int, int, int]], step: int = 240) -> mido.MidiFile:
    """Sixteen bars of 4/4 with a pickup of a quarter; the voice moves every `step` ticks."""
    head, now = mido.MidiTrack([mido.MetaMessage("key_signature", key="D")]), 0
    for at, numerator, denominator in meters:
        told = {"numerator": numerator, "denominator": denominator, "time": at - now}
        head.append(mido.MetaMessage("time_signature", **told))
        now = at
    end = 480 + 16 * 1920
    voice = [(at, step, 62 + at // step % 7) for at in range(0, end, step)]
    right = [(at, 480, 66) for at in range(0, end, 480)]
    left = [(at, 1920, 45) for at in range(480, end, 1920)]
    names = ("VOICE:Sopran", "PIANO_RH", "PIANO_LH")
    tracks = [track(name, notes) for name, notes in zip(names, (voice, right, left), strict=True)]
    return mido.MidiFile(ticks_per_beat=480, tracks=[head, *tracks])


def test_a_songs_bar_line_is_where_its_bass_is(tmp_path: Path) -> None:
    write_songs(tmp_path, {"a": song([(0, 4, 4)])})
    (tune,) = lieder.pieces(tmp_path)
    assert (tune.name, tune.meter, tune.fifths, tune.split) == ("a-0", (4, 4), 2, Split.VALID)
    low = [note.onset for note in tune.of(PIANO) if note.pitch == 45]
    assert low == list(range(16, 17 * 16, 16))
    assert [note.onset for note in tune.of(MELODY)][:3] == [12, 14, 16]


def test_a_song_is_cut_where_its_metre_changes(tmp_path: Path) -> None:
    change = 480 + 8 * 1920
    write_songs(tmp_path, {"a": song([(0, 4, 4), (change, 2, 4)])})
    one, other = lieder.pieces(tmp_path)
    assert (one.meter, other.meter) == ((4, 4), (2, 4))
    assert one.notes[0].onset == 12  # more than whole bars before the change: a pickup
    assert other.notes[0].onset == 0
    assert other.bars == 16


def test_a_song_in_triplets_is_left_out(tmp_path: Path) -> None:
    write_songs(tmp_path, {"a": song([(0, 4, 4)], step=160), "b": song([(0, 5, 4)])})
    assert list(lieder.pieces(tmp_path)) == []


def test_a_tune_is_written_as_midi_and_read_again(tmp_path: Path) -> None:
    tune = melody(3, (6, 8))
    midi_archive.write_midi(tune, tmp_path / "tune.mid", (0, 0))
    read = mido.MidiFile(tmp_path / "tune.mid")
    struck = [m.note for m in read.tracks[-1] if m.type == "note_on" and m.velocity]
    assert struck == [note.pitch for note in tune.notes]


def test_broken_corpora_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RipienoError, match="there is no such file"):
        list(folk.pieces(tmp_path))
    (tmp_path / "folk").mkdir()
    (tmp_path / "folk" / "splits.json").write_text("[]")
    with pytest.raises(RipienoError, match="tells no splits"):
        list(folk.pieces(tmp_path))
    (tmp_path / "folk" / "splits.json").write_text("{}")
    with gzip.open(tmp_path / "folk" / "folk.jsonl.gz", "wt") as lines:
        lines.write("{\n")
    with pytest.raises(RipienoError, match="line 1 is broken"):
        list(folk.pieces(tmp_path))
    write_songs(tmp_path, {})
    (tmp_path / "lieder" / "lieder_midi.tar.xz").write_bytes(b"no archive")
    with pytest.raises(RipienoError, match="cannot be read"):
        list(lieder.pieces(tmp_path))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*[kg]-*.toml")), ids=lambda path: path.stem)
def test_every_configuration_can_be_built(path: Path) -> None:
    name = next(name for name in TOKEN_FAMILIES if path.stem.startswith(name))
    kind = TOKEN_FAMILIES[name]
    options = chosen(kind.options, path, {})
    with torch.device("meta"):
        model = kind.build(options, options.bpe)
    count = sum(weight.numel() for weight in model.parameters())
    low, high = SIZES.get(path.stem.rpartition("-")[2], (1.5e6, 3e6))
    assert low < count < high
