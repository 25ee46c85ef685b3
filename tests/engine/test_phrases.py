"""Seed phrases: the ones that ship are sound, the format is read exactly, mistakes are told."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import mido
import pytest
from ripieno.clock import Beats, Meter
from ripieno.errors import PhraseError
from ripieno.events import Note
from ripieno.preset.phrases import describe_phrase, load_phrase, parse_phrase, phrase_names
from ripieno.settings import FULL_RANGES

NAMES = phrase_names()
IN_PARTS = [name for name in NAMES if len({note.voice for note in load_phrase(name).notes}) == 4]


def notes_of(text: str) -> list[tuple[int, int, float, float | None]]:
    phrase = parse_phrase(text, Path("mine.txt"))
    return [(note.voice, note.pitch, note.onset, note.duration) for note in phrase.notes]


def sentence(text: str) -> str:
    with pytest.raises(PhraseError) as caught:
        parse_phrase(text, Path("mine.txt"))
    return str(caught.value)


def test_enough_phrases_ship() -> None:
    assert len(NAMES) - len(IN_PARTS) >= 8
    assert len(IN_PARTS) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_phrase_is_named_dated_in_range_and_whole_bars(name: str) -> None:
    phrase = describe_phrase(name)
    assert phrase.title and phrase.source and phrase.year
    assert phrase.meter is not None
    for note in phrase.notes:
        low, high = FULL_RANGES[note.voice]
        assert low <= note.pitch <= high
        assert note.duration is not None and note.duration > 0
    for voice in range(4):
        line = [note for note in phrase.notes if note.voice == voice]
        for one, two in pairwise(line):
            assert one.duration is not None
            assert one.onset + one.duration <= two.onset
    first = min(note.onset for note in phrase.notes)
    assert first < phrase.meter.bar, "no empty bar before it"
    end = max(note.onset + (note.duration or 0) for note in phrase.notes)
    assert 2 * phrase.meter.bar <= end <= 6 * phrase.meter.bar


@pytest.mark.parametrize("name", IN_PARTS)
def test_our_own_part_writing_is_clean(name: str) -> None:
    """No crossing, no wide gaps, no parallel fifths or octaves."""
    notes = load_phrase(name).notes
    onsets = sorted({note.onset for note in notes})
    chords = [
        [
            next(
                note.pitch
                for note in notes
                if note.voice == voice and note.onset <= onset < note.onset + (note.duration or 0)
            )
            for voice in range(4)
        ]
        for onset in onsets
    ]
    for chord in chords:
        assert chord == sorted(chord, reverse=True)
        assert chord[0] - chord[1] <= 12 and chord[1] - chord[2] <= 12 and chord[2] - chord[3] <= 24
    for before, after in pairwise(chords):
        for upper, lower in combinations(range(4), 2):
            moves = before[upper] != after[upper] and before[lower] != after[lower]
            intervals = {(chord[upper] - chord[lower]) % 12 for chord in (before, after)}
            assert not (moves and intervals in ({0}, {7})), (name, before, after)


def test_melodies_that_everybody_knows() -> None:
    """Checked against the tunes themselves, written as scale degrees in the phrase's key."""
    major = (0, 2, 4, 5, 7, 9, 11)

    def degrees(name: str, tonic: int) -> list[int]:
        return [major.index((note.pitch - tonic) % 12) + 1 for note in load_phrase(name).notes]

    assert degrees("ode-to-joy", 2) == [3, 3, 4, 5, 5, 4, 3, 2, 1, 1, 2, 3, 3, 2, 2]
    old_hundredth = [1, 1, 7, 6, 5, 1, 2, 3, 3, 3, 3, 2, 1, 4, 3, 2]
    assert degrees("old-hundredth", 7) == old_hundredth
    assert degrees("ah-vous-dirai-je", 0) == [1, 1, 5, 5, 6, 6, 5, 4, 4, 3, 3, 2, 2, 1]
    assert degrees("frere-jacques", 7) == [1, 2, 3, 1, 1, 2, 3, 1, 3, 4, 5, 3, 4, 5]


def test_columns_holds_rests_and_strikes() -> None:
    text = """
        60 0 48  36   # four columns
        60 0 48! 0
        60! 0 48 36

        62 0 0 36
    """
    assert notes_of(text) == [
        (0, 60, 0.0, 0.5),
        (2, 48, 0.0, 0.25),
        (3, 36, 0.0, 0.25),
        (2, 48, 0.25, 0.5),
        (0, 60, 0.5, 0.25),
        (3, 36, 0.5, 0.5),
        (0, 62, 0.75, 0.25),
    ]


def test_a_column_of_zeros_is_left_to_the_model() -> None:
    assert {voice for voice, *_ in notes_of("0 65 0 0\n0 65 0 0")} == {1}


def test_marks_are_read_and_other_comments_are_not() -> None:
    phrase = parse_phrase(
        "# title: A tune: in D\n#meter: 3/4\n# sourcery: none\n# by hand\n60 0 0 0", Path("a/b.txt")
    )
    assert (phrase.name, phrase.title, phrase.meter) == ("b", "A tune: in D", Meter(3, 4))
    assert (phrase.source, phrase.year) == ("", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("there is no note in it",)),
        ("# only a comment", ("there is no note in it",)),
        ("0 0 0 0", ("there is no note in it",)),
        ("60 0 0", ("line 1", "3 columns", "four")),
        ("60 0 0 0\n60 0 0 0 0", ("line 2", "5 columns")),
        ("60 0 0 x", ("line 1", "'x' is not a pitch")),
        ("60 0 0 -1", ("line 1", "'-1' is not a pitch")),
        ("60 0 0 3.5", ("line 1", "'3.5' is not a pitch")),
        ("20 0 0 0", ("line 1", "pitch 20 is out of range", "21…108", "The nearest is 21.")),
        ("60 0 0 0\n\n109 0 0 0", ("line 3", "pitch 109", "The nearest is 108.")),
        ("# meter: 4\n60 0 0 0", ("'4' is not a meter",)),
        ("60 0 0 0\n" * 4097, ("4097 sixteenths are too many",)),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, expected: tuple[str, ...]) -> None:
    told = sentence(text)
    assert told.startswith("mine.txt")
    for part in expected:
        assert part in told


def test_a_phrase_of_the_players_own_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    own = tmp_path / "ripieno" / "phrases"
    own.mkdir(parents=True)
    (own / "tune.txt").write_text("60 0 0 0", encoding="utf-8")
    assert load_phrase("tune").notes == (Note(0, 60, 80, Beats(0), Beats(0.25)),)
    assert phrase_names() == tuple(sorted((*NAMES, "tune")))


def test_a_midi_file_is_a_phrase(tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    track = mido.MidiTrack(
        [
            mido.MetaMessage("time_signature", numerator=3, denominator=4, time=0),
            mido.Message("note_on", note=67, velocity=90, time=0),
            mido.Message("note_off", note=67, time=480),
            mido.Message("note_on", note=69, velocity=70, time=240),
            mido.Message("note_off", note=69, time=240),
        ]
    )
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(str(path))
    phrase = describe_phrase(str(path))
    assert phrase.meter == Meter(3, 4)
    assert phrase.seed.name == "tune"
    assert [(n.pitch, n.velocity, n.onset, n.duration) for n in phrase.notes] == [
        (67, 90, 0.0, 1.0),
        (69, 70, 1.5, 0.5),
    ]


@pytest.mark.parametrize("pitch", [20, 109])
def test_a_midi_file_out_of_range_is_refused(tmp_path: Path, pitch: int) -> None:
    path = tmp_path / "deep.mid"
    track = mido.MidiTrack(
        [
            mido.Message("note_on", note=pitch, velocity=90, time=0),
            mido.Message("note_off", note=pitch, time=480),
        ]
    )
    mido.MidiFile(tracks=[track]).save(str(path))
    with pytest.raises(PhraseError, match=f"pitch {pitch} is out of range"):
        load_phrase(str(path))


def test_files_that_are_no_phrases(tmp_path: Path) -> None:
    fake = tmp_path / "fake.mid"
    fake.write_bytes(b"MThd, or so it says")
    with pytest.raises(PhraseError, match=r"fake\.mid"):
        load_phrase(str(fake))
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(PhraseError, match="not a text file"):
        load_phrase(str(binary))
    with pytest.raises(PhraseError, match="no such file"):
        load_phrase(str(tmp_path / "absent.txt"))
    with pytest.raises(PhraseError, match="Did you mean 'ode-to-joy'"):
        load_phrase("ode-to-yoy")
