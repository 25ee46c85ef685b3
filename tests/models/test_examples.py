"""What a training example shows: hymns early, counted places, held repetitions, blank cells."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ripieno.errors import RipienoError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, UNKNOWN_CADENCE, UNKNOWN_KEY
from ripieno_models import corpora, runs
from ripieno_models.corpora import openhymnal
from ripieno_models.dataset import CADENCE, KEY, METER, PLACE, Crops, hidden
from ripieno_models.families.blanking import Blank, Table
from ripieno_models.families.registry import family
from ripieno_models.piece import Split

from tests.models.material import few, small, small_corpus

RECORD = {
    "id": "oh1",
    "fifths": 1,
    "ts": [[0, 3, 4]],
    "bars": [4, 16],
    "pitch": [[67, 62, 59, 55]] * 28,
    "onset": [[1, 1, 1, 1]] + [[0, 0, 0, 0]] * 27,
    "fermata": [0] * 28,
}
needs_hymns = pytest.mark.skipif(
    not (corpora.SHARED_DATA / openhymnal.FILE).exists(),
    reason="the hymns do not lie beside this checkout",
)


def test_a_hymn_knows_its_bars() -> None:
    hymn = openhymnal.piece_of(RECORD)
    assert hymn.place[:6].tolist() == [8, 9, 10, 11, 0, 1]
    assert hymn.place[16] == 0
    assert set(hymn.bar_steps.tolist()) == {12}
    assert (hymn.tokens[1:] == HOLD).all()


def test_a_broken_hymnal_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hymns.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        lines.write(json.dumps(RECORD) + "\n{}\n")
    with pytest.raises(RipienoError, match="line 2 is broken"):
        list(openhymnal.pieces(path))
    with pytest.raises(RipienoError, match="there is no such file"):
        list(openhymnal.pieces(tmp_path / "none"))


@needs_hymns
def test_the_hymnal_can_be_read() -> None:
    hymns = corpora.hymns()
    assert len(hymns) == 254
    assert all(hymn.split is Split.TRAIN for hymn in hymns)


def test_hymns_are_drawn_early_and_not_late() -> None:
    hymn = openhymnal.piece_of(RECORD)
    options = small(hymns=0.5, steps=100)
    crops = Crops(few(Split.TRAIN, 2), options, 0, [hymn])
    shares = [crops.shares(step) for step in (0, 25, 50, 99)]
    assert [float(share[-1]) for share in shares] == pytest.approx([0.5, 0.25, 0, 0])
    assert [float(share.sum()) for share in shares] == pytest.approx([1] * 4)
    plain = Crops(few(Split.TRAIN, 2), options, 0)
    assert plain.shares(0).sum() == pytest.approx(1)


def test_a_hymn_without_fermatas_does_not_say_that_no_phrase_ends() -> None:
    hymn = openhymnal.piece_of(RECORD)
    options = small(hide_all=0.0, hide_cadence=0.0, crop=16)
    crops = Crops(few(Split.TRAIN, 1), options, 0, [hymn])
    random = np.random.default_rng(1)
    assert (crops.example(1, 4, random).settings[:, CADENCE] == UNKNOWN_CADENCE).all()
    assert (crops.example(0, 4, random).settings[:, CADENCE] != UNKNOWN_CADENCE).all()


def test_a_counted_place_goes_on_through_the_piece() -> None:
    settings = few(Split.TRAIN, 1)[0].settings()[20:40]
    options = small(hide_all=1.0, count_place=1.0)
    shown = hidden(settings, options, np.random.default_rng(1), begin=20)
    assert shown[:, PLACE].tolist() == [step % 16 for step in range(20, 40)]
    assert (shown[:, METER] == 0).all()
    assert (shown[:, KEY] == UNKNOWN_KEY).all()


def test_repeated_pitches_are_held_only_where_nothing_is_told() -> None:
    pieces = few(Split.TRAIN, 1)
    sounding = pieces[0].sounding()
    again = (sounding[1:] == sounding[:-1]) & (pieces[0].tokens[1:] >= FIRST_PITCH)
    assert again.any(), "the piece repeats pitches"
    crop = len(pieces[0])
    for share, held in ((1.0, True), (0.0, False)):
        crops = Crops(pieces, small(hide_all=share, hide_onsets=1.0, crop=crop), 0)
        tokens = crops.example(0, 4, np.random.default_rng(1)).tokens
        assert (tokens[1:][again] == HOLD).all() == held


def test_blank_cells_are_as_many_as_asked_and_the_mean_stays() -> None:
    torch.manual_seed(1)
    blank = Blank(0.3)
    seen = blank.train()(torch.ones(1003, 77))
    assert float((seen == 0).float().mean()) == pytest.approx(77 / 256, abs=0.01)
    assert float(seen.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(blank.eval()(seen), seen)
    assert torch.equal(Blank(0.0).train()(seen), seen)


def test_whole_features_are_blank_and_one_never_is() -> None:
    torch.manual_seed(1)
    table = Table([3, 5], embedding=4, share=0.5, always=1).train()
    seen = table(torch.tensor([[2, 4]]).expand(400, 2)).view(400, 2, 4)
    blank = (seen == 0).all(-1)
    assert 0.4 < float(blank[:, 0].float().mean()) < 0.6
    assert not blank[:, 1].any()
    whole = table.eval()(torch.tensor([[2, 4]])).view(2, 4)
    assert torch.equal(whole[1], table.weight[3 + 4])


def test_a_run_can_begin_with_anothers_weights(tmp_path: Path) -> None:
    kind, options = family("chorale-lstm"), small(steps=8)
    runs.fit(kind, options, small_corpus(), tmp_path / "one", progress=False)
    slow = small(steps=8, learning_rate=1e-7)
    runs.fit(kind, slow, small_corpus(), tmp_path / "two", progress=False, start=tmp_path / "one")
    one, two = (runs.load(tmp_path / name)[0] for name in ("one", "two"))
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.allclose(first, second, atol=1e-4)
    assert f"--start {tmp_path / 'one'}" in runs.read(tmp_path / "two", runs.RECORD)["command"]
