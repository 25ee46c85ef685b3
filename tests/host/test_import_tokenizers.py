"""MidiTok's saved tokenizers, read without MidiTok: the same ids, the same notes and words."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import miditok
import pytest
from ripieno.errors import BundleError
from ripieno.grammar.tokens.reading import Reader
from ripieno.grammar.tokens.states import Bounds, Told
from ripieno.grammar.tokens.vocabulary import Scheme, Vocabulary, Words
from ripieno.grammar.tokens.writing import Writer
from ripieno.library.importing_tokenizer import SCHEMES, Tokenizer, read_tokenizer
from ripieno.library.importing_vocabulary import base_tokens, effective
from symusic import Note, Score, TimeSignature, Track

from tests.engine.miditok_schemes import Kit, tunes
from tests.engine.test_tokens_reading import as_miditok, wander

SEQUENCES, MERGES = 1000, 150
SPLITS = ("no", "bar", "beat")
FLAGS = (
    *("use_velocities", "use_chords", "use_rests", "use_tempos", "use_time_signatures"),
    *("use_key_signatures", "use_sustain_pedals", "use_pitch_bends", "use_control_changes"),
    *("use_pitch_intervals", "use_programs", "use_pitchdrum_tokens", "program_changes"),
    *("one_token_stream_for_programs", "chord_tokens_with_root_note", "log_tempos"),
    *("sustain_pedal_duration", "ac_polyphony_track", "ac_polyphony_bar", "ac_pitch_class_bar"),
    *("ac_note_density_track", "ac_note_density_bar", "ac_note_duration_bar"),
    *("ac_note_duration_track", "ac_repetition_track"),
)


def saved(tokenizer: Any, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    tokenizer.save(path)
    return path


@cache
def trained(name: str, split: str) -> Any:
    """MidiTok's own settings, as they come, and merges; the shorter split makes fewer of them."""
    config = miditok.TokenizerConfig(
        encode_ids_split=split,
        use_time_signatures=name == "REMI",
        num_velocities=4,
        programs=[0],
    )
    tokenizer = getattr(miditok, name)(config)
    with tempfile.TemporaryDirectory() as folder:
        paths = tunes(Path(folder))
        tokenizer.train(vocab_size=len(tokenizer.vocab) + MERGES, files_paths=paths)
    return tokenizer


def read(tokenizer: Any, folder: Path, more: int = 0) -> Tokenizer:
    return read_tokenizer(saved(tokenizer, folder), tokenizer.vocab_size + more)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", SCHEMES)
def test_miditok_reads_the_same_notes(name: str, split: str, tmp_path: Path) -> None:
    """1,000 random legal sequences of ids for each tokenisation and each way of merging."""
    tokenizer = trained(name, split)
    found = read(tokenizer, tmp_path).vocabulary
    assert len(found.merges) > MERGES // 2
    assert found.words is (Words.NONE if split == "no" else Words(split))
    made, reader, chance = Kit(tokenizer, found), Reader(found), Random(7)
    told = marks = 0
    for _ in range(SEQUENCES):
        ids, notes = wander(reader, chance, Bounds(reader.pitches))
        told += len(notes)
        marks += sum(found.tokens[number][0][0] == "Word" for number in ids)
        assert as_miditok(made, notes) == made.notes(ids), [found.tokens[i] for i in ids]
    assert told > SEQUENCES // 2
    assert (marks > 0) == (split != "no")


@pytest.mark.parametrize("name", SCHEMES)
def test_and_without_merges(name: str, tmp_path: Path) -> None:
    tokenizer = getattr(miditok, name)(miditok.TokenizerConfig(num_velocities=4, programs=[0]))
    found = read(tokenizer, tmp_path).vocabulary
    made, reader, chance = Kit(tokenizer, found), Reader(found), Random(8)
    told = 0
    for _ in range(SEQUENCES):
        ids, notes = wander(reader, chance, Bounds(reader.pitches))
        told += len(notes)
        assert as_miditok(made, notes) == made.notes(ids), [found.tokens[i] for i in ids]
    assert told > SEQUENCES // 2


def melody(chance: Random, unit: int) -> list[Told]:
    """Notes and rests, some longer than a bar."""
    notes: list[Told] = []
    at = chance.choice((0, 0, 1, 5))
    for _ in range(12):
        length = chance.choice((1, 2, 4, 6))
        told = Told(at * unit, (at + length) * unit, chance.randint(48, 84), 95, 0)
        notes.append(told)
        at += length + chance.choice((0, 0, 0, 2, 9, 21))
    return notes


def until_the_end(found: Vocabulary, line: list[int]) -> list[str]:
    """Without the end of the last note, where MidiTok begins no word: no bar follows it."""
    told = ["_".join(base) for number in line for base in found.tokens[number]]
    while told[-1].startswith(("NoteOff", "Word", "TimeShift")):
        told.pop()
    return told


@pytest.mark.parametrize("split", SPLITS[1:])
@pytest.mark.parametrize("name", SCHEMES)
def test_words_are_marked_where_miditok_marks_them(name: str, split: str, tmp_path: Path) -> None:
    tokenizer = trained(name, split)
    found = read(tokenizer, tmp_path).vocabulary
    writer, unit = Writer(Reader(found)), found.quarter // 4
    for seed in range(40):
        notes = melody(Random(seed), unit)
        written = writer.write(notes, 0, 1 << 20, (4, 4))
        ours = [base for chunk in written.chunks for base in chunk]
        score = Score(found.quarter)
        score.time_signatures.append(TimeSignature(0, 4, 4))
        track = Track("tune", 0, False)
        for note in notes:
            assert note.end is not None
            track.notes.append(Note(note.onset, note.end - note.onset, note.pitch, 95))
        score.tracks.append(track)
        theirs = [b for number in tokenizer.encode(score)[0].ids for b in found.bases[number]]
        assert until_the_end(found, ours) == until_the_end(found, theirs)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", SCHEMES)
def test_what_was_written_is_read_as_it_was_written(name: str, split: str, tmp_path: Path) -> None:
    """The reader lets the writer's own tokens through, marks and all, and tells the same notes."""
    found = read(trained(name, split), tmp_path).vocabulary
    reader = Reader(found)
    for seed in range(40):
        notes = melody(Random(seed), found.quarter // 4)
        written = Writer(reader).write(notes, 0, 1 << 20, (4, 4))
        state, told = reader.start(), list[Told]()
        for number in (n for chunk in written.chunks for n in chunk):
            after = reader.advance(state, found.spelled[number][0], Bounds(reader.pitches))
            assert after is not None, found.tokens[number]
            state = after
            told += [state.told] if state.told and state.told.end is not None else []
        assert sorted(told, key=lambda n: n.onset) == notes


def some_config(chance: Random) -> dict[str, Any]:
    told: dict[str, Any] = {flag: chance.random() < 0.5 for flag in FLAGS}
    told["num_velocities"] = chance.choice([1, 4, 32])
    told["pitch_range"] = chance.choice([(21, 109), (0, 127)])
    told["beat_res"] = chance.choice([{(0, 4): 8, (4, 12): 4}, {(0, 1): 12, (1, 2): 4}])
    told["beat_res_rest"] = chance.choice([{(0, 1): 4, (2, 12): 2}, {(0, 2): 2}])
    told["chord_unknown"] = chance.choice([None, (3, 6)])
    told["programs"] = chance.choice([[0], [*range(-1, 128)], [0, -1, 30]])
    told["special_tokens"] = chance.choice([["PAD", "BOS"], ["A_b_c"]])
    told["use_note_duration_programs"] = chance.choice([[*range(-1, 128)], [0, 1], []])
    told["time_signature_range"] = chance.choice([{8: [3, 6], 4: [5, 4]}, {2: [2], 4: (2, 4)}])
    return told


@pytest.mark.parametrize("name", SCHEMES)
def test_ids_follow_from_any_configuration(name: str, tmp_path: Path) -> None:
    compared = 0
    for seed in range(40):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tokenizer = getattr(miditok, name)(miditok.TokenizerConfig(**some_config(Random(seed))))
        config = json.loads(saved(tokenizer, tmp_path).read_text())["config"]
        scheme = SCHEMES[name]
        ours = base_tokens(effective(config, scheme), scheme, (3, 1, 0))
        assert ours == sorted(tokenizer.vocab, key=lambda token: tokenizer.vocab[token])
        compared += 1
    assert compared == 40


def test_before_3_0_6_the_highest_pitch_was_not_counted(tmp_path: Path) -> None:
    path = saved(miditok.TSD(miditok.TokenizerConfig()), tmp_path)
    now = json.loads(path.read_text())
    lists = {
        version: base_tokens(effective(now["config"], Scheme.TSD), Scheme.TSD, version)
        for version in ((3, 0, 5), (3, 0, 6))
    }
    before, since = lists.values()
    assert [token for token in since if token not in before] == ["Pitch_109", "PitchDrum_88"]
    path.write_text(json.dumps(now | {"miditok_version": "3.0.5.post1"}))
    assert len(read_tokenizer(path, len(since)).vocabulary.tokens[0]) == 1
    assert ("Pitch", "109") not in read_tokenizer(path, len(since)).vocabulary.ids


# ---- what is refused, or left out


def broken(change: Callable[[dict[str, Any]], None], folder: Path, name: str = "REMI") -> str:
    """The sentence for a tokenizer's file in which something was changed."""
    path = saved(getattr(miditok, name)(miditok.TokenizerConfig()), folder)
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(BundleError) as error:
        read_tokenizer(path, 5000)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tokenization": "Octuple"}, "'Octuple', which is not played here"),
        ({"tokenization": 3}, "not a tokenizer that MidiTok has saved"),
        ({"config": []}, "not a tokenizer that MidiTok has saved"),
        ({"config": {}}, "configuration is not whole"),
        ({"_model": "{}"}, "configuration is not whole"),
        ({"_model": "no JSON"}, "configuration is not whole"),
        ({"_model": 7}, "configuration is not whole"),
    ],
)
def test_a_tokenizer_that_is_none(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    assert sentence in broken(lambda told: told.update(change), tmp_path)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"use_programs": True, "program_changes": True}, "programs where they change"),
        ({"additional_params": {"max_bar_embedding": 8}}, "numbers its bars"),
        ({"use_note_duration_programs": [5]}, "no durations of notes"),
        ({"beat_res": {"0_4": 3}}, "not sixteenths"),
        ({"beat_res": {"x": 3}}, "configuration is not whole"),
        ({"num_velocities": -7}, "configuration is not whole"),
    ],
)
def test_what_cannot_be_played_is_refused(
    config: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    assert sentence in broken(lambda told: told["config"].update(config), tmp_path)


def test_midi_like_with_programs_is_refused(tmp_path: Path) -> None:
    told = broken(lambda t: t["config"].update(use_programs=True), tmp_path, "MIDILike")
    assert "MIDI-like tokenizer with programs" in told


def test_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for text in ("", "[" * 100_000, '{"tokenization": "REMI"', "[1]", "\udcff"):
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(BundleError):
            read_tokenizer(path, 100)


def test_other_ways_of_merging_are_refused(tmp_path: Path) -> None:
    path = saved(trained("REMI", "no"), tmp_path)
    told = json.loads(path.read_text())
    model = json.loads(told["_model"])
    model["model"]["type"] = "Unigram"
    path.write_text(json.dumps(told | {"_model": json.dumps(model)}))
    with pytest.raises(BundleError, match="trained as 'Unigram'"):
        read_tokenizer(path, 5000)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    config = miditok.TokenizerConfig(use_chords=True, use_rests=True, use_tempos=True)
    told = read(miditok.REMI(config), tmp_path, more=7)
    assert told.remarks == (
        "It also tells names of chords, rests of their own, tempos: these are left out here.",
        "The model knows 7 tokens that the tokenizer has not: left out.",
    )
    reader = Reader(told.vocabulary)
    legal = {
        told.vocabulary.tokens[n][0][0]
        for n, _ in reader.onward(reader.start(), Bounds(reader.pitches))
    }
    assert legal == {"Bar"}


def test_a_model_that_knows_fewer_tokens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="It belongs to another model"):
        read(miditok.REMI(miditok.TokenizerConfig()), tmp_path, more=-1)
