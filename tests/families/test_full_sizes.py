"""The sizes that were not run here, for want of an accelerator: each is built, and takes a step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ripieno_models.blocks.dataset import BlockCrops
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.blocks import CONFIGS
from ripieno_models.families.token_registry import TOKEN_FAMILIES
from ripieno_models.options import chosen
from ripieno_models.piece import Split
from ripieno_models.tokens.dataset import collate, framed
from ripieno_models.tokens.nats import Learns, nats_of
from torch import Tensor, nn

from tests.models.material import small_corpus
from tests.models.tunes import melody, song

FULL = sorted(path for size in ("full", "6m", "34m") for path in CONFIGS.glob(f"*-{size}.toml"))
MILLIONS = {
    "folk-transformer-34m": (25, 40), "song-transformer-34m": (25, 40),
    "folk-transformer-6m": (4, 8), "song-transformer-6m": (4, 8),
    "remi-transformer-full": (25, 40), "remi-structured-full": (15, 25),
    "remi-lstm-full": (5, 8), "pitch-lstm-full": (4, 8),
    "vae-full": (4, 8), "hierarchical-vae-full": (5, 12), "gan-full": (2, 4),
    "vq-vae-full": (1, 3),
}  # fmt: skip
"""Parameters, at least and at most."""
LINE = 12
"""Tokens of a line."""


def family_of(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def test_every_family_that_is_larger_by_nature_has_its_size() -> None:
    of_others = {"folk-lstm", "pop-piano", "pop-melody"}
    assert {family_of(path) for path in FULL} >= {*TOKEN_FAMILIES, *BLOCK_FAMILIES} - of_others


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_a_full_size_is_as_large_as_it_says(path: Path) -> None:
    """Without making its numbers; of those with pretrained weights only a stand-in is here."""
    name = family_of(path)
    if path.stem in MILLIONS:
        with torch.device("meta"):
            if name in BLOCK_FAMILIES:
                kind = BLOCK_FAMILIES[name]
                model: nn.Module = kind.build(chosen(kind.options, path, {}))
            else:
                family = TOKEN_FAMILIES[name]
                options = replace(chosen(family.options, path, {}), bpe=0)
                model = family.build(options, len(family.scheme()))
        low, high = MILLIONS[path.stem]
        assert low <= sum(weight.numel() for weight in model.parameters()) / 1e6 <= high


STEPPED = [p for p in FULL if p.stem.endswith("full") and not p.stem.endswith("lora-full")]
"""The others are larger sizes of one architecture, which `remi-transformer-full` has as well, or
begin with weights that are not here: their stand-ins are trained in other tests."""


@pytest.mark.parametrize("path", STEPPED, ids=lambda path: path.stem)
def test_a_full_size_takes_a_step(path: Path) -> None:
    model, loss = started(path)
    loss.backward()  # type: ignore[no-untyped-call]
    moved = [weight for weight in model.parameters() if weight.grad is not None]
    assert len(moved) > 4
    assert all(torch.isfinite(weight.grad).all() for weight in moved if weight.grad is not None)
    first = next(weight for weight in moved if weight.grad is not None and weight.grad.any())
    before = first.detach().clone()
    torch.optim.SGD(moved, lr=1.0).step()
    assert not torch.equal(before, first)


def started(path: Path) -> tuple[nn.Module, Tensor]:
    """The model of a configuration, and its loss on a few examples."""
    torch.manual_seed(1)
    name = family_of(path)
    if name in BLOCK_FAMILIES:
        kind = BLOCK_FAMILIES[name]
        told = replace(chosen(kind.options, path, {}), batch=2)
        model = kind.build(told).train()
        batch = next(iter(BlockCrops(small_corpus().of(Split.TRAIN), told, kind.blocks)))
        return model, model.loss(batch, 0.5).total
    family = TOKEN_FAMILIES[name]
    # Merges are learned from a corpus; without them the tables are a little smaller.
    options = replace(chosen(family.options, path, {}), bpe=0)
    scheme = family.scheme()
    tune = melody(3) if family.use == "melody" else song(3)
    ids = framed(scheme.encode(family.forms(tune)[0]), tune.fifths, scheme)[:LINE]
    reader, lines = family.build(options, len(scheme)).train(), collate([ids, ids], scheme)
    if isinstance(reader, Learns):
        return reader, reader.learn(lines.tokens[:, :-1], lines.targets)[0]
    return reader, nats_of(reader, lines) / LINE
