"""Families of blocks: their data, what they learn, their known failures, and their bundles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import log
from pathlib import Path
from typing import Any

import jsonschema
import mido
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from ripieno.errors import RipienoError, SettingError
from ripieno.grammar.grid import FIRST_PITCH, HOLD, LOWEST, REST
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models import family_results
from ripieno_models.blocks import (
    adversarial,
    card,
    commands,
    evaluate,
    export,
    listening,
    runs,
    sample,
)
from ripieno_models.blocks.dataset import BlockCrops, begins, block, whole
from ripieno_models.blocks.torch_blocks import TorchBlocks
from ripieno_models.blocks.written import BlockWriter
from ripieno_models.cli import main
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.blocks import IGNORED, UNKNOWN, BlockBatch, Blocks, nats_of
from ripieno_models.families.gan import LOWEST_KEY, Gan, rolls
from ripieno_models.families.vae import divergence
from ripieno_models.families.vq_vae import VqVae
from ripieno_models.harness import compare
from ripieno_models.harness.written import answers
from ripieno_models.options import chosen
from ripieno_models.piece import Split
from ripieno_models.runs import FIGURES, RECORD, read

from tests.engine.bundles import write_bundle
from tests.models.material import small_corpus

SCHEMA = Path(compare.__file__).with_name("results.schema.json")

ALL: dict[str, Any] = {
    "steps": 6, "steps_per_epoch": 3, "batch": 2, "warmup": 1, "average": 0.5, "embedding": 4,
    "learning_rate": 3e-3,
}  # fmt: skip
TINY: Mapping[str, dict[str, Any]] = {
    "vae": {"hidden": 12, "latent": 8, "told": 4},
    "hierarchical-vae": {"hidden": 12, "latent": 8, "told": 4, "plan": 8, "crop": 32},
    "vq-vae": {"width": 16, "entries": 6, "code": 4, "prior_hidden": 8, "crop": 16},
    "gan": {"hidden": 12, "noise": 8, "width": 8, "crop": 16},
}
NAMES = list(BLOCK_FAMILIES)


def options_of(name: str, **changes: Any) -> Any:
    return BLOCK_FAMILIES[name].options(**{**ALL, **TINY[name], **changes})


def model_of(name: str, **changes: Any) -> Blocks:
    torch.manual_seed(1)
    return BLOCK_FAMILIES[name].build(options_of(name, **changes)).eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two wait for each other longer than they compute, with models as small as these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of each family, evaluated."""
    place, corpus = tmp_path_factory.mktemp("runs"), small_corpus()
    for name, kind in BLOCK_FAMILIES.items():
        runs.fit(kind, options_of(name), corpus, place / name, progress=False)
        evaluate.figures(place / name, corpus)
    return {name: place / name for name in NAMES}


# ---- data


def test_blocks_begin_on_bar_lines_and_end_with_the_piece() -> None:
    piece = small_corpus().of(Split.TRAIN)[0]
    lines = begins(piece, 32)
    assert lines
    assert all(piece.place[line] == 0 and len(piece) - line >= 16 for line in lines)
    last = block(piece, lines[-1], 64)
    left = min(64, len(piece) - lines[-1])
    assert (last[:left] != IGNORED).all()
    assert (last[left:] == IGNORED).all()
    assert (last[0] != HOLD).all()


def test_a_batch_follows_from_its_numbers_and_hides_what_it_should() -> None:
    options = options_of("vae", hide_voices=1.0, hide_part=0.0, batch=8)
    crops = BlockCrops(small_corpus().of(Split.TRAIN), options, 1)
    one, again = list(crops), list(crops)
    assert len(one) == options.steps_per_epoch
    for first, second in zip(one, again, strict=True):
        assert torch.equal(first.heard, second.heard)
        assert torch.equal(first.targets, second.targets)
        unknown = (first.heard == UNKNOWN).all(1)  # [B, 4]
        assert ((unknown.sum(1) >= 1) & (unknown.sum(1) <= 3)).all()
        shown = first.heard != UNKNOWN
        assert torch.equal(first.heard[shown], first.targets[shown])
    for number in (0, 1):  # two processes have the whole batch between them
        crops.share = (number, 2)
        assert torch.equal(next(iter(crops)).targets, one[0].targets[number::2])
    crops.share = (0, 1)
    crops.epoch = 1
    assert not torch.equal(next(iter(crops)).targets, one[0].targets)


def test_whole_pieces_are_told_once() -> None:
    pieces = small_corpus().of(Split.VALID)
    told = evaluate.joined(whole(pieces, 16)).targets
    counted = sum(len(p) - begins(p, 16)[0] for p in pieces)
    assert 0.7 * counted <= int((told[..., 0] != IGNORED).sum()) <= counted


# ---- models


@pytest.mark.parametrize("name", NAMES)
def test_what_a_block_is_made_of_makes_a_block(name: str) -> None:
    model = model_of(name)
    tokens = torch.randint(0, UNKNOWN + 1, (3, model.steps, 4))
    drawn = model.encode(tokens)
    assert drawn.shape == (3, model.size)
    shape = (88,) if model.output == "roll" else (4, 48)
    assert model.decode(drawn).shape == (3, model.steps, *shape)


@pytest.mark.parametrize("name", ["vae", "hierarchical-vae", "vq-vae"])
def test_it_learns_a_block_by_heart(name: str) -> None:
    """Two blocks that differ, each told from what it is made of."""
    model = model_of(name, dropout=0.0).train()
    steps = BLOCK_FAMILIES[name].blocks * model.steps
    tokens = torch.full((2, steps, 4), HOLD)
    tokens[0, ::4], tokens[1, ::4] = FIRST_PITCH + 10, FIRST_PITCH + 30
    batch = BlockBatch(tokens, tokens)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(250):
        loss = model.loss(batch, 0.0)
        optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    model.eval()
    with torch.inference_mode():
        own = model.encode(tokens[:, : model.steps])
        right = float(nats_of(model.decode(own), tokens[:, : model.steps]))
        wrong = float(nats_of(model.decode(own.flip(0)), tokens[:, : model.steps]))
    assert right < 0.25
    assert wrong > 3 * right


def test_nats_of_a_latent_told_by_hand() -> None:
    """Of normal distributions: 0 for the prior itself, half a square for a moved mean."""
    mean = torch.tensor([[0.0, 2.0, 0.0]])
    spread = torch.tensor([[0.0, 0.0, 2.0 * log(3.0)]])
    wanted = torch.tensor([0.0, 2.0, (9.0 - 1.0 - 2.0 * log(3.0)) / 2])
    assert torch.allclose(divergence(mean, spread)[0], wanted)


def test_the_prior_is_the_same_code_by_code() -> None:
    model = model_of("vq-vae")
    assert isinstance(model, VqVae)
    codes = torch.randint(0, model.entries, (1, 2 * model.size))
    whole_line = model.prior(codes)[0]
    memory = torch.zeros(1, model.prior.memory)
    for place, code in enumerate([model.entries, *codes[0].tolist()][:-1]):
        logits, memory = model.prior.step(torch.tensor([code]), memory)
        assert torch.allclose(logits[0], whole_line[place], atol=1e-5)


def test_an_entry_that_nobody_uses_begins_anew() -> None:
    model = model_of("vq-vae")
    assert isinstance(model, VqVae)
    vectors = torch.nn.functional.normalize(torch.randn(32, model.codebook.shape[1]), dim=-1)
    before = model.codebook.detach().clone()
    for _ in range(200):
        model.begin_anew(vectors, torch.zeros(8, dtype=torch.long))
    after = model.codebook.detach()
    assert torch.equal(after[0], before[0])
    near = (after[1:, None] - vectors[None]).norm(dim=-1).amin(1)
    assert torch.allclose(near, torch.zeros_like(near), atol=1e-6)


def test_a_roll_told_by_hand() -> None:
    tokens = torch.tensor([[[2, 14, REST, 2], [HOLD, 16, HOLD, IGNORED], [REST, HOLD, HOLD, HOLD]]])
    keys = [sorted(step.nonzero()[:, 0].tolist()) for step in rolls(tokens)[0]]
    low = LOWEST - LOWEST_KEY
    assert keys == [[low, low + 12], [low, low + 14], [low + 14]]


def test_distances_are_none_from_themselves_and_all_from_silence() -> None:
    real = rolls(evaluate.joined(whole(small_corpus().of(Split.VALID), 16)).targets)
    assert sum(adversarial.distances(real, real).values()) == pytest.approx(0.0, abs=1e-6)
    silent = adversarial.distances(real, torch.zeros_like(real))
    assert (silent["keys"], silent["intervals"]) == (1.0, 1.0)
    moved = adversarial.distances(real, real.roll(1, -1))
    assert moved["keys"] > 0.05
    assert moved["at_once"] == pytest.approx(0.0, abs=1e-6)
    assert moved["intervals"] == pytest.approx(0.0, abs=1e-6)


# ---- runs


@pytest.mark.parametrize("name", NAMES)
def test_a_run_leaves_what_the_others_need(name: str, made: dict[str, Path]) -> None:
    told = read(made[name], RECORD)
    assert told["family"] == name
    assert told["parameters"] > 0
    assert told["command"].startswith(f"ripieno-models train {name}")
    figures = read(made[name], FIGURES)
    assert all(np.isfinite(value) for value in figures.values())
    assert {"reconstruction_valid", "floor_valid"} <= figures.keys()
    curve = (made[name] / "curve.csv").read_text().splitlines()
    assert curve[0] == "step,train_nll,valid_reconstruction,valid_nll"
    assert len(curve) >= 2


class BreakOff(Callback):
    """Ctrl-C in the second epoch."""

    def on_train_batch_start(self, trainer: object, module: object, batch: object, at: int) -> None:
        if trainer.current_epoch == 1 and at == 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_a_run_goes_on_to_the_same_curve(name: str, tmp_path: Path) -> None:
    kind, corpus, options = BLOCK_FAMILIES[name], small_corpus(), options_of(name, steps=12)
    whole_run, broken = tmp_path / "whole", tmp_path / "broken"
    runs.fit(kind, options, corpus, whole_run, progress=False)
    trainer = runs.fit(kind, options, corpus, broken, progress=False, more=[BreakOff()])
    assert trainer.interrupted
    runs.fit(kind, options, corpus, broken, resume=True, progress=False)
    one, other = (
        [
            [float(x) for x in row.split(",")]
            for row in (folder / "curve.csv").read_text().split()[1:]
        ]
        for folder in (whole_run, broken)
    )
    assert len(one) >= 3
    assert np.allclose(one, other, atol=1e-5)


@pytest.fixture(scope="module")
def written(made: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a vae. The other families' are written by `make families`, because the exporter
    takes long."""
    return export.bundle(made["vae"], small_corpus(), tmp_path_factory.mktemp("zoo"))


def test_a_bundle_says_what_torch_says(made: dict[str, Path], written: Path) -> None:
    name, folder = "vae", written
    corpus = small_corpus()
    played = open_model(check(folder))
    assert isinstance(played, BlockModel)
    model, _, kind = runs.load(made[name])
    tokens = whole(corpus.of(Split.VALID), model.steps, batch=1)[0].heard
    still = np.zeros(played.spec.directions, np.float32)
    with torch.inference_mode():
        drawn = model.encode(tokens)[0].numpy()
        if kind.hears:
            found = played.encode(tokens[0].numpy())
            assert np.abs(found - drawn).max() <= 1e-4
        told = model.decode(torch.from_numpy(drawn)[None])[0].numpy()
    assert np.abs(played.decode(drawn, still) - told).max() <= 1e-4
    if played.spec.directions:
        turned = still.copy()
        turned[0] = 3.0
        assert np.abs(played.decode(drawn, turned) - told).max() > 1e-3
    words = (folder / "CARD.md").read_text()
    assert f"# {name}" in words
    assert "Known failures" in words or card.NO_FAILURE in words


def test_a_graph_that_differs_is_refused(made: dict[str, Path], written: Path) -> None:
    model, _, kind = runs.load(made["vae"])
    heard = [b.heard for b in whole(small_corpus().of(Split.VALID), model.steps, batch=1)][:1]
    assert export.gate(model, kind, written, heard) <= 1e-4
    with torch.no_grad():
        next(model.parameters()).add_(0.5)
    with pytest.raises(RipienoError, match="differ from torch"):
        export.gate(model, kind, written, heard)


def test_directions_are_the_ways_that_matter() -> None:
    model = model_of("vae")
    ways = export.directions(model)
    assert torch.allclose(ways @ ways.T, torch.eye(4), atol=1e-5)
    moved = (model.entrance(ways) - model.entrance(torch.zeros(1, model.size))).norm(dim=1)
    assert moved.tolist() == sorted(moved.tolist(), reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_block_can_be_listened_to(name: str, made: dict[str, Path], tmp_path: Path) -> None:
    model, _, _ = runs.load(made[name])
    form = small_corpus().of(Split.VALID)[0]
    piece = listening.piece_from(model, form)
    assert len(piece) == min(model.steps, len(form) - begins(form, model.steps)[0])
    listening.block_writer(lambda: [form])(model, tmp_path / "a.mid")
    notes = [m for m in mido.MidiFile(tmp_path / "a.mid") if m.type == "note_on" and m.velocity]
    assert len(notes) == len(piece.notes())


# ---- what they write


@pytest.mark.parametrize("name", NAMES)
def test_a_run_draws_pieces_and_counts_them(name: str, made: dict[str, Path]) -> None:
    told = sample.samples(made[name], small_corpus(), pieces=2, temperature=1.0, seed=3)
    hears = BLOCK_FAMILIES[name].hears
    assert list(told["writing"]) == ["Bach", "from nothing", *["after a phrase"] * hears]
    assert {path.name for path in made[name].glob("sample*")} >= {
        "sample-1.mid", "sample-2.mid", "samples.svg", "samples.json",
    }  # fmt: skip
    first = (made[name] / "sample-1.mid").read_bytes()
    assert sample.samples(made[name], small_corpus(), 2, 1.0, 3) == told
    assert (made[name] / "sample-1.mid").read_bytes() == first
    if name == "vae":  # once is enough
        assert sample.samples(made[name], small_corpus(), 2, 1.0, 4)["writing"] != told["writing"]


@pytest.mark.parametrize("name", ["vae", "vq-vae"])
def test_it_goes_on_from_what_it_heard(name: str, made: dict[str, Path]) -> None:
    """Two phrases, with the same chance: the phrase is kept, and what follows differs by it."""
    model, _, kind = runs.load(made[name])
    writer = BlockWriter(TorchBlocks(model, kind), variation=0.0)
    form, other = small_corpus().of(Split.VALID)
    told = answers(writer, [form, other], seed=1, opening=32)
    assert [len(piece) for piece in told] == [len(form) - 32] * 2
    assert not np.array_equal(told[0].tokens, told[1].tokens)
    written = writer.write(form, 1, 32)
    assert np.array_equal(written.tokens[:32], form.tokens[:32])
    assert np.array_equal(written.tokens, writer.write(form, 1, 32).tokens)


def test_a_bundle_writes_what_its_run_writes(made: dict[str, Path], written: Path) -> None:
    model, _, kind = runs.load(made["vae"])
    form = small_corpus().of(Split.VALID)[0]
    played = open_model(check(written))
    assert isinstance(played, BlockModel)
    one = BlockWriter(played, 0.5).write(form, 2, 32).tokens
    other = BlockWriter(TorchBlocks(model, kind), 0.5).write(form, 2, 32).tokens
    assert (one == other).mean() > 0.98


def test_blocks_stand_beside_decisions_in_a_comparison(written: Path, tmp_path: Path) -> None:
    grid = write_bundle(tmp_path / "test-lstm")
    told, music = compare.compare([grid, written], small_corpus(), Split.VALID, pieces=2, seed=1)
    jsonschema.validate(json.loads(json.dumps(told)), json.loads(SCHEMA.read_text()))
    _, first, second = told["rows"]
    assert "nll" in first
    assert "nll" not in second
    assert second["parameters"] > 0 and second["milliseconds"] > 0
    assert [len(piece) for piece in music["vae"]] == [len(piece) for piece in music[compare.REAL]]
    page = family_results.compared(told)
    assert "| `vae` | " in page
    assert " | – | " in page


# ---- failures, and wrong input


def test_each_known_failure_is_seen() -> None:
    good = {"reconstruction_valid": 0.3, "floor_valid": 1.0, "reconstruction_valid_of_another": 2.0}
    assert evaluate.failures(good) == []
    for key, value, word in (
        ("reconstruction_valid", 1.1, "no better"),
        ("reconstruction_valid_of_another", 0.3, "posterior collapse"),
        ("entries_used", 2.0, "codebook collapse"),
        ("variety", 0.1, "mode collapse"),
    ):
        found = evaluate.failures({**good, key: value, "variety_of_real": 5.0})
        assert any(word in sentence for sentence in found), key


def test_a_model_that_ignores_its_latent_is_told() -> None:
    """A decoder whose first layer is zero tells the same block whatever it is told."""
    model = model_of("vae")
    with torch.no_grad():
        model.entrance.weight.zero_()
    corpus = small_corpus()
    figures = evaluate.figures_of(model, corpus.of(Split.VALID), corpus.of(Split.TRAIN), "valid")
    assert any("posterior collapse" in sentence for sentence in evaluate.failures(figures))


def test_a_generator_that_makes_one_block_is_told() -> None:
    model = model_of("gan")
    assert isinstance(model, Gan)
    with torch.no_grad():
        model.outer.weight.zero_()
        model.outer.bias.copy_(torch.where(torch.arange(88) % 7 == 0, 5.0, -5.0))
    corpus = small_corpus()
    figures = evaluate.figures_of(model, corpus.of(Split.VALID), corpus.of(Split.TRAIN), "valid")
    assert any("mode collapse" in sentence for sentence in evaluate.failures(figures))


@pytest.mark.parametrize("name", NAMES)
def test_the_configurations_are_whole(name: str) -> None:
    kind = BLOCK_FAMILIES[name]
    small = chosen(kind.options, kind.config, {})
    full = chosen(kind.options, kind.config.with_name(f"{name}-full.toml"), {})
    assert full == kind.options()
    assert small != full
    for path in (kind.config, kind.config.with_name(f"{name}-full.toml")):
        keys = [line.split(" =")[0] for line in path.read_text().splitlines() if " = " in line]
        assert keys == [item.name for item in fields(kind.options)]


def test_wrong_input_is_told_in_a_sentence(
    made: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingError, match="bars"):
        options_of("hierarchical-vae", crop=40)
    with pytest.raises(SettingError, match="whole beats"):
        options_of("vq-vae", crop=18)
    for words, sentence in (
        (["judge", "vae"], "vae has no 'judge'"),
        (["sample", "vae", "--temperature", "3"], "temperature = 3 is out of range"),
        (["sample", "gan", "--out", str(made["vae"])], "this is a run of 'vae'"),
        (["train", "vae", "--entries", "3"], "vae has no option --entries"),
        (["evaluate", "gan", "--out", str(made["vae"])], "this is a run of 'vae'"),
        (["export", "vae", "--out", "/nowhere"], "no weights of a family of blocks"),
    ):
        assert main(words) == 2
        assert sentence in capsys.readouterr().err
    assert set(commands.COMMANDS) == {"train", "evaluate", "sample", "export", "report"}


def test_too_little_to_learn_from_is_told(tmp_path: Path) -> None:
    corpus = small_corpus()
    empty = type(corpus)(corpus.name, corpus.licence, tuple(corpus.of(Split.TRAIN)))
    with pytest.raises(RipienoError, match="0 to validate on"):
        runs.fit(BLOCK_FAMILIES["vae"], options_of("vae"), empty, tmp_path, progress=False)
