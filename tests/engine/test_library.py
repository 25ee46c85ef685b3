"""The shelves for real: files in a folder of the player's, written, read and broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ripieno import knobs, resources
from ripieno.clock import Beats, Seconds
from ripieno.errors import PhraseError, PresetError
from ripieno.events import Note
from ripieno.library import phrases, presets, takes
from ripieno.library.shelves import Shelves
from ripieno.midi.midifile import write_score
from ripieno.preset.phrases import describe_phrase
from ripieno.preset.preset import load_preset, parse_preset
from ripieno.score import Part, PartNote, Score
from ripieno.settings import Mode, Settings
from ripieno.takes import ratings
from ripieno.takes.facts import Mark, Marked, NoteEnded, NoteStarted, Source
from ripieno.takes.header import Header
from ripieno.takes.take import Journal, read


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data" / "ripieno"


def note(pitch: int, onset: float, length: float, voice: int = 0) -> Note:
    return Note(voice, pitch, 80, Beats(onset), Beats(length))


CHORD = (note(67, 8.5, 0.5), note(64, 8.5, 1.0, 1), note(67, 9.0, 0.25), note(60, 10.25, 0.5, 3))


def test_every_built_in_phrase_is_named_dated_and_can_be_drawn() -> None:
    for item in phrases.phrases():
        assert item.title
        assert item.source
        assert item.year
        assert item.notes
        assert not item.own
        assert not item.problem


def test_what_is_recorded_is_read_back_note_by_note() -> None:
    item = phrases.record(3, CHORD, "3/4", "2026-11-21")
    assert item.own
    assert (item.name, item.title, item.year) == ("slot-3", "Slot 3", "2026-11-21")
    expected = [(n.voice, n.pitch, n.onset - 8.0, n.duration) for n in CHORD]
    found = [(n.voice, n.pitch, n.onset, n.duration) for n in item.notes]
    assert sorted(found) == sorted(expected)
    assert str(describe_phrase("slot-3").meter) == "3/4"
    with pytest.raises(PhraseError, match="nothing was played"):
        phrases.record(3, (), "4/4", "")


def test_a_midi_file_is_imported_and_deleted_and_what_ships_stays(tmp_path: Path) -> None:
    line = tuple(PartNote(Beats(at * 0.5), Beats(0.5), 60 + at, 90) for at in range(4))
    write_score(Score((Part("you", 0, None, line),), (), (), (), ()), tmp_path / "my tune.mid")
    item = phrases.take_in(tmp_path / "my tune.mid")
    assert (item.name, len(item.notes), item.own) == ("my tune", 4, True)
    phrases.remove(item.name)
    assert item.name not in resources.phrases()
    with pytest.raises(PhraseError, match="ships with Ripieno"):
        phrases.remove("ode-to-joy")


def test_saving_loses_no_comment_and_changes_only_what_differs(home: Path) -> None:
    before = load_preset("first-jam")
    settings = knobs.turn(before.settings, "temperature", 1.15)
    settings = knobs.choose(knobs.turn(settings, "soprano_highest", 79), "mode", "solo")
    settings = replace(settings, muted=frozenset({1}))
    path = presets.save("first-jam", "my-jam", settings, (48, 48, 48, 48), "My jam")
    assert path == home / "presets" / "my-jam.toml"
    old, new = resources.preset_path("first-jam").read_text(), path.read_text()
    comments = [line.partition("#")[2] for line in old.splitlines() if "#" in line]
    assert [c for c in comments if c not in new] == []
    after = load_preset("my-jam")
    assert after.settings == settings
    assert after.routing.programs == (48,) * 4
    assert after.title == "My jam"
    assert after.phrase == before.phrase
    again = presets.save("my-jam", "my-jam", settings, (48, 48, 48, 48))
    assert again.read_text() == new
    told = tuple(presets.differences(before, settings, (48,) * 4))
    assert "temperature 1 → 1.15" in told
    assert any(line.startswith("mode answer → solo") for line in told)


def test_scenes_are_the_preset_with_what_they_say_instead() -> None:
    text = """
[play]
mode = "answer"
bpm = 90
[sampling]
temperature = 0.8
[[scene]]
name = "with you"
play.mode = "accompany"
routing.programs = "choir"
ranges.bass = ["C2", "C4"]
[[scene]]
sampling.temperature = 1.2
"""
    preset = parse_preset(text, Path("mine.toml"))
    first, second = preset.scenes
    assert (first.name, second.name) == ("with you", "scene 2")
    assert first.settings.mode is Mode.ACCOMPANY
    assert first.settings.sampling.temperature == 0.8
    assert first.settings.rules.ranges[3] == (36, 60)
    assert first.routing.programs == (52,) * 4
    assert second.settings.mode is Mode.ANSWER
    assert second.settings.sampling.temperature == 1.2
    with pytest.raises(PresetError, match="no key 'mod'"):
        parse_preset('[[scene]]\nplay.mod = "solo"\n', Path("mine.toml"))
    with pytest.raises(PresetError, match="table of its own"):
        parse_preset("scene = 3\n", Path("mine.toml"))


def test_the_set_list_is_a_file_of_names(home: Path) -> None:
    assert presets.set_list() == tuple(resources.presets())
    home.mkdir(parents=True)
    (home / presets.SET_LIST).write_text("# tonight\nchorale-solo\n\nfirst-jam\n")
    assert [recall.name for recall in presets.recalls()] == ["chorale-solo", "first-jam"]


def _take(folder: Path, name: str = "evening", *, opinions: bool = True) -> Path:
    """Two bars of the player, two of the model, a like after them, then a dislike."""
    header = Header(
        model="tiny", precision="fp32", preset="first-jam", phrase="", settings=Settings(),
        channels=(0, 1, 2, 3), programs=(19,) * 4, thru_channel=4, thru_program=19,
        started=Seconds(0.0),
    )  # fmt: skip
    path = folder / f"{name}.take"
    journal = Journal(path, header)
    for beat in range(16):
        source = Source.PLAYER if beat < 8 else Source.MODEL
        voice = None if beat < 8 else 0
        channel = 4 if beat < 8 else 0
        at, end = Seconds(beat / 2), Seconds(beat / 2 + 0.4)
        if beat == 8:
            journal.record(Marked(Mark.ANSWER_BEGINS, "", Beats(8.0), at))
        journal.record(
            NoteStarted(source, voice, channel, 60 + beat, 80, Beats(float(beat)), None, at)
        )
        journal.record(NoteEnded(source, voice, channel, 60 + beat, Beats(beat + 0.8), end))
    journal.record(Marked(Mark.ANSWER_ENDS, "", Beats(16.0), Seconds(8.0)))
    for mark in (Mark.LIKED, Mark.DISLIKED) if opinions else ():
        journal.record(Marked(mark, "", Beats(16.5), Seconds(8.25)))
    journal.close()
    return path


def test_takes_are_listed_heard_renamed_exported_deleted_and_restored(tmp_path: Path) -> None:
    _take(tmp_path)
    (tmp_path / "broken.take").write_text("no take\n")
    shelves = Shelves(tmp_path)
    found = {item.name: item for item in shelves.takes()}
    assert "not a take" in found["broken"].problem
    assert (found["evening"].model, found["evening"].rated, found["evening"].rating) == (
        "tiny",
        2,
        0,
    )
    heard = shelves.audition_take("evening")
    assert [n.pitch for n in heard.notes] == list(range(60, 76))
    assert shelves.export_take("evening") == str(tmp_path / "evening.mid")
    shelves.rename_take("evening", "best of all")
    assert (tmp_path / "best of all.mid").exists()
    with pytest.raises(PhraseError, match="already"):
        shelves.rename_take("broken", "best of all")
    with pytest.raises(PhraseError, match="no name"):
        shelves.rename_take("broken", "../up")
    shelves.delete_take("best of all")
    assert [item.name for item in shelves.takes()] == ["broken"]
    assert shelves.restore_take() == "best of all"
    assert (tmp_path / "best of all.mid").exists()
    assert len(shelves.takes()) == 2
    shelves.delete_take("broken")
    shelves.delete_take("best of all")
    assert [shelves.restore_take(), shelves.restore_take()] == ["best of all", "broken"]
    with pytest.raises(PhraseError, match="no take is waiting"):
        shelves.restore_take()


def test_a_take_that_is_over_is_rated_as_a_whole(tmp_path: Path) -> None:
    path = _take(tmp_path)
    takes.keep_ratings(path)
    shelves = Shelves(tmp_path)
    assert [shelves.rate_take("evening", 1) for _ in range(2)] == [1, 1]
    (item,) = shelves.takes()
    assert (item.rated, item.opinion) == (2, 1)
    lines = [json.loads(line) for line in (tmp_path / ratings.FILE).read_text().splitlines()]
    assert [(line["of"], line["liking"]) for line in lines] == [
        ("answer", 1),
        ("answer", -1),
        ("take", 1),
    ]
    assert [row[1] for row in lines[-1]["phrase"]] == list(range(60, 68))
    assert [row[1] for row in lines[-1]["answer"]] == list(range(68, 76))
    takes.keep_ratings(path)
    assert shelves.takes()[0].opinion == 1, "the journal's own opinions do not wipe it out"
    assert [shelves.rate_take("evening", -1) for _ in range(2)] == [0, -1]
    with pytest.raises(PhraseError):
        shelves.rate_take("nothing", 1)


def test_opinions_go_with_their_take(tmp_path: Path) -> None:
    takes.keep_ratings(_take(tmp_path))
    shelves = Shelves(tmp_path)
    shelves.rate_take("evening", 1)

    def told() -> list[str]:
        lines = (tmp_path / ratings.FILE).read_text().splitlines()
        return [json.loads(line)["take"] for line in lines]

    shelves.rename_take("evening", "night")
    assert told() == ["night"] * 3
    shelves.delete_take("night")
    assert told() == []
    shelves.restore_take()
    assert told() == ["night"] * 3
    assert shelves.takes()[0].opinion == 1


def test_opinions_are_kept_with_the_phrase_and_the_answer(tmp_path: Path) -> None:
    path = _take(tmp_path)
    assert takes.keep_ratings(path) == 2
    assert takes.keep_ratings(path) == 2, "again, in their own place"
    lines = [json.loads(line) for line in (tmp_path / ratings.FILE).read_text().splitlines()]
    assert [line["liking"] for line in lines] == [1, -1]
    assert lines[0]["take"] == "evening"
    assert lines[0]["model"] == "tiny"
    assert [row[1] for row in lines[0]["phrase"]] == list(range(60, 68))
    assert [row[:2] for row in lines[0]["answer"]] == [[0, 60 + beat] for beat in range(8, 16)]
    assert lines[0]["answer"][0][3:] == [8.0, pytest.approx(0.8)]
    assert lines[0]["settings"]["mode"] == "answer"
    quiet = _take(tmp_path, "quiet", opinions=False)
    assert takes.keep_ratings(quiet) == 0
    assert len((tmp_path / ratings.FILE).read_text().splitlines()) == 2
    assert list(ratings.ratings(read(quiet))) == []


def test_models_have_a_size_a_card_and_a_speed_once_measured() -> None:
    shelves = Shelves(Path("."))
    first = {item.name: item for item in shelves.models()}["chorale-lstm"]
    assert first.megabytes > 0.5
    assert first.step_ms is None
    assert "chorale" in first.card.lower()
    measured = shelves.measure_model("chorale-lstm")
    assert measured.step_ms is not None
    assert 0 < measured.step_ms < 1000
    assert {i.name: i for i in shelves.models()}["chorale-lstm"].step_ms == measured.step_ms


def test_the_welcome_is_remembered(home: Path) -> None:
    shelves = Shelves(Path("."))
    assert not shelves.welcomed()
    shelves.remember_welcome()
    assert shelves.welcomed()
