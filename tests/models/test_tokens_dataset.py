"""Examples of tokens: what is told, what is asked, and that an epoch follows from its seed."""

from __future__ import annotations

import torch
from ripieno_models.families.folk_transformer import KIND as FOLK
from ripieno_models.families.folk_transformer import Options
from ripieno_models.families.song_transformer import KIND as SONG
from ripieno_models.tokens.dataset import (
    PREFIX,
    Crops,
    Written,
    collate,
    framed,
    transposed,
    whole,
    windows,
    written,
)

from tests.models.tunes import melody, song

SCHEME = FOLK.scheme()


def pieces(count: int) -> list[Written]:
    return [written(melody(seed), (melody(seed),), SCHEME) for seed in range(count)]


def test_start_and_key_are_told_and_all_else_is_asked() -> None:
    line = framed(SCHEME.encode(melody(1)), 2, SCHEME)
    batch = collate([line, line[:9]], SCHEME)
    assert [SCHEME.names[n] for n in line[:3]] == ["BOS_None", "Key_2", "Bar_None"]
    assert SCHEME.names[line[-1]] == "EOS_None"
    asked = (batch.targets >= 0).sum(1).tolist()
    assert asked == [len(line) - PREFIX, 9 - PREFIX]
    assert batch.targets[0, PREFIX - 1 :].tolist() == line[PREFIX:]
    assert batch.notes == len(melody(1).notes) + sum(SCHEME.ends_note[n] for n in line[:9])


def test_a_transposition_moves_pitches_and_key_and_nothing_else() -> None:
    base = SCHEME.encode(melody(4))
    key, moved = transposed(base, 2, 3, SCHEME)
    assert key == -1  # from D to F
    again = SCHEME.decode(moved)
    assert [n.pitch - 3 for n in again] == [n.pitch for n in melody(4).notes]
    assert [n.onset for n in again] == [n.onset for n in melody(4).notes]
    assert transposed(base, 2, 40, SCHEME) == (2, base)  # nothing leaves the vocabulary


def test_windows_begin_at_bar_lines_and_lose_nothing() -> None:
    line = framed(SCHEME.encode(melody(2)), 2, SCHEME)
    cut = windows(line, SCHEME, 40)
    assert len(cut) > 2
    assert all(len(window) <= 40 and window[:PREFIX] == line[:PREFIX] for window in cut)
    assert all(window[PREFIX] in SCHEME.bars for window in cut)
    assert [n for window in cut for n in window[PREFIX:]] == line[PREFIX:]


def test_whole_pieces_ask_for_each_note_once() -> None:
    told = pieces(6)
    batches = whole(told, SCHEME, 64, batch=4)
    assert sum(batch.notes for batch in batches) == sum(len(melody(s).notes) for s in range(6))


def test_of_a_given_melody_only_the_pianos_notes_are_asked() -> None:
    scheme = SONG.scheme()
    tune = song(5, (4, 4))
    line = framed(scheme.encode(tune), 2, scheme)
    batch = collate([line], scheme, machine=True)
    assert batch.notes == len(tune.of(1))
    asked = [scheme.names[n] for n in batch.targets[0].tolist() if n >= 0]
    assert "Program_0" not in asked
    assert asked.count("Program_1") == len(tune.of(1))


def test_forms_of_a_song_hide_how_long_the_melodys_notes_last() -> None:
    tune = song(6, (6, 8))
    full, live, alone = SONG.forms(tune)
    assert full == tune
    assert {note.duration for note in live.of(0)} == {2}  # a beat of 6/8
    assert live.of(1) == tune.of(1)
    assert alone.notes == tune.of(1)


def test_an_epoch_follows_from_seed_and_number() -> None:
    options = Options(seed=3, batch=4, steps_per_epoch=3, crop=48)
    one, other = (Crops(pieces(12), SCHEME, options) for _ in range(2))
    first = [batch.tokens for batch in one]
    assert all(torch.equal(a, b.tokens) for a, b in zip(first, other, strict=True))
    other.epoch = 1
    assert not all(torch.equal(a, b.tokens) for a, b in zip(first, other, strict=False))
    assert all(tokens.shape[1] <= 48 for tokens in first)


def test_the_key_is_hidden_as_often_as_was_asked() -> None:
    options = Options(batch=32, steps_per_epoch=8, hide_key=0.5)
    unknown = SCHEME.base["Key_unknown"]
    keys = torch.cat([batch.tokens[:, 1] for batch in Crops(pieces(12), SCHEME, options)])
    assert 90 < int((keys == unknown).sum()) < 166  # of 256
