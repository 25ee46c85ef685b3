"""Your own style: weights come back from bundles, takes weigh by their ratings, and what is tuned
plays."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ripieno.errors import BundleError, RipienoError
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models import cli, tune
from ripieno_models.corpora.midi_archive import write_midi
from ripieno_models.families import folk_transformer
from ripieno_models.onnx_decoder import OnnxDecoder
from ripieno_models.onnx_framed import OnnxFramed
from ripieno_models.onnx_step import OnnxStep
from ripieno_models.piece import Split
from ripieno_models.tune_bundle import REFERENCE, Shipped, error_of, opened
from ripieno_models.tune_heard import LIKED, folder_of
from ripieno_models.tune_learning import ADAPTERS, FULL, Effort, adapted, plain
from ripieno_models.tune_material import SECTION, Material, pieces_of, tunes_of

from tests.models.lines import BEAT, four_lines, midi
from tests.models.tunes import melody

ZOO = Path(__file__).parents[2] / "models" / "zoo"
TAKES = Path(__file__).parents[1] / "takes"
SHIPPED = ("chorale-lstm", "chorale-transformer", "folk-transformer", "song-transformer")
HEARD = 64
"""Rows of the reference of a bundle."""


def played(shipped: Shipped, precision: str, asked: Any) -> Any:
    """What the bundle's own graphs say."""
    manifest = shipped.manifest

    def graph(role: str) -> Path:
        return manifest.folder / manifest.graph(precision, role).file

    if shipped.scheme is not None:
        return OnnxDecoder(graph("step"), manifest.context).replay(asked)
    if manifest.hidden is not None:
        return OnnxFramed(graph("frame"), graph("voice")).replay(asked)
    return OnnxStep(graph("step")).replay(asked)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_bundle_read_back_says_what_its_graphs_say(name: str) -> None:
    shipped = opened(ZOO / name)
    with np.load(ZOO / name / REFERENCE) as reference:
        asked = reference["tokens" if shipped.scheme else "features"].astype(np.int64)
    with torch.inference_mode():
        told = shipped.model(torch.from_numpy(asked)[None])[0][0].numpy()
    assert len(told) == HEARD
    for graph in shipped.manifest.graphs:
        heard = played(shipped, graph.precision, asked)
        error = np.abs(heard - told).max() / np.ptp(told)
        # fp32 is the same; in 8 bits what goes into a product is rounded too.
        assert error < (1e-5 if graph.precision == "fp32" else 0.06), graph.precision
        agreed = (heard.argmax(1) == told.argmax(1)).mean()
        assert agreed > 0.9


def test_weights_to_go_on_from_lie_in_the_same_cells() -> None:
    middle, anywhere = (
        opened(ZOO / "folk-transformer", random).model.state_dict()
        for random in (None, np.random.default_rng(1))
    )
    moved = {
        name: float((middle[name] - anywhere[name]).abs().max() / middle[name].abs().max())
        for name in middle
    }
    assert all(share < 1 / 200 for share in moved.values())
    assert moved["layers.0.qkv.weight"] > 0
    assert moved["norm.weight"] == 0


def copied(folder: Path, name: str, change: Any) -> Path:
    """A bundle whose reference tells other logits."""
    place = folder / name
    shutil.copytree(ZOO / name, place)
    with np.load(place / REFERENCE) as reference:
        arrays = dict(reference)
    arrays["logits"] = change(arrays["logits"])
    before = sha256((place / REFERENCE).read_bytes()).hexdigest()
    np.savez_compressed(place / REFERENCE, **arrays)
    after = sha256((place / REFERENCE).read_bytes()).hexdigest()
    manifest = place / "manifest.toml"
    manifest.write_text(manifest.read_text().replace(before, after))
    return place


def test_a_bundle_whose_weights_say_something_else_is_refused(tmp_path: Path) -> None:
    place = copied(tmp_path, "chorale-lstm", lambda logits: -logits)
    with pytest.raises(BundleError, match="say something else than its reference"):
        opened(place)


def test_adapters_begin_as_nothing_and_are_merged_away() -> None:
    shipped = opened(ZOO / "chorale-lstm")
    path = ZOO / "chorale-lstm" / REFERENCE
    names = set(shipped.model.state_dict())
    model = adapted(shipped.model, 4)
    free = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert free
    assert all("lora" in name for name in free)
    assert not any("lstm" in name for name in free)
    merged = plain(model, ADAPTERS)
    assert set(merged.state_dict()) == names
    assert error_of(shipped, path) < 1e-5


def write_tunes(folder: Path, count: int = 10) -> None:
    """Tunes as a player has them: MIDI files."""
    folder.mkdir(parents=True)
    for seed in range(count):
        write_midi(melody(seed, (4, 4)), folder / f"walk {seed}.mid", (0, 0))


def told(music: Material[Any]) -> tuple[int, int, int]:
    return len(music.train), len(music.valid), len(music.test)


def test_a_players_files_are_shared_out_and_bad_ones_skipped(tmp_path: Path) -> None:
    write_tunes(tmp_path / "more")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    midi(tmp_path / "drums.mid", [[(36, BEAT)] * 8], channel=9)
    music = tunes_of(tmp_path, folk_transformer.KIND)
    assert told(music) == (6, 2, 2)
    names = [{tune.name for tune in part} for part in (music.train, music.valid, music.test)]
    assert len(set.union(*names)) == 10
    assert all(tune.split is Split.TEST for tune in music.test)
    assert [sentence.partition(": ")[0] for sentence in music.skipped] == [
        str(tmp_path / "broken.mid"),
        str(tmp_path / "drums.mid"),
    ]
    first = next(tune for tune in (*music.train, *music.valid, *music.test) if "3" in tune.name)
    real = melody(3, (4, 4))
    assert [(n.onset, n.pitch, n.duration) for n in first.notes] == [
        (n.onset, n.pitch, n.duration) for n in real.notes
    ]


def test_few_pieces_are_cut_into_sections(tmp_path: Path) -> None:
    midi(tmp_path / "long.mid", four_lines(chords=5 * SECTION * 4))
    music = pieces_of(tmp_path)
    assert told(music) == (3, 1, 1)
    assert {len(piece) for piece in (*music.train, *music.valid, *music.test)} == {SECTION * 16}


def test_too_little_is_refused_with_a_sentence(tmp_path: Path) -> None:
    midi(tmp_path / "short.mid", four_lines(chords=16))
    with pytest.raises(RipienoError, match=r"too little to learn from.*at least 4 pieces, or 64"):
        pieces_of(tmp_path)
    with pytest.raises(RipienoError, match="no such folder"):
        pieces_of(tmp_path / "nowhere")


def rating(take: str, liking: int, pitch: int) -> str:
    """A line as the engine writes them; the answer is in four voices."""
    phrase = [[None, pitch, 80, float(beat), 1.0] for beat in range(8)]
    chord = (pitch, pitch - 5, pitch - 12, pitch - 24)
    answer = [[v, chord[v], 80, 8.0 + beat, 1.0] for beat in range(8) for v in range(4)]
    line = {"take": take, "liking": liking, "phrase": phrase, "answer": answer, "settings": {}}
    return json.dumps(line)


def test_takes_weigh_by_their_ratings(tmp_path: Path) -> None:
    for name in ("unrated", "liked", "disliked"):
        shutil.copy(TAKES / "answer.take", tmp_path / f"{name}.take")
    lines = [rating("liked", 1, 72), rating("disliked", -1, 70), rating("disliked", 1, 67)]
    (tmp_path / "ratings.jsonl").write_text("".join(f"{line}\n" for line in lines))
    skipped: list[str] = []
    found = [(heard.name, heard.group, heard.weight) for heard in folder_of(tmp_path, skipped)]
    assert skipped == []
    assert sorted(found) == [
        ("disliked, rated 3", "disliked", LIKED),
        ("liked", "liked", 1),
        ("liked, rated 1", "liked", LIKED),
        ("unrated", "unrated", 1),
    ]


def test_liked_answers_are_learned_more_often_and_stay_with_their_take(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four", "five"):
        shutil.copy(TAKES / "answer.take", tmp_path / f"{name}.take")
    names = ("one", "two", "three", "four", "five")
    (tmp_path / "ratings.jsonl").write_text("".join(f"{rating(n, 1, 72)}\n" for n in names))
    music = pieces_of(tmp_path)
    assert told(music) == (3 * (1 + LIKED), 2, 2)
    takes = [{p.name.partition(",")[0] for p in part} for part in (music.train, music.test)]
    assert takes[0].isdisjoint(takes[1])
    answer = next(piece for piece in music.train if "rated" in piece.name)
    assert len(answer) == 64
    sounding = (answer.sounding() > 1).sum(0)
    assert sounding.tolist() == [64, 32, 32, 32]


def test_a_broken_ratings_file_is_skipped_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "ratings.jsonl").write_text(rating("one", 1, 72) + "\n{]\n")
    skipped: list[str] = []
    assert folder_of(tmp_path, skipped) == []
    (sentence,) = skipped
    assert "line 2 is no rating" in sentence


@pytest.mark.timeout(600)
def test_what_is_tuned_is_better_on_held_out_pieces_and_plays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    write_tunes(tmp_path / "mine", 10)
    said: list[str] = []
    outcome = tune.run(
        ZOO / "folk-transformer",
        tmp_path / "mine",
        "walks",
        tmp_path / "out",
        ways=(FULL,),
        effort=Effort(steps=8, every=4, minutes=5.0),
        progress=False,
        say=said.append,
        style_pieces=0,
    )
    assert said[0].startswith("10 pieces: 6 to learn from, 2 to stop by, 2 to judge by")
    assert outcome is not None
    figures = outcome.told
    assert figures.own_after < figures.own_before
    assert outcome.bundle == tmp_path / "out" / "walks"
    manifest = check(outcome.bundle)
    assert manifest.name == "walks"
    assert dict(manifest.metrics)["nll_own_after"] == pytest.approx(figures.own_after, abs=1e-6)
    assert "ripieno-models tune folk-transformer" in manifest.training.command
    model = open_model(manifest, "auto")
    assert np.isfinite(model.step((0,))).all()
    for name in ("before.mid", "before.wav", "after.mid", "after.wav", "tune.json"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    again = opened(outcome.bundle)
    assert again.kind is folk_transformer.KIND
    assert f"{figures.own_after:.4f}" in (outcome.bundle / "CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["folk-transfromer"], "there is no bundle 'folk-transfromer'.*folk-transformer"),
        (["folk-transformer", "--way", "half"], "there is no way 'half'; allowed: both"),
        (["folk-transformer", "--rank", "0"], "rank"),
        (["folk-transformer", "--name", "a/b"], "cannot be the new bundle's name"),
        (["folk-transformer", "--name", "folk-transformer"], "cannot be the new bundle's name"),
    ],
)
def test_a_wrong_word_is_refused(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tune", *words, "--data", str(tmp_path)]) == cli.WRONG_INPUT
    assert re.search(sentence, capsys.readouterr().err)
