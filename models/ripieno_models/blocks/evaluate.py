"""What a run of a family of blocks can do, on held-out pieces, and which known failures it has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from ripieno.errors import RipienoError
from ripieno.grammar.grid import STEPS_PER_BEAT, VOCABULARY, VOICES
from torch import Tensor
from torch.nn import functional

from ripieno_models.blocks.adversarial import distances, drawn
from ripieno_models.blocks.dataset import whole
from ripieno_models.blocks.runs import load
from ripieno_models.corpora import Corpus
from ripieno_models.families.blocks import IGNORED, UNKNOWN, BlockBatch, Blocks, nats_of
from ripieno_models.families.gan import Gan, rolls
from ripieno_models.families.vae import Variational, divergence
from ripieno_models.families.vq_vae import VqVae
from ripieno_models.piece import Piece, Split
from ripieno_models.runs import FIGURES, read, write

Figures = dict[str, float]
ACTIVE = 0.01
"""Variance of a latent's mean above which that number says something (Burda et al., 2016)."""


def figures(folder: Path, corpus: Corpus, test: bool = False) -> Figures:
    """Measure the run in `folder` on the validation pieces, or with `test` on the test pieces, and
    keep the figures beside it. Raises RipienoError."""
    model, _, _ = load(folder)
    split = Split.TEST if test else Split.VALID
    pieces, trained = corpus.of(split), corpus.of(Split.TRAIN)
    if not pieces or not trained:
        raise RipienoError(f"there are no {split} pieces", where=corpus.name)
    told = read(folder, FIGURES) | figures_of(model, pieces, trained, split.value)
    write(folder, FIGURES, told)
    return told


@torch.inference_mode()
def figures_of(
    model: Blocks, pieces: Sequence[Piece], trained: Sequence[Piece], part: str
) -> Figures:
    """Figures by name, beside the floor that a model must beat."""
    blocks, known = joined(whole(pieces, model.steps)), joined(whole(trained, model.steps))
    if isinstance(model, Gan):
        return of_rolls(model, rolls(blocks.targets), rolls(known.targets), part)
    codes = model.encode(blocks.heard)
    told = {
        f"reconstruction_{part}": nats(model, codes, blocks),
        f"right_{part}": right(model.decode(codes), blocks.targets),
        f"reconstruction_{part}_of_another": nats(model, codes.roll(1, 0), blocks),
        f"reconstruction_{part}_soprano_heard": nats(model, model.encode(alone(blocks)), blocks),
        f"floor_{part}": floor(known.targets, blocks.targets),
    }
    if isinstance(model, Variational):
        mean, spread = model.heads(blocks.heard)
        kl = divergence(mean, spread).sum(-1).mean()
        told[f"kl_{part}"] = float(kl)
        told[f"bound_{part}"] = told[f"reconstruction_{part}"] + float(kl) / decisions(blocks)
        told["active"] = float((mean.var(0) > ACTIVE).sum())
    if isinstance(model, VqVae):
        told |= of_codes(model, codes, part)
    return told


def of_codes(model: VqVae, codes: Tensor, part: str) -> Figures:
    """How much of the codebook is in use, and how well its prior knows what follows."""
    shares = torch.bincount(codes.flatten(), minlength=model.entries) / codes.numel()
    logits = model.prior(codes)
    return {
        "entries_used": float(torch.exp(-torch.special.xlogy(shares, shares).sum())),
        f"prior_{part}": float(functional.cross_entropy(logits.flatten(0, 1), codes.flatten())),
    }


def of_rolls(model: Gan, real: Tensor, known: Tensor, part: str) -> Figures:
    """How far its rolls lie from real ones, beside those of keys that know nothing of each other;
    and how much two of them differ, beside two real ones."""
    made = drawn(model, len(real))
    random = torch.Generator().manual_seed(1)
    lonely = torch.bernoulli(known.mean((0, 1)).expand_as(real), generator=random)
    told = {f"distance_{part}_{name}": value for name, value in distances(real, made).items()}
    total, least = sum(told.values()), sum(distances(real, lonely).values())
    return told | {
        f"reconstruction_{part}": total,
        f"floor_{part}": least,
        "variety": variety(made),
        "variety_of_real": variety(real),
    }


def variety(roll: Tensor) -> float:
    """In how many keys two neighbours of [N, T, 88] differ at a sixteenth; 0: all are the same."""
    return float((roll[1:] - roll[:-1]).abs().sum(-1).mean())


def joined(batches: Sequence[BlockBatch]) -> BlockBatch:
    """All batches as one."""
    heard, targets = zip(*batches, strict=True)
    return BlockBatch(torch.cat(heard), torch.cat(targets))


def alone(blocks: BlockBatch) -> Tensor:
    """The same blocks, of which only the soprano is heard."""
    heard = blocks.heard.clone()
    heard[..., 1:] = UNKNOWN
    return heard


def nats(model: Blocks, drawn_of: Tensor, blocks: BlockBatch) -> float:
    return float(nats_of(model.decode(drawn_of), blocks.targets))


def decisions(blocks: BlockBatch) -> float:
    """Of a block, in the mean."""
    return float((blocks.targets != IGNORED).sum() / len(blocks.targets))


def right(logits: Tensor, targets: Tensor) -> float:
    """Share of the decisions whose likeliest token is the right one."""
    counted = targets != IGNORED
    return float((logits.argmax(-1) == targets)[counted].float().mean())


def floor(known: Tensor, asked: Tensor) -> float:
    """Nats per decision of who knows only how often each voice has each token at each sixteenth of
    the beat, counted in `known` [B, T, 4]."""
    told = 0.0
    for place in range(STEPS_PER_BEAT):
        for voice in range(len(VOICES)):
            lines = (each[:, place::STEPS_PER_BEAT, voice] for each in (known, asked))
            seen, wanted = (line[line != IGNORED] for line in lines)
            counts = torch.bincount(seen, minlength=VOCABULARY) + 1.0
            told -= float((counts / counts.sum()).log()[wanted].sum())
    return told / float((asked != IGNORED).sum())


def failures(told: Figures, part: str = "valid") -> list[str]:
    """Which of the known failures the figures show, in sentences."""
    found = []
    if told[f"reconstruction_{part}"] >= told[f"floor_{part}"]:
        found.append("it is no better than who knows nothing of the block")
    other = told.get(f"reconstruction_{part}_of_another")
    if other is not None and other < 1.2 * told[f"reconstruction_{part}"]:
        found.append("posterior collapse: a block told by another's latent is as good as its own")
    if told.get("entries_used", 8.0) < 4.0:
        found.append("codebook collapse: fewer than four entries are in use")
    if told.get("variety", 1.0) < 0.25 * told.get("variety_of_real", 1.0):
        found.append("mode collapse: what it makes is nearly always the same")
    return found
