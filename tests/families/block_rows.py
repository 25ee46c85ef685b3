"""A family that makes blocks of bars from end to end: as `rows`, with what only such a one can do.

A row is red unless it tells blocks better than its floor, its graphs say what torch says, the
engine finds in a phrase what the trainer finds, eight bars play, and a morph leads from one phrase
to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ripieno.inference.blocks.latent import between
from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.bundle import check
from ripieno.inference.opening import open_model
from ripieno_models.blocks import evaluate, export, runs
from ripieno_models.blocks.dataset import whole
from ripieno_models.corpora import Corpus
from ripieno_models.families.block_registry import BLOCK_FAMILIES
from ripieno_models.families.blocks import Blocks
from ripieno_models.gates import LARGEST_DIFFERENCE
from ripieno_models.piece import Split
from ripieno_models.runs import RECORD, read

from tests.families.rows import Row, eight_bars

BLOCK_STREAMS: tuple[str, ...] = tuple(BLOCK_FAMILIES)
SMALLER: dict[str, dict[str, Any]] = {
    "vae": {"hidden": 96, "latent": 48, "told": 32, "steps": 500},
    "hierarchical-vae": {"hidden": 64, "latent": 64, "told": 32, "plan": 64, "steps": 400},
    "vq-vae": {"width": 32, "entries": 64, "prior_hidden": 64, "batch": 8, "steps": 300},
    "gan": {"hidden": 64, "width": 48, "critic_steps": 2, "learning_rate": 1e-3, "steps": 900},
}
"""Of one processor and less than a minute; the families' own sizes are their defaults."""
ALL: dict[str, Any] = {
    "batch": 16, "average": 0.9, "warmup": 20, "steps_per_epoch": 100, "learning_rate": 3e-3,
}  # fmt: skip
CHECKED = 4
"""Phrases whose morphs are looked at."""
Arrays = NDArray[Any]


@dataclass(frozen=True, slots=True)
class BlockRow(Row):
    """`untrained` is the floor, `nll` the reconstruction; of a gan both are distances from real
    rolls. `morphs`: of the ends of morphs, how many are nearer to their own phrase."""

    morphs: int = 0
    wanted: int = 0

    @property
    def good(self) -> bool:
        """It has learned, its graphs say what torch says, it plays, it leads where it should."""
        exact = max(self.difference, self.replayed) <= LARGEST_DIFFERENCE
        plays = self.notes >= 8 and not self.hanging
        return self.nll < self.untrained and exact and plays and self.morphs >= self.wanted


def block_row(name: str, corpus: Corpus, folder: Path, **options: Any) -> BlockRow:
    """Take the family `name` from training to eight bars of music, in `folder`."""
    began = perf_counter()
    kind, run = BLOCK_FAMILIES[name], folder / name
    chosen = kind.options(**{**ALL, **SMALLER[name], **options})
    runs.fit(kind, chosen, corpus, run, progress=False)
    told = evaluate.figures(run, corpus)
    bundle = export.bundle(run, corpus, folder / "zoo")
    notes, hanging = eight_bars(bundle, folder / f"{name}.take")
    model, _, _ = runs.load(run)
    played = open_model(check(bundle))
    assert isinstance(played, BlockModel)
    morphs, wanted = morphed(played, heard(model, corpus)) if kind.hears else (0, 0)
    return BlockRow(
        name=name,
        parameters=read(run, RECORD)["parameters"],
        untrained=told["floor_valid"],
        nll=told["reconstruction_valid"],
        difference=dict(check(bundle).metrics)["largest_logit_difference"],
        replayed=engine_difference(played, model, heard(model, corpus)),
        notes=notes,
        hanging=hanging,
        seconds=perf_counter() - began,
        morphs=morphs,
        wanted=wanted,
    )


def heard(model: Blocks, corpus: Corpus) -> list[Arrays]:
    """[T, 4] of the first blocks of some validation pieces."""
    pieces = corpus.of(Split.VALID)[: 2 * CHECKED]
    return [whole([piece], model.steps, batch=1)[0].heard[0].numpy() for piece in pieces]


@torch.inference_mode()
def engine_difference(played: BlockModel, model: Blocks, blocks: list[Arrays]) -> float:
    """The largest difference between engine and trainer in what blocks are made of, and in what is
    told of them."""
    found: list[float] = []
    still = np.zeros(played.spec.directions, np.float32)
    for number, tokens in enumerate(blocks):
        if played.hears:
            right = model.encode(torch.from_numpy(tokens)[None])
            drawn = played.encode(tokens)
            found.append(float(np.abs(drawn - right[0].numpy()).max()))
        else:
            random = np.random.default_rng(number)
            drawn = random.standard_normal(model.size).astype(np.float32)
        told = model.decode(torch.from_numpy(drawn)[None])[0].numpy()
        found.append(float(np.abs(played.decode(drawn, still) - told).max()))
    return max(found)


def morphed(played: BlockModel, blocks: list[Arrays]) -> tuple[int, int]:
    """(how many ends of morphs between neighbours are nearer to their own phrase than to the other
    one, how many there should be at least). Codes have no arc: there it is what is told of them."""
    nearer, still = 0, np.zeros(played.spec.directions, np.float32)
    pairs = list(zip(blocks[::2], blocks[1::2], strict=False))
    for pair in pairs:
        drawn = [played.encode(tokens) for tokens in pair]
        for share in (0, 1):
            end = drawn[share]
            if played.spec.kind == "latent":
                end = between(drawn[0], drawn[1], float(share))  # type: ignore[arg-type]
            told = played.decode(end, still)
            own, other = (nats(told, pair[which]) for which in (share, 1 - share))
            nearer += own < other
    return nearer, 2 * len(pairs) - len(pairs) // 2


def nats(logits: Arrays, tokens: Arrays) -> float:
    """Nats per decision of `tokens` [T, 4] for `logits` [T, 4, 48]."""
    told = torch.from_numpy(logits).log_softmax(-1)
    known = torch.from_numpy(tokens) < told.shape[-1]
    right = torch.from_numpy(np.where(known, tokens, 0))[..., None]
    return -float(told.gather(-1, right)[..., 0][known].mean())
