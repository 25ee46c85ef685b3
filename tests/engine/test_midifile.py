"""MIDI files: what is read is what was written, and what is broken is told in a sentence."""

from __future__ import annotations

import random
import tarfile
from pathlib import Path

import pytest
from ripieno.clock import Beats, Meter
from ripieno.errors import PhraseError
from ripieno.events import ControlChange, NoteOff, NoteOn
from ripieno.midi.midifile import FileInput, read_notes, read_score, write_score
from ripieno.score import (
    ControlMark,
    MeterMark,
    Part,
    PartNote,
    Score,
    TempoMark,
    Timeline,
)

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def part(name: str, channel: int, pitch: int, count: int = 4) -> Part:
    notes = (PartNote(Beats(i), Beats(0.5 + i / 8), pitch + i, 60 + i) for i in range(count))
    return Part(name, channel, 19, tuple(notes))


CHORALE = Score(
    (part("soprano", 0, 72), part("alto", 1, 65), part("tenor ♮", 2, 60), part("bass", 3, 48)),
    (TempoMark(Beats(0), 60.0), TempoMark(Beats(2.5), 120.0)),
    (MeterMark(Beats(0), Meter(3, 4)), MeterMark(Beats(3), Meter(6, 8))),
    (ControlMark(Beats(1), 2, 64, 127), ControlMark(Beats(2), 2, 64, 0)),
)


@pytest.fixture
def chorale(tmp_path: Path) -> Path:
    write_score(CHORALE, tmp_path / "chorale.mid")
    return tmp_path / "chorale.mid"


def test_a_score_survives_the_file(chorale: Path) -> None:
    read = read_score(chorale)
    assert [(p.channel, p.program, p.notes) for p in read.parts] == [
        (p.channel, p.program, p.notes) for p in CHORALE.parts
    ]
    assert read.tempos == CHORALE.tempos
    assert read.meters == CHORALE.meters
    assert read.controls == CHORALE.controls


def test_the_same_score_gives_the_same_bytes(chorale: Path, tmp_path: Path) -> None:
    write_score(CHORALE, tmp_path / "again.mid")
    assert chorale.read_bytes() == (tmp_path / "again.mid").read_bytes()


def test_tempo_marks_become_seconds() -> None:
    timeline = Timeline(CHORALE.tempos)
    assert [timeline.seconds(Beats(beat)) for beat in (0, 2.5, 3.5)] == [0.0, 2.5, 3.0]
    assert Timeline(()).seconds(Beats(1)) == 0.5


def test_four_parts_are_four_voices_by_height(tmp_path: Path) -> None:
    shuffled = Score((CHORALE.parts[3], CHORALE.parts[0], CHORALE.parts[2], CHORALE.parts[1]))
    write_score(shuffled, tmp_path / "x.mid")
    phrase = read_notes(tmp_path / "x.mid")
    first = {note.voice: note.pitch for note in phrase.notes if not note.onset}
    assert first == {0: 72, 1: 65, 2: 60, 3: 48}
    assert (phrase.name, phrase.bpm, phrase.meter, phrase.left_out) == ("x", None, None, 0)


@pytest.mark.parametrize(("pitch", "voice"), [(72, 0), (65, 1), (57, 2), (43, 3)])
def test_a_single_line_goes_to_the_voice_it_lies_in(tmp_path: Path, pitch: int, voice: int) -> None:
    write_score(Score((part("", 5, pitch, 1),), CHORALE.tempos, CHORALE.meters), tmp_path / "x.mid")
    phrase = read_notes(tmp_path / "x.mid")
    assert [note.voice for note in phrase.notes] == [voice]
    assert (phrase.bpm, phrase.meter) == (60.0, Meter(3, 4))


def test_of_six_parts_the_outer_and_the_fullest_stay_and_drums_never(tmp_path: Path) -> None:
    parts = (
        part("top", 0, 80),
        part("sparse", 1, 70, 1),
        part("full", 2, 66, 8),
        part("fuller", 3, 60, 9),
        part("bottom", 4, 40),
        part("drums", 9, 35, 20),
    )
    write_score(Score(parts), tmp_path / "x.mid")
    phrase = read_notes(tmp_path / "x.mid")
    assert phrase.left_out == 1
    assert {note.voice: note.pitch for note in phrase.notes if not note.onset} == {
        0: 80,
        1: 66,
        2: 60,
        3: 40,
    }


def test_a_file_plays_as_if_live(chorale: Path) -> None:
    player = FileInput(chorale)
    events = []
    down = set()
    while (beat := player.next_beat()) is not None:
        due = player.pop(beat)
        assert due
        assert all(when == beat for when, _ in due)
        events += due
    assert [when for when, _ in events] == sorted(when for when, _ in events)
    for _, message in events:
        match message:
            case NoteOn(channel, pitch):
                assert (channel, pitch) not in down
                down.add((channel, pitch))
            case NoteOff(channel, pitch):
                down.remove((channel, pitch))
    assert not down
    assert sum(isinstance(message, NoteOn) for _, message in events) == 16
    assert [m for _, m in events if isinstance(m, ControlChange)] == [
        ControlChange(2, 64, 127),
        ControlChange(2, 64, 0),
    ]


def test_a_note_without_length_still_ends_after_it_began(tmp_path: Path) -> None:
    raw = bytes.fromhex(
        "4d546864 00000006 0000 0001 01e0 4d54726b 0000000c 00903c40 00803c40 00ff2f00"
    )
    (tmp_path / "x.mid").write_bytes(raw)
    player = FileInput(tmp_path / "x.mid")
    kinds = [type(message) for _, message in player.pop(Beats(1))]
    assert kinds == [NoteOn, NoteOff]


def test_a_note_that_is_never_released_ends_with_its_track(tmp_path: Path) -> None:
    raw = bytes.fromhex("4d546864 00000006 0000 0001 01e0 4d54726b 00000009 00903c40 8360ff2f00")
    (tmp_path / "x.mid").write_bytes(raw)
    assert read_score(tmp_path / "x.mid").parts[0].notes == (PartNote(Beats(0), Beats(1), 60, 64),)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ends too early"),
        (b"not a MIDI file at all, but long enough for one", "this is not a MIDI file"),
        (bytes.fromhex("4d546864 00000006 0001 0000 01e0"), "no notes"),
        (bytes.fromhex("4d546864 00000006 0000 0001 e728 4d54726b 00000004 00ff2f00"), "frames"),
        (bytes.fromhex("4d546864 00000006 0002 0001 01e0 4d54726b 00000004 00ff2f00"), "songs"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(PhraseError, match=sentence) as error:
        read_notes(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(PhraseError, match="there is no such file"):
        read_notes(tmp_path / "none.mid")
    with pytest.raises(PhraseError, match="is a directory"):
        FileInput(tmp_path)


def test_damage_gives_notes_or_a_sentence_and_nothing_else(chorale: Path) -> None:
    whole = chorale.read_bytes()
    dice = random.Random(1)
    read, refused = 0, 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        cut = dice.choice((len(damaged), dice.randrange(len(damaged))))
        chorale.write_bytes(damaged[:cut])
        try:
            FileInput(chorale)
            read_notes(chorale)
            read += 1
        except PhraseError:
            refused += 1
    assert read > 0
    assert refused > 0


def test_real_tunes_are_read(tmp_path: Path) -> None:
    archive = DATA / "folk" / "folk_midi.tar.xz"
    if not archive.exists():
        pytest.skip("the corpora are not beside this checkout")
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.name.endswith(".mid")][:25]
        tar.extractall(tmp_path, members=members, filter="data")
    for member in members:
        phrase = read_notes(tmp_path / member.name)
        assert phrase.notes
        assert {note.voice for note in phrase.notes} <= {0, 1, 2, 3}
        assert all(note.duration and note.duration > 0 for note in phrase.notes)
